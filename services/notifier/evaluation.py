"""The evaluation: how far targets are today, what rule A2 says of that, and the alerts and deliveries it makes."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import store
from services.notifier.projection import Touched
from services.notifier.rules.attained import RULE, Reached, Said, Target, Verdict, alert_id, judge
from services.notifier.rules.counting import MEASURES
from shared.runtime.sql import Statements, columns
from shared.timeline.attainment import is_flow
from shared.timeline.lineage import Lineage
from shared.timeline.measures import MEMBER_LEVELS
from shared.timeline.organisation import OrganisationState

FIGURES = Statements("services.notifier.sql", "figures.sql")
ALERTS = Statements("services.notifier.sql", "alerts.sql")

_DELIVERIES = UUID("b1c6f3a8-40d4-5c7e-8b39-1f5d0a7be6c4")


class Held(Struct, frozen=True):
    """A target with the name of who holds it today."""

    target: Target
    name: str


class Evaluation:
    """Judges targets on one connection, on a day."""

    def __init__(self, connection: AsyncConnection, lineage: Lineage, now: datetime, today: date) -> None:
        self._connection = connection
        self._lineage = lineage
        self._now = now
        self._today = today

    async def judge(self, touched: Touched | None) -> int:
        """Judge the targets that `touched` may have moved, or all of them; gives how many alerts were raised."""
        held = await self._held(await self._targets(touched))
        standing = [each.target.target_id for each in held]
        fallen = sorted(await self._said_of(touched) - set(standing))
        if not standing and not fallen:
            return 0
        said: dict[str, list[Said]] = {target_id: [] for target_id in (*standing, *fallen)}
        for row in await self._connection.execute(ALERTS["alerts_of"], {"rule": RULE, "targets": list(said)}):
            said[row.target_id].append(Said(row.status, row.resolved_at is not None))
        raised = 0
        verdicts = [(target_id, judge(None, said[target_id])) for target_id in fallen]
        for each, actual in zip(held, await self._actuals(held), strict=True):
            target_id = each.target.target_id
            verdict = judge(each.target.judged(actual, self._today).status, said[target_id])
            verdicts.append((target_id, verdict))
            if verdict.raises is not None:
                raised += await self._raise(each, actual, verdict.raises)
        await self._restate(verdicts)
        return raised

    async def _said_of(self, touched: Touched | None) -> set[str]:
        """Targets that may stand no more, but of which something is said."""
        if touched is not None:
            return touched.targets
        return set(await self._connection.scalars(ALERTS["open_targets"], {"rule": RULE}))

    async def _targets(self, touched: Touched | None) -> list[Target]:
        if touched is None:
            rows = await self._connection.execute(FIGURES["all_targets"], {"today": self._today})
        else:
            asked = {
                "organisations": [organisation for organisation, _ in touched.figures],
                "metrics": [metric for _, metric in touched.figures],
                "today": self._today,
            }
            rows = await self._connection.execute(FIGURES["targets_above"], asked)
        return [Target(*row) for row in rows.all()]

    async def _held(self, targets: Sequence[Target]) -> list[Held]:
        """Targets whose holder is active today, with its name."""
        states = await store.organisations(self._connection, {each.holder for each in targets})
        return [
            Held(each, _name(state, self._today))
            for each in targets
            if (state := states.get(each.holder)) is not None and state.active_on(self._today)
        ]

    async def _actuals(self, held: Sequence[Held]) -> list[int]:
        counted: list[tuple[int, str, str, bool, date, date]] = []
        places: list[tuple[int, str, date]] = []
        for number, each in enumerate(held):
            since, until = each.target.window(self._today)
            if each.target.metric == "places_without_members":
                places.append((number, each.target.holder, until))
            else:
                level = not is_flow(each.target.metric)
                after = until + timedelta(days=1)
                counted.append((number, each.target.holder, each.target.metric, level, since, after))
        found: dict[int, int] = {}
        if counted:
            names = ("number", "organisation_id", "metric", "level", "since", "until")
            pairs = [(metric, measure) for metric, measures in MEASURES.items() for measure in measures]
            asked = columns(names, counted) | columns(("counted_metric", "counted_measure"), pairs)
            rows = await self._connection.execute(FIGURES["actuals"], asked)
            found |= {row.number: row.actual for row in rows}
        if places:
            asked = columns(("number", "organisation_id", "day"), places)
            asked["member_measures"] = list(MEMBER_LEVELS)
            rows = await self._connection.execute(FIGURES["empty_places"], asked)
            found |= {row.number: row.actual for row in rows}
        return [found.get(number, 0) for number in range(len(held))]

    async def _raise(self, held: Held, actual: int, status: Reached) -> bool:
        target = held.target
        judged = target.judged(actual, self._today)
        addressees = sorted(
            {
                target.organisation_id,
                target.holder,
                target.issuer_id,
                self._lineage.resolve(target.issuer_id, self._today),
            }
        )
        row = {
            "id": alert_id(target.target_id, status),
            "rule": RULE,
            "target_id": target.target_id,
            "status": status,
            "organisation_id": target.holder,
            "organisation_name": held.name,
            "issuer_id": target.issuer_id,
            "addressees": addressees,
            "metric": target.metric,
            "basis": target.basis,
            "comparison": target.comparison,
            "value": target.value,
            "actual": actual,
            "attainment_percent": judged.attainment_percent,
            "excess_percent": judged.excess_percent,
            "first": target.first,
            "last": target.last,
            "as_of": self._today,
            "raised_at": self._now,
        }
        raised: UUID | None = await self._connection.scalar(ALERTS["raise_alert"], row)
        if raised is None:
            return False
        await self._address(raised)
        return True

    async def _address(self, alert: UUID) -> None:
        for row in (await self._connection.execute(ALERTS["subscribers"], {"alert": alert})).all():
            delivery = {
                "id": uuid5(_DELIVERIES, f"{alert}|{row.channel}|{row.recipient}"),
                "alert_id": alert,
                "subscription_id": row.subscription_id,
                "channel": row.channel,
                "recipient": row.recipient,
                "language": row.language,
                "now": self._now,
            }
            await self._connection.execute(ALERTS["put_delivery"], delivery)

    async def _restate(self, verdicts: Sequence[tuple[str, Verdict]]) -> None:
        resolved = [alert_id(target, status) for target, verdict in verdicts for status in verdict.resolves]
        reopened = [alert_id(target, status) for target, verdict in verdicts for status in verdict.reopens]
        if resolved:
            await self._connection.execute(ALERTS["resolve"], {"ids": resolved, "now": self._now})
        if reopened:
            await self._connection.execute(ALERTS["reopen"], {"ids": reopened})


def _name(state: OrganisationState, today: date) -> str:
    segment = state.at(today)
    return segment.name if segment else ""
