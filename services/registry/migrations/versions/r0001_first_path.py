"""The event log, the outcomes around it, and the state that decisions need."""

from shared.runtime.migrations import run_script

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    run_script("services.registry.migrations.versions", "r0001_first_path.sql")
