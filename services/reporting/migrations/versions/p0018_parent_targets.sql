-- Null of those projected by an earlier version too, until a rebuild: they count where their aim says.
ALTER TABLE reporting.target_version ADD COLUMN parent_target_id text;
COMMENT ON COLUMN reporting.target_version.parent_target_id IS 'The target of the level above that this one is said to be a part of.';
