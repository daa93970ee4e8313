"""Reorganisations and corrections: events about several subjects, successions that change."""

from shared.runtime.migrations import run_script

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and a column."""
    run_script("services.registry.migrations.versions", "r0007_reorganisation.sql")
