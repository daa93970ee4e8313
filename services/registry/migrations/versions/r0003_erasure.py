"""Erasure of persons, and master keys that say which keys they wrap."""

from shared.runtime.migrations import run_script

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, the column and the trigger."""
    run_script("services.registry.migrations.versions", "r0003_erasure.sql")
