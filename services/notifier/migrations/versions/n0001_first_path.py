"""The notifier's view of the log, its alerts, and what is sent to whom."""

from shared.runtime.migrations import run_script

revision = "n0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    run_script("services.notifier.migrations.versions", "n0001_first_path.sql")
