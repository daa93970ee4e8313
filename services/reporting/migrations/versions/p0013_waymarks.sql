-- Waymarks: what lets a walk through the log pass over what cannot be behind a figure. They are made from edges and
-- steps, by and by: nothing is projected again.

CREATE TABLE reporting.waymark_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE reporting.waymark_progress IS 'One row: the last position whose edges and steps are marked.';

CREATE TABLE reporting.waymark (
    kind text NOT NULL,
    block integer NOT NULL,
    first date NOT NULL,
    last date NOT NULL,
    PRIMARY KEY (kind, block)
);
COMMENT ON TABLE reporting.waymark IS 'The first and the last day that a block of positions speaks of, by kind of what it says: see sql/waymarks.sql. Without a row the block says nothing of the kind.';
COMMENT ON COLUMN reporting.waymark.block IS 'BLOCK of projector/waymarks.py: positions of block n are those after n * BLOCK up to (n + 1) * BLOCK.';

CREATE TABLE reporting.belated_step (
    position bigint NOT NULL,
    person uuid NOT NULL,
    PRIMARY KEY (position, person)
);
COMMENT ON TABLE reporting.belated_step IS 'Persons of whom a step became known to count so later than at the position of its own event, which this is: after a correction or a late fact.';

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.waymark_progress, reporting.waymark, reporting.belated_step
    TO ketnap_reporting;
