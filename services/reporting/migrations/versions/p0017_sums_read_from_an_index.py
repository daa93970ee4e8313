"""Running sums are read from an index alone."""

from shared.runtime.migrations import run_script

revision = "p0017"
down_revision = "p0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes anew with the amount in them: some seconds for ten million events."""
    run_script("services.reporting.migrations.versions", "p0017_sums_read_from_an_index.sql")
