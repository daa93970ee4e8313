"""Organisations have a key to sort their names by, those that are on record included."""

from alembic import op
from sqlalchemy import text

from services.reporting.naming import name_order
from shared.runtime.migrations import run_script

revision = "p0012"
down_revision = "p0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and fill it; of a nation that takes seconds."""
    run_script("services.reporting.migrations.versions", "p0012_order_of_names.sql")
    connection = op.get_bind()
    names = list(connection.scalars(text("SELECT DISTINCT name FROM reporting.organisation_version")))
    connection.execute(
        text(
            "UPDATE reporting.organisation_version v SET name_order = n.name_order "
            "FROM unnest(CAST(:names AS text[]), CAST(:orders AS text[])) AS n (name, name_order) "
            "WHERE v.name = n.name"
        ),
        {"names": names, "orders": [name_order(name) for name in names]},
    )
