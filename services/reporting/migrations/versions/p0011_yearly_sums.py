"""Sums by year, and sums for organisations of the size of a commune."""

from shared.runtime.migrations import run_script

revision = "p0011"
down_revision = "p0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; it is filled by and by."""
    run_script("services.reporting.migrations.versions", "p0011_yearly_sums.sql")
