"""Backups that were taken, so that whoever watches sees how old the last one is."""

from shared.runtime.migrations import run_script

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    run_script("services.registry.migrations.versions", "r0008_backups.sql")
