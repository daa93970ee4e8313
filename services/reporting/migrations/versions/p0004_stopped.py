"""Where a projection has stopped, and which version made it."""

from shared.runtime.migrations import run_script

revision = "p0004"
down_revision = "p0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    run_script("services.reporting.migrations.versions", "p0004_stopped.sql")
