"""A lease beside the epoch: while it is renewed, other registries stand by."""

from shared.runtime.migrations import run_script

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    run_script("services.registry.migrations.versions", "r0002_lease.sql")
