-- Sums that make the reading of large trees fast. They are made from the deltas, by and by: nothing is projected
-- again. Whoever empties the deltas empties these too.

CREATE TABLE reporting.running_sum_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE reporting.running_sum_progress IS 'One row: the last position whose deltas are in the running sums.';

CREATE TABLE reporting.summed (
    organisation_id text PRIMARY KEY,
    below bigint NOT NULL,
    is_summed boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE reporting.summed IS 'Organisations with others below them: how many were put there, and whether that is enough for sums to be kept.';

CREATE TABLE reporting.running_sum (
    organisation_id text NOT NULL,
    measure text NOT NULL,
    is_month boolean NOT NULL,
    day date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, measure, is_month, day)
) WITH (fillfactor = 70);
COMMENT ON TABLE reporting.running_sum IS 'What a measure changes by within an organisation''s tree, on one day or in the month that begins with it; tree and facts as they are known at the position of running_sum_progress.';

CREATE INDEX delta_position ON reporting.delta (position);
CREATE INDEX delta_counterpart ON reporting.delta (counterpart) WHERE counterpart IS NOT NULL;
CREATE INDEX organisation_version_known_from ON reporting.organisation_version (known_from);
CREATE INDEX organisation_version_known_to ON reporting.organisation_version (known_to)
    WHERE known_to < 9223372036854775807;
CREATE INDEX holding_version_known_from ON reporting.holding_version (known_from);
CREATE INDEX holding_version_known_to ON reporting.holding_version (known_to) WHERE known_to < 9223372036854775807;

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.running_sum_progress, reporting.summed, reporting.running_sum
    TO ketnap_reporting;
