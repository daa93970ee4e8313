"""The first sums of persons, which `step_sum` took the place of, are dropped."""

from shared.runtime.migrations import run_script

revision = "p0014"
down_revision = "p0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the tables: no version since p0010 reads or writes them."""
    run_script("services.reporting.migrations.versions", "p0014_without_person_sums.sql")
