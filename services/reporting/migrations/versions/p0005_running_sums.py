"""Running sums, which make the reading of large trees fast."""

from shared.runtime.migrations import run_script

revision = "p0005"
down_revision = "p0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and what finds their way."""
    run_script("services.reporting.migrations.versions", "p0005_running_sums.sql")
