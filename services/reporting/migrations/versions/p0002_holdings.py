"""Who holds what was whose, as versions; everything is projected again."""

from shared.runtime.migrations import run_script

revision = "p0002"
down_revision = "p0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables and begin anew."""
    run_script("services.reporting.migrations.versions", "p0002_holdings.sql")
