"""What is behind an error: errors within and before it, PostgreSQL's name for it, and what anybody may hear."""

from collections.abc import Iterator

_AWAY = ("08", "53", "57")
"""Classes of PostgreSQL's errors: the connection broke, a resource ran out, the server is being stopped."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """All of them, the error first."""
    yield error
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from causes(each)
    if error.__cause__ is not None:
        yield from causes(error.__cause__)


def in_public(error: BaseException) -> str:
    """An error in one line, for readiness, which needs no key: its name and the first line of what it says.

    Below that PostgreSQL and SQLAlchemy tell the statement and the row that it was about.
    """
    said = next(iter(str(error).splitlines()), "")
    return (f"{type(error).__name__}: {said}" if said else type(error).__name__)[:250]


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code of an error; empty for one that is not PostgreSQL's."""
    return str(getattr(error, "sqlstate", None) or "")


def says_away(error: BaseException) -> bool:
    """Whether it is one by which PostgreSQL says that it is away, being stopped or out of something."""
    return sqlstate(error)[:2] in _AWAY
