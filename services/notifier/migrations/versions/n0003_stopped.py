"""Where a projection has stopped, and which version made it."""

from shared.runtime.migrations import run_script

revision = "n0003"
down_revision = "n0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    run_script("services.notifier.migrations.versions", "n0003_stopped.sql")
