"""Arrivals, one after the other: recorded, duplicate, waiting or rejected, and why."""

from dataclasses import dataclass, field

from tests.oracle.facts import Fact, read
from tests.oracle.judge import correction, hard, soft
from tests.oracle.judge.law import Law
from tests.oracle.judge.organisations import own_place
from tests.oracle.judge.record import Event, Record
from tests.oracle.judge.shapes import misshapen

REJECTIONS = ("foreign-organisation", "invalid-data")


@dataclass
class Verdict:
    """The current outcome of one arrival."""

    outcome: str
    code: str | None = None
    findings: set[str] = field(default_factory=set)
    position: int | None = None
    so_far: set[str] = field(default_factory=set)
    """While it waits: all codes since it began to. It has to be decided again when something comes that it could
    wait for, and not before: an earlier code may stand, and one of those that reject may have rejected it."""


class Judge:
    """Hears events in the order in which they arrive.

    `roots` tells each source's root organisation, `law` the rule pack in force; both may change between arrivals.
    """

    def __init__(self, roots: dict[str, str], law: Law | None = None) -> None:
        self.roots = roots
        self.law = law or Law()
        self.arrived: list[Event] = []
        self.verdicts: list[Verdict] = []
        """One for each arrival."""
        self.recorded: list[Event] = []
        self.waiting: list[int] = []
        """Arrivals."""
        self.record = Record([])

    def hear(self, event: Event, published_by: str | None = None, event_name: str | None = None) -> None:
        """One more arrival. `published_by`: whose credentials brought it, if not those of its source.

        `event_name`: what the subject says that it is, where it was published alone.
        """
        self.arrived.append(event)
        verdict = _mismatch(event, published_by, event_name) or self._at_once(event) or Verdict("quarantined")
        self.verdicts.append(verdict)
        arrival = len(self.arrived) - 1
        if verdict.outcome == "quarantined":
            self.waiting.append(arrival)
            if self._decide(arrival):
                self._release()

    def retry(self, arrivals: list[int]) -> None:
        """An operator has waiting events decided again now, whatever they wait for; in timeline order."""
        asked = [each for each in self._in_timeline_order() if each in arrivals]
        for arrival in asked:
            if arrival in self.waiting:
                # Decided now for certain: what might have been decided before is settled.
                self.verdicts[arrival].so_far.clear()
                if self._decide(arrival):
                    self._release()

    def discard(self, arrival: int) -> None:
        """An operator drops a waiting event: it is decided no more, and its id is free."""
        self._end(arrival, "discarded", None)

    def concede(self, arrival: int, code: str) -> None:
        """A waiting event was rejected at a moment at which it might have been: now it is."""
        assert code in self.verdicts[arrival].so_far, code
        self._end(arrival, "rejected", code)

    def _end(self, arrival: int, outcome: str, code: str | None) -> None:
        self.waiting.remove(arrival)
        self.verdicts[arrival].outcome, self.verdicts[arrival].code = outcome, code

    def _at_once(self, event: Event) -> Verdict | None:
        """What is said of an event whatever the facts are: of its id, its type and its shape."""
        for verdict, other in zip(self.verdicts, self.arrived, strict=False):
            held = verdict.outcome in ("recorded", "quarantined")
            if held and (other["source"], other["id"]) == (event["source"], event["id"]):
                if other == event:
                    return Verdict("duplicate", position=verdict.position)
                return Verdict("rejected", "id-conflict")
        code = misshapen(event)
        return None if code is None else Verdict("rejected", code)

    def _decide(self, arrival: int) -> bool:
        """Decide a waiting event; True if it is recorded now."""
        event, verdict = self.arrived[arrival], self.verdicts[arrival]
        fact = read(event)
        if fact["name"] == "FactCorrected":
            verdict.code = correction.broken(fact, self.record, self.roots)
        else:
            verdict.code = hard.broken(fact, self.record, self.roots)
            if verdict.code == "foreign-organisation" and self._may_come(fact):
                verdict.code = "wrong-stage"
                if not self._may_come(fact, now=True):
                    verdict.so_far.add("foreign-organisation")
        if verdict.code is not None:
            if not verdict.so_far and verdict.code in REJECTIONS:
                verdict.outcome = "rejected"
                self.waiting.remove(arrival)
            verdict.so_far.add(verdict.code)
            return False
        verdict.outcome = "recorded"
        self.waiting.remove(arrival)
        self.recorded.append(event)
        verdict.position = len(self.recorded)
        before, self.record = self.record, Record(self.recorded)
        verdict.findings = soft.findings(fact, before, self.record, self.law)
        return True

    def _may_come(self, fact: Fact, *, now: bool = False) -> bool:
        """Whether a person who is elsewhere may come by what the source said before, and is not heard yet.

        `now`: by what waits for the person as it was last decided here, and not only at some time before.
        """
        if not hard.only_elsewhere(fact, self.record, self.roots):
            return False
        stages = ("unknown-subject", "wrong-stage", "rule-violated")
        verdicts = {each: self.verdicts[each] for each in self.waiting}
        codes = {each: {verdict.code} if now else verdict.so_far for each, verdict in verdicts.items()}
        waiting = [read(self.arrived[each]) for each in self.waiting if codes[each].intersection(stages)]
        passed_over = {each[:2] for each in self.record.passed_over()}
        idle = [each for each in self.record.facts if (each["source"], each["id"]) in passed_over]
        first = self.record.persons(fact).first_id
        return any(
            each["source"] == fact["source"]
            and each["name"] in ("CandidateIdentified", "MemberEnrolled", "TransferAccepted")
            and own_place(each) < own_place(fact)
            for each in [
                *(each for each in waiting if each["subject"] == fact["subject"]),
                *(each for each in idle if first(each["subject"]) == first(fact["subject"])),
            ]
        )

    def _release(self) -> None:
        """Decide the waiting ones anew, in timeline order, from the first one on whenever one is recorded."""
        while any(map(self._decide, self._in_timeline_order())):
            pass

    def _in_timeline_order(self) -> list[int]:
        # By source where two sources tell the same moment under one id, of which the documents say nothing.
        facts = {each: read(self.arrived[each]) for each in self.waiting}
        return sorted(facts, key=lambda each: (own_place(facts[each]), facts[each]["source"]))


def _mismatch(event: Event, published_by: str | None, event_name: str | None) -> Verdict | None:
    """What is said of an event that somebody else published, or that is not what its subject says."""
    name = event["type"].rpartition(".")[0]
    if published_by in (None, event["source"]) and event_name in (None, name):
        return None
    return Verdict("rejected", "source-mismatch")
