"""Places keep which cell is to cover them, also while it covers nothing."""

from shared.runtime.migrations import run_script

revision = "p0019"
down_revision = "p0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    run_script("services.reporting.migrations.versions", "p0019_named_cells.sql")
