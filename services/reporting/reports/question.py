"""What is asked of a report: about whom, for which days, on which tree, as known at which position."""

from datetime import date, datetime
from typing import Literal

from msgspec import Struct

Hierarchy = Literal["as_was", "current"]

WHOLE = "*"
"""The part of an answer that is the asked organisation with everything under it."""
OWN = ""
"""The part that belongs to no child."""


class Organisation(Struct, frozen=True):
    """An organisation as answers name it."""

    id: str
    name: str
    kind: str


class Question(Struct, frozen=True):
    """A report's parameters, resolved: `known` is a position, `root` stands for the organisation in the tree."""

    organisation: Organisation
    root: str
    as_of: date
    known: int
    recordedat: datetime | None
    hierarchy: Hierarchy
    from_: date
    to: date
    today: date
    by_child: bool = False
    children: tuple[Organisation, ...] = ()

    @property
    def until(self) -> date:
        """The last day of the period that `as_of` lets see."""
        return min(self.to, self.as_of)

    @property
    def parts(self) -> list[str]:
        """The parts that the answer has."""
        if not self.by_child:
            return [WHOLE]
        return [WHOLE, *(child.id for child in self.children), OWN]
