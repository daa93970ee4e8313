"""Soft rules: which findings a recorded fact about a person brings, and reasons on no list."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from tests.oracle.facts import Fact
from tests.oracle.judge.law import Law, months_after
from tests.oracle.judge.persons import Persons
from tests.oracle.judge.record import Record

_LISTED = json.loads((Path(__file__).parents[3] / "shared" / "events" / "reference.json").read_text())


def findings(fact: Fact, before: Record, after: Record, law: Law) -> set[str]:
    """Codes of what a fact is noted for that was just recorded: `after` has it on record, `before` not yet."""
    found = _seats(fact, before, after)
    said: Fact | None = fact
    if fact["name"] == "FactCorrected":
        found |= _reason(fact)
        said = after.said(fact["source"], fact["data"]["corrects"])
        if fact["data"]["replacement"] is None or said is None:
            return found
    assert said is not None
    found |= _reason(said)
    if said["kind"] != "person":
        return found
    if said["data"].get("profile") and after.erased(said["subject"]):
        if fact is said or "data" in fact["data"]["replacement"]:
            found.add("profile-dropped")
        said = {**said, "data": {**said["data"], "profile": None}}
    if said["name"] == "MentorAssigned":
        mentor = before.evening(said["day"]).state(said["data"]["mentor_id"])["member"]
        if mentor is None or mentor["status"] != "official":
            found.add("mentor-not-official")
    elif said["name"] == "MemberAdmitted":
        found |= _age(said, before, law)
    again = fact["name"] == "FactCorrected" and _same(said, before.said(said["source"], said["id"]), before)
    if not again and (said["source"], said["id"], said["subject"]) not in after.passed_over():
        found |= _of_person(said, after.persons(said), law)
    return found


def _same(said: Fact, instead_of: Fact | None, before: Record) -> bool:
    """Whether a correction says what was said already, so that nothing more is to be noted."""
    if instead_of is None:
        return False
    was = dict(instead_of["data"])
    original = before.event(said["source"], said["id"])
    if original is not None and Record(before.events[: original["position"] - 1]).erased(said["subject"]):
        was.pop("profile", None)  # dropped when it came
    what = {member: value for member, value in said["data"].items() if value is not None}
    return (said["day"], what) == (instead_of["day"], was)


def _seats(fact: Fact, before: Record, after: Record) -> set[str]:
    """Whether other facts fit no more, or fit again."""
    was, is_now = before.passed_over(), after.passed_over()
    itself = (fact["source"], fact["id"])
    on_record = {(each["source"], each["id"]) for each in after.facts}
    no_more = {each[:2] for each in is_now - was}
    again = {each[:2] for each in was - is_now} & on_record
    return ({"unseats"} if no_more - again - {itself} else set()) | ({"reseats"} if again - no_more else set())


def _reason(fact: Fact) -> set[str]:
    listed = fact["name"] == "MembershipEnded" or fact["data"].get("reason") in (None, *_LISTED["reasons"])
    return set() if listed else {"unlisted-code"}


def _age(fact: Fact, before: Record, law: Law) -> set[str]:
    """Of a birth in some year only the year is known: the age is one of two."""
    born = (fact["data"].get("profile") or {}).get("birth_year") or before.born(fact["subject"])
    day = fact["day"]
    least, most = law.amount("admission_age_minimum", day), law.amount("admission_age_maximum", day)
    if born and ((least and day.year - born < least) or (most and day.year - born - 1 > most)):
        return {"age-out-of-range"}
    return set()


def _of_person(fact: Fact, persons: Persons, law: Law) -> set[str]:
    name, data, day = fact["name"], fact["data"], fact["day"]
    state = persons.state(fact["subject"])
    found = set()
    if name == "MentorReportSubmitted":
        if data["mentor_id"] not in state["mentors"]:
            found.add("not-a-current-mentor")
        if (data["mentor_id"], data["period_from"], data["period_to"]) in state["reports"]:
            found.add("second-report")
    elif name == "ApplicationSubmitted":
        certificate = state["certificate"]
        if certificate is None:
            found.add("no-certificate")
        elif _last_day(*certificate, law) < day:
            found.add("certificate-expired")
    elif name == "IntroductionConfirmed":
        asked = law.amount("introducers", day)
        if asked is not None and len({each["id"] for each in data["introducers"]}) < asked:
            found.add("too-few-introducers")
    elif name == "VoteHeld":
        threshold = law.share("vote_threshold", day)
        if threshold is not None and data["in_favour"] < threshold * data["eligible"]:
            found.add("below-threshold")
    elif name == "DecisionIssued":
        if data["purpose"] not in state["votes"]:
            found.add("no-vote")
    elif name == "MemberAdmitted":
        found |= _of_admission(data, day, state, law)
    elif name == "MemberConfirmed":
        since = state["member"]["since"]
        asked = None if since is None else law.amount("probation", since)  # as it was when it began
        if asked is not None and day < months_after(since, asked):
            found.add("probation-too-short")
    return found


def _of_admission(data: dict[str, Any], day: date, state: dict[str, Any], law: Law) -> set[str]:
    found = set()
    decision = state["decision"]
    if decision is None or decision["outcome"] in _LISTED["refusals"]:
        found.add("no-decision")
    elif decision.get("received_on"):
        received = date.fromisoformat(decision["received_on"])
        asked = law.amount("ceremony", received)
        if asked is not None and day > law.working_days_after(received, asked):
            found.add("ceremony-late")
    return found


def _last_day(issued_on: str, expires_on: str | None, law: Law) -> date:
    if expires_on:
        return date.fromisoformat(expires_on)
    issued = date.fromisoformat(issued_on)
    valid = law.amount("certificate", issued)
    return months_after(issued, valid) if valid is not None else date.max
