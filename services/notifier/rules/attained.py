"""Rule A2, target attained or exceeded: what to say about a target on a day, given what was said before. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal
from uuid import UUID, uuid5

from msgspec import Struct

from shared.events.vocabulary import Basis, Comparison, Metric
from shared.timeline.attainment import Attainment, Status, attainment, is_flow

RULE = "A2"
Reached = Literal["attained", "exceeded"]
REACHED: tuple[Reached, ...] = ("attained", "exceeded")

_ALERTS = UUID("3d9f0b52-7f0e-5a3c-9a54-6f1c7f0b2a02")


class Target(Struct, frozen=True):
    """What an organisation is to reach, both days included: at this value from `since` to before `until`.

    It was assigned to `organisation_id`, and `holder` has it on those days.
    """

    target_id: str
    organisation_id: str
    since: date
    metric: Metric
    basis: Basis
    issuer_id: str
    first: date
    last: date
    comparison: Comparison
    value: int
    holder: str
    until: date

    def begun(self, today: date) -> bool:
        """Whether it stands and its period has begun."""
        return self.since <= today < self.until and self.first <= today

    def window(self, today: date) -> tuple[date, date]:
        """The days its actual counts, both included: a flow's so far, a level's one."""
        until = min(today, self.last)
        return (self.first if is_flow(self.metric) else until), until

    def judged(self, actual: int, today: date) -> Attainment:
        """How far it is on `today`."""
        return attainment(self.metric, self.comparison, self.value, actual, self.first, self.last, today)


class Said(Struct, frozen=True):
    """An alert that was raised before."""

    status: Reached
    resolved: bool


class Verdict(Struct, frozen=True):
    """What to do: `raises` is sent, the others change a state and send nothing."""

    raises: Reached | None = None
    resolves: tuple[Reached, ...] = ()
    reopens: tuple[Reached, ...] = ()


def alert_id(target_id: str, status: Reached) -> UUID:
    """The same for the same alert, whatever is redelivered or rebuilt."""
    return uuid5(_ALERTS, f"{RULE}|{target_id}|{status}")


def judge(status: Status | None, said: Iterable[Said]) -> Verdict:
    """Raise what is reached and was never said; take back and restore what was said, as the figures ask.

    No status: the target stands no more, and neither does what was said of it.
    """
    known: Mapping[Reached, Said] = {each.status: each for each in said}
    return Verdict(
        raises=status if status is not None and status in REACHED and status not in known else None,
        resolves=tuple(name for name, each in known.items() if not each.resolved and not _holds(name, status)),
        reopens=tuple(name for name, each in known.items() if each.resolved and _holds(name, status)),
    )


def _holds(said: Reached, status: Status | None) -> bool:
    # Who is over a target has attained it.
    return status == said or (said == "attained" and status == "exceeded")
