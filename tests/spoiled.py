"""Histories with wrong events in them on purpose: too early, too young, twice, misshapen, of another source.

Events of a made-up history are dropped, repeated and changed, and events of every type are added that name whom
and what the history knows, and now and then what nobody knows, on any of its days.
"""

import random
from typing import Any

from tests.histories import SAME_DAY
from tests.invented import KIND_OF, ORGANISATIONS, Inventor

Event = dict[str, Any]


def spoiled(chosen: random.Random, events: list[Event], most: int = 12) -> list[Event]:
    """The history with up to so many things wrong with it."""
    found = [{**each, "data": dict(each["data"])} for each in events]
    spoiler = Spoiler(chosen, found)
    for _ in range(chosen.randint(1, most)):
        index = chosen.randrange(len(found))
        spoil = chosen.choice(
            (
                spoiler.drop,
                spoiler.repeat,
                spoiler.misshape,
                spoiler.portray,
                *[spoiler.change] * 3,
                *[spoiler.add] * 8,
            )
        )
        spoil(index)
    return found


class Spoiler(Inventor):
    """Spoils `events`, which are a history; it names what the history knows."""

    def drop(self, index: int) -> None:
        """An event never comes."""
        if len(self.events) > 1:
            self.events.pop(index)

    def repeat(self, index: int) -> None:
        """An event comes again: the same, with another id, or with its id and other content."""
        again = {**self.events[index], "data": dict(self.events[index]["data"])}
        what = self.chosen.random()
        if what < 0.5:
            again["id"] = self.new_id()
        elif what < 0.8:
            again["effectiveon"] = self.day()
        self.insert(again)

    def change(self, index: int) -> None:
        """An event is on another day, about somebody else, of another source, or of another organisation."""
        event = self.events[index]
        name = event["type"].partition(".")[0]
        if name not in KIND_OF:
            return
        what = self.chosen.random()
        if what < 0.3:
            self._on(event, self.day())
        elif what < 0.5 and KIND_OF[name]:
            event["subject"] = f"{KIND_OF[name]}/{self.one(KIND_OF[name])}"
        elif what < 0.65:
            event["source"] = self.source()
        elif what < 0.7 and KIND_OF[name]:
            event["data"] = self.data(name, event["subject"].split("/", 1)[1], event["effectiveon"])
        else:
            named = [each for each in ORGANISATIONS if isinstance(event["data"].get(each), str)]
            for member in named if event["type"] not in ("TargetAssigned.v1", "PeriodClosed.v1") else ():
                event["data"][member] = self.one("organisation")

    def misshape(self, index: int) -> None:
        """An event has a member too many or too few, or a type that nobody knows."""
        event = self.events[index]
        what = self.chosen.random()
        if what < 0.3:
            event["data"] |= self.chosen.choice(
                (
                    {"unknown_member": 1},
                    {"to": "1999-12-31"},
                    {"period_to": "1999-12-31"},
                    {"sources": ["o3", "o3"]},
                )
            )
        elif what < 0.6 and event["data"]:
            event["data"].pop(self.chosen.choice(list(event["data"])))
        elif what < 0.8:
            event["type"] = self.chosen.choice(("MemberAdmitted.v9", "MemberKnighted.v1"))
        else:
            event["subject"] = f"place/{self.one('place')}"

    def portray(self, _: int) -> None:
        """A candidate or a new member has a year of birth, of whom it may be erased before or after."""
        begun = [each for each in self.events if each["type"] in ("CandidateIdentified.v1", "MemberAdmitted.v1")]
        if begun:
            event = self.chosen.choice(begun)
            event["data"] |= self._profile(event["effectiveon"])
            if self.chosen.random() < 0.4:
                data = {"request_ref": "YC-1"}
                erased = self._made("PersonErased", event["subject"], event["effectiveon"], data)
                self.insert({**erased, "source": event["source"]})

    def add(self, _: int) -> None:
        """An event of any type, about anybody on record."""
        name = self.chosen.choice(list(KIND_OF))
        day = self.day()
        if name == "FactCorrected":
            event = self._correction(day)
        else:
            subject = self._fitting(name) or self.one(KIND_OF[name])
            event = self._made(name, f"{KIND_OF[name]}/{subject}", day, self.data(name, subject, day))
        self.insert(event)

    def _fitting(self, name: str) -> str | None:
        """A subject for which such an event is nearly right, more often than not."""
        after = {
            "TargetRevised": "TargetAssigned.v1",
            "TargetWithdrawn": "TargetAssigned.v1",
            "PeriodClosed": "PeriodClosed.v1",
            "TransferInitiated": "TransferInitiated.v1",
            "TransferAccepted": "TransferInitiated.v1",
            "TransferCancelled": "TransferInitiated.v1",
            "MentorReleased": "MentorAssigned.v1",
            "MentorReportSubmitted": "MentorAssigned.v1",
            "MemberConfirmed": "MemberAdmitted.v1",
        }
        found = [each["subject"].partition("/") for each in self.events if each["type"] == after.get(name)]
        right = [subject for kind, _, subject in found if kind == KIND_OF[name]]
        return self.chosen.choice(right) if right and self._mostly() else None

    def insert(self, event: Event) -> None:
        """It arrives at any time."""
        self.events.insert(self.chosen.randint(0, len(self.events)), event)

    def _made(self, name: str, subject: str, day: str, data: dict[str, Any], version: int = 1) -> Event:
        # Mostly of a source that has already spoken of the subject, so that not all is foreign.
        said = [each["source"] for each in self.events if each["subject"] == subject]
        source = self.chosen.choice(said) if said and self.chosen.random() < 0.85 else self.source()
        time = f"{day}T{self.chosen.randint(0, 23):02}:{self.chosen.randint(0, 59):02}:00+07:00"
        return {
            "specversion": "1.0",
            "id": self.new_id(),
            "source": source,
            "type": f"{name}.v{version}",
            "subject": subject,
            "time": time,
            "effectiveon": day,
            "datacontenttype": "application/json",
            "data": data,
        }

    def _on(self, event: Event, day: str) -> None:
        event["effectiveon"] = day
        member = SAME_DAY.get(event["type"])
        if member is not None and self.chosen.random() < 0.9:
            event["data"][member] = day

    def _correction(self, day: str) -> Event:
        wrong = self.chosen.choice(self.events)
        name = wrong["type"].partition(".")[0]
        other, replacement = self.day(), None
        what = self.chosen.random()
        if what < 0.35:
            replacement = {"effectiveon": other}
        elif what < 0.7 and KIND_OF.get(name):
            about = wrong["subject"].partition("/")[2]
            replacement = {"effectiveon": other, "data": self.data(name, about, other)}
        elif what < 0.8:
            replacement = {"data": wrong["data"]}
        data = {"corrects": wrong["id"], "replacement": replacement, "reason": self._reason()}
        corrected = self._made("FactCorrected", wrong["subject"], day, data)
        return {**corrected, "source": wrong["source"] if self.chosen.random() < 0.95 else self.source()}
