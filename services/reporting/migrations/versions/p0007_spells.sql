-- Edges of spells. What was projected before has none: a rebuild makes them.

CREATE TABLE reporting.spell_edge (
    position bigint NOT NULL,
    organisation_id text NOT NULL,
    kind text NOT NULL,
    how text NOT NULL,
    day date NOT NULL,
    first date,
    last date,
    mentor uuid,
    change smallint NOT NULL
);
COMMENT ON TABLE reporting.spell_edge IS 'Where what holds for a person in an organisation for a while begins and ends, known from that position: see projector/spells.py. Rows are only ever added.';
COMMENT ON COLUMN reporting.spell_edge.organisation_id IS 'As the fact names it; holding_version says who holds it on a day.';
COMMENT ON COLUMN reporting.spell_edge.change IS '-1 where an edge turns out not to be one.';
CREATE INDEX spell_edge_organisation ON reporting.spell_edge (organisation_id, kind, day);
CREATE INDEX spell_edge_position ON reporting.spell_edge (position);

GRANT SELECT, INSERT ON reporting.spell_edge TO ketnap_reporting;
