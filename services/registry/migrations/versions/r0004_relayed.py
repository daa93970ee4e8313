"""How far is relayed gets a row of its own, which no turn of the writer locks."""

from shared.runtime.migrations import run_script

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the column."""
    run_script("services.registry.migrations.versions", "r0004_relayed.sql")
