-- With what an edge says in it: those of a province lie all over their table, and each was fetched by itself.
DROP INDEX reporting.spell_edge_organisation;
CREATE INDEX spell_edge_organisation ON reporting.spell_edge (organisation_id, kind, day)
    INCLUDE (position, how, first, last, change);
