"""Standing sums are kept as they stood at some positions, for lists as known long ago."""

from shared.runtime.migrations import run_script

revision = "p0015"
down_revision = "p0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and begin the sums anew: they fill by themselves."""
    run_script("services.reporting.migrations.versions", "p0015_marks_of_standing_sums.sql")
