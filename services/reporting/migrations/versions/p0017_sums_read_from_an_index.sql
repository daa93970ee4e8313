-- With the amount in it: the sums of a province's communes lie all over their tables, and each was fetched by itself.
-- The index is made before anything is locked that reads need.
CREATE UNIQUE INDEX yearly_sum_amount ON reporting.yearly_sum (organisation_id, measure, year) INCLUDE (amount);
ALTER TABLE reporting.yearly_sum
    DROP CONSTRAINT yearly_sum_pkey,
    ADD CONSTRAINT yearly_sum_pkey PRIMARY KEY USING INDEX yearly_sum_amount;

CREATE UNIQUE INDEX running_sum_amount ON reporting.running_sum (organisation_id, measure, is_month, day)
    INCLUDE (amount);
ALTER TABLE reporting.running_sum
    DROP CONSTRAINT running_sum_pkey,
    ADD CONSTRAINT running_sum_pkey PRIMARY KEY USING INDEX running_sum_amount;
