-- A lease beside the epoch: while it is renewed, other registries stand by.

ALTER TABLE registry.head ADD COLUMN leased_until timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN registry.head.leased_until IS 'Until then no other registry takes over. The writer renews it every second.';
