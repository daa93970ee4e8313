"""On which days organisations are active."""

from shared.runtime.migrations import run_script

revision = "n0005"
down_revision = "n0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    run_script("services.notifier.migrations.versions", "n0005_active_days.sql")
