-- The lease apart from the head row, which each commit locks.

CREATE TABLE registry.lease (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch bigint NOT NULL,
    until timestamptz NOT NULL
);
COMMENT ON TABLE registry.lease IS 'One row: who writes. Until then no other registry takes over; the writer renews it every second. head.epoch follows.';
INSERT INTO registry.lease (epoch, until) SELECT epoch, leased_until FROM registry.head;
COMMENT ON COLUMN registry.head.leased_until IS 'Of versions before registry.lease was there, which may still run beside newer ones; stands still.';
GRANT SELECT, UPDATE ON registry.lease TO ketnap_registry;
