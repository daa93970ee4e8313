-- Sums by year, so that a level is read from few rows however old its organisation; and some sums for organisations of
-- the size of a commune. All sums are made anew from the deltas, by and by: nothing is projected again.

CREATE TABLE reporting.yearly_sum (
    organisation_id text NOT NULL,
    measure text NOT NULL,
    year date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, measure, year)
) WITH (fillfactor = 80);
COMMENT ON TABLE reporting.yearly_sum IS 'What running_sum has of all days of a year, by its first day.';

ALTER TABLE reporting.summed ADD COLUMN is_partly boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN reporting.summed.is_partly IS 'Has sums of deltas as known now, and while it is not is_summed none of spells and of what was known when. Earlier versions look at is_summed only.';
ALTER TABLE reporting.running_sum_progress ADD COLUMN whole_years_position bigint;
COMMENT ON COLUMN reporting.running_sum_progress.whole_years_position IS 'The same position again, as whole_position is: of a version that keeps sums by year.';

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.yearly_sum TO ketnap_reporting;
