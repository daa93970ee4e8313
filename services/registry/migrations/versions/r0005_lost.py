"""What left a stream before it was read is written down, so that a loss stays visible."""

from shared.runtime.migrations import run_script

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    run_script("services.registry.migrations.versions", "r0005_lost.sql")
