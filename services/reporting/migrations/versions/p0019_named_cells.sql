-- Null of those projected by an earlier version, until a rebuild.
ALTER TABLE reporting.place_version ADD COLUMN named_cell_id text;
COMMENT ON COLUMN reporting.place_version.named_cell_id IS 'The cell that is to cover the place, after all successions; cell_id only while that is active.';
CREATE INDEX place_version_named_cell ON reporting.place_version (named_cell_id) WHERE named_cell_id IS NOT NULL;
