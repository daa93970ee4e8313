"""Which days each block of positions speaks of, and steps that became known later than their events."""

from shared.runtime.migrations import run_script

revision = "p0013"
down_revision = "p0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; they are filled by and by."""
    run_script("services.reporting.migrations.versions", "p0013_waymarks.sql")
