-- Sums by what was known when, for reads of a past known_at; and the places of large trees among the sums. All sums
-- are made anew from the deltas, by and by: nothing is projected again.

CREATE TABLE reporting.known_sum (
    organisation_id text NOT NULL,
    measure text NOT NULL,
    is_month boolean NOT NULL,
    day date NOT NULL,
    block integer NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, measure, is_month, day, block)
) WITH (fillfactor = 90);
COMMENT ON TABLE reporting.known_sum IS 'By how much the positions of one block changed a running sum: those of all blocks up to one are the running sum as known at its end.';
COMMENT ON COLUMN reporting.known_sum.block IS 'BLOCK of projector/running_sums.py: positions of block n are those after n * BLOCK up to (n + 1) * BLOCK.';

ALTER TABLE reporting.summed ADD COLUMN known_since bigint;
COMMENT ON COLUMN reporting.summed.known_since IS 'The position from which on known_sum has all of the organisation.';
ALTER TABLE reporting.running_sum_progress ADD COLUMN whole_position bigint;
COMMENT ON COLUMN reporting.running_sum_progress.whole_position IS 'The same position again: where it differs, a version that does not keep all of these sums has been at work, and they are begun anew.';

CREATE INDEX place_version_known_from ON reporting.place_version (known_from);
CREATE INDEX place_version_known_to ON reporting.place_version (known_to) WHERE known_to < 9223372036854775807;

-- Evidence of a large tree goes through the deltas of a measure in log order. What is said often is found soon enough.
CREATE INDEX delta_rare ON reporting.delta (measure, position)
    WHERE split_part(measure, '.', 1) <> ALL ('{candidates,members,admissions,confirmations,candidates_identified,training_completions}');
CREATE INDEX organisation_version_valid_to ON reporting.organisation_version (valid_to) WHERE valid_to < 'infinity';
CREATE INDEX organisation_version_valid_from ON reporting.organisation_version (valid_from);
CREATE INDEX holding_version_valid_to ON reporting.holding_version (valid_to) WHERE valid_to < 'infinity';

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.known_sum TO ketnap_reporting;
