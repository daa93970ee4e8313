"""Facts that count on persons' timelines, as rows; everything is projected again."""

from shared.runtime.migrations import run_script

revision = "p0003"
down_revision = "p0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and begin anew."""
    run_script("services.reporting.migrations.versions", "p0003_person_steps.sql")
