"""The lease has a row of its own: a long commit, which locks the head, keeps nobody from renewing or taking it."""

from shared.runtime.migrations import run_script

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the lease."""
    run_script("services.registry.migrations.versions", "r0006_lease_of_its_own.sql")
