"""Which attempts to deliver are under way, and who asks for an alert."""

from shared.runtime.migrations import run_script

revision = "n0004"
down_revision = "n0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the view."""
    run_script("services.notifier.migrations.versions", "n0004_attempts.sql")
