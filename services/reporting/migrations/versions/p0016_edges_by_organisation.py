"""Edges of spells are read from an index alone, organisation by organisation."""

from shared.runtime.migrations import run_script

revision = "p0016"
down_revision = "p0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew with what an edge says: some seconds for ten million events."""
    run_script("services.reporting.migrations.versions", "p0016_edges_by_organisation.sql")
