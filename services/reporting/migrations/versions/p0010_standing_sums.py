"""Sums of each organisation whatever the day, and sums of persons' steps by what was known when."""

from shared.runtime.migrations import run_script

revision = "p0010"
down_revision = "p0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; they are filled by and by."""
    run_script("services.reporting.migrations.versions", "p0010_standing_sums.sql")
