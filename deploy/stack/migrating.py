"""Brings the schemas of all services to the version that runs here; what keeps one from it is said in words."""

from deploy.stack.errors import StackError
from deploy.stack.postgres import SERVICES


def migrate(database_url: str) -> None:
    """Migrate with the owner's address. Raises StackError; the version before then goes on working."""
    from shared.runtime.migrations import NotMigrated, upgrade

    try:
        upgrade([f"services.{service}" for service in SERVICES], database_url)
    except NotMigrated as error:
        raise StackError(str(error)) from None
