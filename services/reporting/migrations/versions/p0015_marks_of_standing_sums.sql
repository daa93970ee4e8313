-- Standing sums as they stood at some positions, so that a list as known long ago begins with the nearest of them. The
-- sums are begun anew, since marks are made while they are: until they are full, lists of large trees are slower.

CREATE TABLE reporting.standing_mark (
    position bigint NOT NULL,
    kind text NOT NULL,
    organisation_id text NOT NULL,
    amount bigint NOT NULL
);
-- Of a position and a kind all are read; which ones there are nobody asks.
CREATE INDEX standing_mark_position ON reporting.standing_mark (position, kind);
COMMENT ON TABLE reporting.standing_mark IS 'standing_sum as it stood at each MARK of projector/standing_sums.py.';

CREATE TABLE reporting.standing_charge_mark (
    position bigint NOT NULL,
    organisation_id text NOT NULL,
    mentor uuid NOT NULL,
    persons bigint NOT NULL
);
CREATE INDEX standing_charge_mark_position ON reporting.standing_charge_mark (position);
COMMENT ON TABLE reporting.standing_charge_mark IS 'standing_charge as it stood then.';

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.standing_mark, reporting.standing_charge_mark TO ketnap_reporting;

TRUNCATE reporting.standing_progress, reporting.standing_sum, reporting.standing_charge;
