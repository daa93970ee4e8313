"""Signed deltas, the versions of organisations, places and targets, and what projecting needs to go on."""

from shared.runtime.migrations import run_script

revision = "p0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    run_script("services.reporting.migrations.versions", "p0001_first_path.sql")
