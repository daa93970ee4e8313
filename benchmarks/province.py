"""A made-up province's history as its system would publish it: seeded, in order of time, as long as is asked.

Everything in it is invented: organisations, persons, days. The same arguments give the same bytes. Memory is
bounded by the organisations and by the journeys under way, so ten million events can be written as they come.
"""

import heapq
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import count, islice
from random import Random
from typing import Any
from uuid import UUID

import msgspec

VIETNAM = timezone(timedelta(hours=7))
FIRST_DAY, LAST_DAY = date(2016, 1, 4), date(2025, 12, 31)
EVENTS_A_JOURNEY = 11
"""About as many as a person brings on average."""

CELLS_A_COMMITTEE = 5
KNOWN_MEMBERS = 4
"""Official members of a cell whom its mentors are taken from."""

Told = tuple[date, str, str, dict[str, Any]]
"""What a journey tells: day, event name, subject, data."""
Journey = Iterator[Told]


class Province:
    """One source and its history.

    grassroots: how many grassroots organisations; one in three is a committee with five cells under it.
    late: share of events that are published up to a thousand events after their turn.
    most_members: of a cell's opening balance, from three on.
    parent: the organisation, of another source, that its root is under.
    """

    def __init__(
        self,
        source: str,
        *,
        seed: int = 1,
        communes: int = 20,
        grassroots: int = 300,
        late: float = 0.002,
        most_members: int = 60,
        parent: str | None = None,
    ) -> None:
        self.source = source
        self._parent = parent
        self.root = f"{source}-root"
        self.communes = [f"{source}-c{number:03}" for number in range(communes)]
        self.cells: list[str] = []
        self._grassroots = grassroots
        self._late = late
        self._most_members = most_members
        self._chance = Random(f"{source}/{seed}")
        self._members: dict[str, list[str]] = {}
        self._number = count(1)
        self._references = count(1)
        self._moment = datetime.combine(FIRST_DAY, time(8), VIETNAM)

    def events(self, number: int) -> Iterator[bytes]:
        """The first `number` events of a history that fills all years, as JSON; call it once."""
        held_back: list[tuple[int, int, bytes]] = []
        told = islice(self._told(number), number)
        for place, (day, name, subject, data) in enumerate(told):
            event = self._event(day, name, subject, data)
            if subject.startswith("person/") and self._chance.random() < self._late:
                heapq.heappush(held_back, (place + self._chance.randrange(1, 1000), place, event))
                continue
            yield event
            while held_back and held_back[0][0] <= place:
                yield heapq.heappop(held_back)[2]
        for _, _, event in sorted(held_back):
            yield event

    @classmethod
    def national_root(cls, source: str, root: str) -> bytes:
        """The event that founds an organisation above all provinces."""
        above = cls(source)
        return above._event(*above._founded(root, "provincial_committee", None))

    def _told(self, number: int) -> Iterator[Told]:
        yield from self._organisations()
        days = (LAST_DAY - FIRST_DAY).days
        # The cells' members of before are enrolled first: about one event in ten.
        for _ in range(number // 10):
            yield self._enrolment(FIRST_DAY, self._chance.choice(self.cells))
        begin_a_day = number / EVENTS_A_JOURNEY / days
        due = 0.0
        tie = count()
        under_way: list[tuple[date, int, Told, Journey]] = []
        for day in (FIRST_DAY + timedelta(days=each) for each in count()):
            due += begin_a_day
            while due >= 1:
                due -= 1
                journey = self._journey(day, self._chance.choice(self.cells))
                told = next(journey)
                heapq.heappush(under_way, (told[0], next(tie), told, journey))
            if day.timetuple().tm_yday == 2:
                for commune in self.communes:
                    yield self._target(day, commune)
            while under_way and under_way[0][0] <= day:
                _, _, told, journey = heapq.heappop(under_way)
                yield told
                following = next(journey, None)
                if following is not None:
                    heapq.heappush(under_way, (following[0], next(tie), following, journey))

    def _organisations(self) -> Iterator[Told]:
        yield self._founded(self.root, "provincial_committee", self._parent)
        for commune in self.communes:
            yield self._founded(commune, "intermediate_committee", self.root)
        for number in range(self._grassroots):
            commune = self._chance.choice(self.communes)
            name = f"{self.source}-g{number:05}"
            if number % 3:
                yield self._founded(name, "grassroots_cell", commune)
                self.cells.append(name)
            else:
                yield self._founded(name, "grassroots_committee", commune)
                for cell in (f"{name}-{each}" for each in range(CELLS_A_COMMITTEE)):
                    yield self._founded(cell, "cell", name)
                    self.cells.append(cell)
        for cell in self.cells:
            official, probationary = self._chance.randrange(3, self._most_members), self._chance.randrange(4)
            balance = {"as_of": FIRST_DAY, "official": official, "probationary": probationary}
            yield FIRST_DAY, "OpeningBalanceDeclared", f"organisation/{cell}", balance
            place = {"name": f"Bản {cell}", "kind": "village", "organisation_id": cell, "tags": []}
            yield FIRST_DAY, "PlaceRegistered", f"place/{cell}-place", place
            if self._chance.random() < 0.9:
                covered = {"cell_id": cell, "shared": False}
                yield FIRST_DAY, "PlaceCovered", f"place/{cell}-place", covered

    def _founded(self, organisation_id: str, kind: str, parent_id: str | None) -> Told:
        sector = self._chance.choices(("territorial", "private_enterprise", "education"), (8, 1, 1))[0]
        data = {"name": f"Tổ chức {organisation_id}", "kind": kind, "sector": sector, "tags": []}
        if parent_id is not None:
            data["parent_id"] = parent_id
        return FIRST_DAY, "OrganisationEstablished", f"organisation/{organisation_id}", data

    def _target(self, day: date, commune: str) -> Told:
        data = {
            "target_id": f"{commune}-{day.year}",
            "metric": "admissions",
            "basis": "assigned",
            "issuer_id": self.root,
            "from": day.replace(day=1),
            "to": date(day.year, 12, 31),
            "comparison": "at_least",
            "value": self._chance.randrange(5, 60),
        }
        return day, "TargetAssigned", f"organisation/{commune}", data

    def _enrolment(self, day: date, cell: str) -> Told:
        person = self._uuid()
        self._remember(person, cell)
        data = {"organisation_id": cell, "status": "official", "in_opening_balance": False}
        return day, "MemberEnrolled", f"person/{person}", data

    def _journey(self, day: date, cell: str) -> Journey:
        """A person from the pool to official membership, or as far as this one comes."""
        chance, person = self._chance, self._uuid()
        subject = f"person/{person}"
        profile = self._profile(day)
        data: dict[str, Any] = {"organisation_id": cell, "categories": ["youth_union_member"], "profile": profile}
        yield day, "CandidateIdentified", subject, data
        day = self._later(day, 10, 60)
        yield day, "CandidateListed", subject, {"resolution_ref": self._reference("NQ")}
        mentor = self._mentor(cell)
        if mentor is not None:
            day = self._later(day, 1, 20)
            yield day, "MentorAssigned", subject, {"mentor_id": mentor, "role": "mentor"}
            yield self._report(subject, mentor, day)
            day = self._later(day, 95, 120)
        if chance.random() < 0.12:
            yield self._later(day, 5, 90), "CandidateClosed", subject, {"reason": "moved_away"}
            return
        day = self._later(day, 10, 90)
        trained = {"certificate_ref": self._reference("CN"), "issued_on": day}
        yield day, "TrainingCompleted", subject, trained
        day = self._later(day, 5, 40)
        yield day, "ApplicationSubmitted", subject, {"dossier_ref": self._reference("HS")}
        introducers = [{"id": mentor or self._uuid(), "kind": "member"}, {"id": cell, "kind": "youth_union"}]
        day = self._later(day, 1, 20)
        yield day, "IntroductionConfirmed", subject, {"introducers": introducers}
        day = self._later(day, 5, 60)
        yield day, "BackgroundVerified", subject, {"outcome": "cleared"}
        day = self._later(day, 2, 20)
        yield self._vote(subject, day, "admission", "cell")
        day = self._later(day, 5, 40)
        yield self._decision(subject, day, "admission")
        day = self._later(day, 3, 25)
        admitted = {"organisation_id": cell, "ceremony_on": day, "decision_ref": self._reference("QD")}
        yield day, "MemberAdmitted", subject, admitted
        yield from self._membership(subject, person, day, cell)

    def _membership(self, subject: str, person: str, day: date, cell: str) -> Journey:
        day = self._later(day, 366, 390)
        yield self._vote(subject, day, "confirmation", "cell")
        day = self._later(day, 5, 30)
        yield self._decision(subject, day, "confirmation")
        day = self._later(day, 1, 10)
        yield day, "MemberConfirmed", subject, {"official_from": day}
        self._remember(person, cell)
        fate = self._chance.random()
        if fate < 0.2:
            other = self._chance.choice(self.cells)
            day = self._later(day, 30, 500)
            yield day, "TransferInitiated", subject, {"from": cell, "to": other, "kind": "official"}
            day = self._later(day, 1, 30)
            yield day, "TransferAccepted", subject, {"organisation_id": other, "presented_on": day}
        elif fate < 0.25:
            yield self._later(day, 30, 900), "MembershipEnded", subject, {"reason": "deceased"}

    def _report(self, subject: str, mentor: str, since: date) -> Told:
        until = since + timedelta(days=90)
        data = {"mentor_id": mentor, "period_from": since, "period_to": until, "rating": "good"}
        return until + timedelta(days=3), "MentorReportSubmitted", subject, data

    def _vote(self, subject: str, day: date, purpose: str, level: str) -> Told:
        eligible = self._chance.randrange(5, 40)
        in_favour = eligible - self._chance.randrange(eligible // 4 + 1)
        data = {"purpose": purpose, "level": level, "eligible": eligible, "in_favour": in_favour, "round": 1}
        return day, "VoteHeld", subject, data

    def _decision(self, subject: str, day: date, purpose: str) -> Told:
        data = {"purpose": purpose, "outcome": "approved", "decision_ref": self._reference("QD")}
        return day, "DecisionIssued", subject, data | {"decided_on": day, "received_on": day + timedelta(days=2)}

    def _profile(self, day: date) -> dict[str, Any] | str:
        return {
            "sex": self._chance.choice(("female", "male")),
            "birth_year": day.year - self._chance.randrange(19, 45),
            "ethnic_minority": self._chance.random() < 0.4,
            "occupation": self._chance.choice(("farmer", "teacher", "worker", "nurse")),
            "schooling": "12/12",
        }

    def _mentor(self, cell: str) -> str | None:
        known = self._members.get(cell)
        return self._chance.choice(known) if known else None

    def _remember(self, person: str, cell: str) -> None:
        known = self._members.setdefault(cell, [])
        if len(known) < KNOWN_MEMBERS:
            known.append(person)

    def _later(self, day: date, least: int, most: int) -> date:
        return day + timedelta(days=self._chance.randint(least, most))

    def _uuid(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def _reference(self, prefix: str) -> str:
        return f"{prefix}-{next(self._references)}"

    def _event(self, day: date, name: str, subject: str, data: dict[str, Any]) -> bytes:
        # Rising within a day, and over days: the history is valid in this order.
        opening = datetime.combine(day, time(8), VIETNAM)
        self._moment = max(opening, self._moment + timedelta(milliseconds=10))
        return msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": self._event_id(),
                "source": self.source,
                "type": f"{name}.v1",
                "subject": subject,
                "time": self._moment,
                "effectiveon": day,
                "datacontenttype": "application/json",
                "sequence": str(next(self._number)),
                "data": data,
            }
        )

    def _event_id(self) -> UUID:
        """Version 7, as CONTRACT.md advises."""
        bits = int(self._moment.astimezone(UTC).timestamp() * 1000) << 80 | self._chance.getrandbits(80)
        return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def batches(events: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Batch messages of `size` events each; the last one may be smaller."""
    while chunk := list(islice(events, size)):
        yield b"[%s]" % b",".join(chunk)
