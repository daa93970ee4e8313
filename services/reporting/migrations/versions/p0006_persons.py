"""What is known of single persons by attribute, apart from the projections, and who read it."""

from shared.runtime.migrations import run_script

revision = "p0006"
down_revision = "p0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create a schema of its own."""
    run_script("services.reporting.migrations.versions", "p0006_persons.sql")
