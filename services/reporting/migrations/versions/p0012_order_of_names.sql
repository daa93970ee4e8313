-- The order of names as a Vietnamese dictionary has it. PostgreSQL without ICU cannot sort so, and a page of a nation's
-- organisations must not have all of them sorted elsewhere. Null in what a version before this one still writes.
ALTER TABLE reporting.organisation_version ADD COLUMN name_order text COLLATE "C";

COMMENT ON COLUMN reporting.organisation_version.name_order IS 'The name as a key to sort by, made by services.reporting.naming.';
