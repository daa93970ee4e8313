"""Edges of spells: what deadlines, certificates and mentoring are counted from."""

from shared.runtime.migrations import run_script

revision = "p0007"
down_revision = "p0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create their table."""
    run_script("services.reporting.migrations.versions", "p0007_spells.sql")
