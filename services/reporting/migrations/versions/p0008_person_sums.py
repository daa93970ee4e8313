"""Sums of what persons' steps come to in very large trees."""

from shared.runtime.migrations import run_script

revision = "p0008"
down_revision = "p0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty; they fill by themselves."""
    run_script("services.reporting.migrations.versions", "p0008_person_sums.sql")
