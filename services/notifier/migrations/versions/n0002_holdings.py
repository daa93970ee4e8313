"""Who holds what was whose; the projection is made again."""

from shared.runtime.migrations import run_script

revision = "n0002"
down_revision = "n0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables and begin anew."""
    run_script("services.notifier.migrations.versions", "n0002_holdings.sql")
