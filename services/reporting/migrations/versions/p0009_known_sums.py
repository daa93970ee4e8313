"""Sums by what was known when, and of places."""

from shared.runtime.migrations import run_script

revision = "p0009"
down_revision = "p0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and let all sums be made anew."""
    run_script("services.reporting.migrations.versions", "p0009_known_sums.sql")
