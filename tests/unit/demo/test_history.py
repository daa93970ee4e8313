"""The demo's history leads to the printed figures and breaks no hard rule, by a count of its own."""

import json
import re
from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from deploy.demo.history import SOURCE, history, in_timeline_order
from deploy.demo.printed import FIGURES
from shared.events.codec import read

Event = dict[str, Any]
END = "9999-12-31"


@pytest.fixture(scope="module")
def published() -> list[Event]:
    return history()


class Count:
    """A count of the raw events in timeline order, up to the evening of `day`; knows no product code."""

    def __init__(self, events: list[Event], day: str = END) -> None:
        self.parent: dict[str, str | None] = {}
        self.kind: dict[str, str] = {}
        self.sector: dict[str, str] = {}
        self.founded: dict[str, str] = {}
        self.balance: Counter[tuple[str, str]] = Counter()
        self.member: dict[str, tuple[str, str]] = {}
        self.candidate: dict[str, str] = {}
        self.mentors: dict[str, set[str]] = {}
        self.transfer: dict[str, tuple[str, str]] = {}
        self.place: dict[str, str | None] = {}
        self.moves: list[tuple[str, str, str | None, str | None]] = []  # what, day, from, to
        for event in sorted(events, key=in_timeline_order):
            if event["effectiveon"] <= day:
                name = re.sub(r"\B([A-Z])", r"_\1", event["type"].removesuffix(".v1")).lower()
                getattr(self, f"_{name}")(event["subject"].partition("/")[2], event, event["data"])

    def under(self, top: str, organisation: str | None) -> bool:
        while organisation is not None and organisation != top:
            organisation = self.parent[organisation]
        return organisation == top

    def members(self, top: str, status: str = "") -> int:
        declared = sum(
            n for (cell, of), n in self.balance.items() if of.startswith(status) and self.under(top, cell)
        )
        return declared + sum(self.under(top, cell) and of.startswith(status) for cell, of in self.member.values())

    def flow(self, what: str, top: str, first: str, last: str, end: str = "in") -> int:
        """Moves across the boundary of `top`: into it, or with `end` "out" out of it."""
        count = 0
        for kind, day, origin, to in self.moves:
            entered, left = (to, origin) if end == "in" else (origin, to)
            inside = self.under(top, entered) and not self.under(top, left)
            count += kind == what and first <= day <= last and inside
        return count

    def _organisation_established(self, me: str, event: Event, data: Event) -> None:
        assert me not in self.parent
        parent = data.get("parent_id")
        assert parent in self.parent if me != "dien-bien" else parent is None
        self.parent[me], self.kind[me], self.sector[me] = parent, data["kind"], data["sector"]
        self.founded[me] = event["effectiveon"]

    def _organisation_dissolved(self, me: str, event: Event, data: Event) -> None:
        successor = data["successor_id"]
        assert self._active(successor)
        del self.parent[me]
        for status in ("official", "probationary"):
            self.balance[successor, status] += self.balance.pop((me, status), 0)
        self.member = {who: (successor if cell == me else cell, s) for who, (cell, s) in self.member.items()}
        assert me not in self.candidate.values()
        assert me not in self.place.values()
        assert not any(me in ends for ends in self.transfer.values())

    def _opening_balance_declared(self, me: str, event: Event, data: Event) -> None:
        assert self._active(me)
        assert event["effectiveon"] <= "2021-12-31"
        for status in ("official", "probationary"):
            self.balance[me, status] += data[status]

    def _target_assigned(self, me: str, event: Event, data: Event) -> None:
        assert self._active(me)
        assert self._active(data["issuer_id"])

    def _place_registered(self, me: str, event: Event, data: Event) -> None:
        assert me not in self.place
        assert self._active(data["organisation_id"])
        self.place[me] = None

    def _place_covered(self, me: str, event: Event, data: Event) -> None:
        assert me in self.place
        assert data["cell_id"] is None or self._active(data["cell_id"])
        self.place[me] = data["cell_id"]

    def _candidate_identified(self, me: str, event: Event, data: Event) -> None:
        assert me not in self.candidate
        assert me not in self.member
        assert self._active(data["organisation_id"])
        self.candidate[me] = "identified"

    def _vote_held(self, me: str, event: Event, data: Event) -> None:
        assert me in self.candidate
        assert data["in_favour"] * 3 >= data["eligible"] * 2

    def _decision_issued(self, me: str, event: Event, data: Event) -> None:
        assert me in self.candidate

    def _candidate_listed(self, me: str, event: Event, data: Event) -> None:
        assert me in self.candidate
        self.candidate[me] = "listed"

    def _candidate_closed(self, me: str, event: Event, data: Event) -> None:
        assert not self.mentors.get(me)
        del self.candidate[me]

    def _mentor_assigned(self, me: str, event: Event, data: Event) -> None:
        assert me in self.candidate
        assert self.member[data["mentor_id"]][1] == "official"
        self.candidate[me] = "mentored"
        self.mentors.setdefault(me, set()).add(data["mentor_id"])

    def _mentor_released(self, me: str, event: Event, data: Event) -> None:
        self.mentors[me].remove(data["mentor_id"])

    def _member_admitted(self, me: str, event: Event, data: Event) -> None:
        assert self.candidate.pop(me)
        assert self._active(data["organisation_id"])
        self.member[me] = data["organisation_id"], "probationary"
        self.moves.append(("admitted", data["ceremony_on"], None, data["organisation_id"]))

    def _member_confirmed(self, me: str, event: Event, data: Event) -> None:
        assert self.member[me][1] == "probationary"
        self.member[me] = self.member[me][0], "official"

    def _member_enrolled(self, me: str, event: Event, data: Event) -> None:
        assert me not in self.member
        cell, status = data["organisation_id"], data["status"]
        assert self._active(cell)
        assert data["in_opening_balance"]
        assert self.balance[cell, status] > 0
        self.balance[cell, status] -= 1
        self.member[me] = cell, status

    def _transfer_initiated(self, me: str, event: Event, data: Event) -> None:
        assert me not in self.transfer
        assert self.member[me][0] == data["from"]
        assert self._active(data["to"])
        self.transfer[me] = data["to"], data["kind"]

    def _transfer_accepted(self, me: str, event: Event, data: Event) -> None:
        to, kind = self.transfer.pop(me)
        assert to == data["organisation_id"]
        if kind == "official":
            self.moves.append(("transferred", data["presented_on"], self.member[me][0], to))
            self.member[me] = to, self.member[me][1]

    def _membership_ended(self, me: str, event: Event, data: Event) -> None:
        what = "transferred" if data["reason"] == "transferred_out" else "ended"
        self.moves.append((what, event["effectiveon"], self.member.pop(me)[0], None))

    def _active(self, organisation: str) -> bool:
        return organisation in self.parent


DISTRICT, COMMUNE, YEAR, NOVEMBER = "dien-bien-district", "muong-pon", "2022-01-01", "2022-11-30"


def expected(english: str, organisation: str) -> object:
    (value,) = {f.value for f in FIGURES if f.en == english and f"/{organisation}/" in f.call}
    return value


def test_the_district_has_the_printed_figures_at_the_end_of_november(published: list[Event]) -> None:
    count = Count(published, NOVEMBER)
    under = [each for each in count.parent if count.under(DISTRICT, each)]
    kinds = Counter(count.kind[each] for each in under)
    enterprises = [each for each in under if count.sector[each] == "private_enterprise"]
    founded = [each for each in under if count.founded[each] >= YEAR]

    assert count.members(DISTRICT) == expected("members", DISTRICT) == 6101
    assert count.flow("admitted", DISTRICT, YEAR, NOVEMBER) == expected("members admitted", DISTRICT) == 310
    assert kinds["grassroots_committee"] == expected("grassroots committees", DISTRICT) == 38
    assert kinds["grassroots_cell"] == expected("grassroots cells", DISTRICT) == 26
    assert expected("grassroots organisations", DISTRICT) == 38 + 26
    assert kinds["cell"] == expected("cells under grassroots committees", DISTRICT) == 404
    assert founded == enterprises
    assert len(founded) == expected("organisations founded in private enterprises", DISTRICT) == 2
    assert count.members(DISTRICT, "probationary") == 310


def test_the_movements_of_the_district_reconcile(published: list[Event]) -> None:
    opening = Count(published, "2021-12-31").members(DISTRICT)
    count = Count(published, NOVEMBER)
    admitted, transferred_in, transferred_out, ended = (
        count.flow("admitted", DISTRICT, YEAR, NOVEMBER),
        count.flow("transferred", DISTRICT, YEAR, NOVEMBER),
        count.flow("transferred", DISTRICT, YEAR, NOVEMBER, "out"),
        count.flow("ended", DISTRICT, YEAR, NOVEMBER, "out"),
    )
    figures = (opening, admitted, transferred_in, transferred_out, ended)

    assert figures == (5850, 310, 25, 40, 44)
    names = ("opening", "admitted", "transferred in", "transferred out", "ended")
    assert figures == tuple(expected(name, DISTRICT) for name in names)
    assert opening + admitted + transferred_in - transferred_out - ended == count.members(DISTRICT)
    assert len([move for move in count.moves if move[1] < YEAR]) == 0


def test_the_commune_has_the_printed_figures_at_the_end_of_the_year(published: list[Event]) -> None:
    count = Count(published, "2022-12-31")

    assert count.flow("admitted", COMMUNE, YEAR, "2022-12-31") == 13 == expected("members admitted", COMMUNE)
    assert count.members(COMMUNE) == 216 == expected("members", COMMUNE)
    assert not any(e["type"] == "TargetAssigned.v1" and e["subject"].endswith(COMMUNE) for e in published)


def test_december_changes_no_figure_of_the_district(published: list[Event]) -> None:
    after = {event["type"] for event in published if event["effectiveon"] > NOVEMBER}

    assert after == {"TargetAssigned.v1"}
    assert Count(published).members(DISTRICT) == 6101


def test_some_candidates_still_wait_at_various_stages(published: list[Event]) -> None:
    stages = Counter(Count(published).candidate.values())

    assert stages == {"identified": 14, "listed": 10, "mentored": 7}


def test_three_places_have_no_member(published: list[Event]) -> None:
    count = Count(published, NOVEMBER)
    without = [place for place, cell in count.place.items() if cell is None or not count.members(cell)]

    assert len(without) == 3
    assert {count.place[place] is None for place in without} == {True, False}


def test_people_are_confirmed_twelve_months_after_their_admission(published: list[Event]) -> None:
    admitted = {
        event["subject"]: date.fromisoformat(event["data"]["admitted_on"])
        for event in published
        if event["data"].get("admitted_on")
    }
    confirmed = [event for event in published if event["type"] == "MemberConfirmed.v1"]

    assert len(confirmed) == 277
    for event in confirmed:
        day = date.fromisoformat(event["effectiveon"])
        assert admitted[event["subject"]] == day.replace(year=day.year - 1)


def test_every_event_is_readable_by_the_contract(published: list[Event]) -> None:
    for event in published:
        submitted = read(json.dumps(event).encode(), SOURCE)
        assert submitted.fault is None, submitted.fault


def test_the_history_is_the_same_every_time_and_counts_its_events(published: list[Event]) -> None:
    assert history() == published
    assert [event["sequence"] for event in published] == [str(n) for n in range(1, len(published) + 1)]
    assert len({event["id"] for event in published}) == len(published)
    assert 3_000 <= len(published) <= 5_000


def test_a_handful_of_events_come_before_their_cause(published: list[Event]) -> None:
    seen: set[str] = set()
    early = set()
    for event in published:
        name = event["type"].removesuffix(".v1")
        opens = name in {
            "OrganisationEstablished",
            "PlaceRegistered",
            "CandidateIdentified",
            "MemberEnrolled",
        }
        if not opens and event["subject"] not in seen:
            early.add(name)
        seen.add(event["subject"])

    assert early == {
        "OpeningBalanceDeclared",
        "PlaceCovered",
        "CandidateListed",
        "MemberConfirmed",
    }
    late = [a for a, b in pairwise(published) if a["effectiveon"] > b["effectiveon"]]
    assert 5 <= len(late) <= 20
