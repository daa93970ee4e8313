"""Targets name the target of the level above that they are a part of."""

from shared.runtime.migrations import run_script

revision = "p0018"
down_revision = "p0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    run_script("services.reporting.migrations.versions", "p0018_parent_targets.sql")
