"""What is waited for: deadlines, charges of mentors, certificates. Values of the law stand here as figures."""

from calendar import monthrange
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from holidays import country_holidays

if TYPE_CHECKING:
    from tests.oracle.report import Report
    from tests.oracle.world import World

Person = dict[str, Any]
DAY = timedelta(days=1)
HOLIDAYS = country_holidays("VN")
RULES = (
    "mentor_assignment",
    "decision_admission",
    "ceremony",
    "confirmation",
    "decision_confirmation",
    "transfer",
)
REFUSALS = ("refused", "rejected", "not_approved", "returned")
OUT_OF_USE = ("identified", "listed", "mentored", "trained")


def nobody() -> Person:
    """One of whom nothing is known yet."""
    return {
        "member": None,
        "candidate": None,
        "transfer": None,
        "mentors": {},
        "reports": [],
        "waits": {},
        "certificate": None,
    }


def working_days(day: date, number: int) -> date:
    """So many working days later."""
    while number > 0:
        day += DAY
        if day.weekday() not in (5, 6) and day not in HOLIDAYS:
            number -= 1
    return day


def months(day: date, number: int) -> date:
    """So many months later, at the latest the last day of that month."""
    year, month = day.year, day.month + number
    while month > 12:
        year, month = year + 1, month - 12
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def quarter(day: date) -> tuple[date, date]:
    """The first and the last day of its quarter."""
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return first, months(first, 3) - DAY


def apply(world: "World", person: Person, fact: dict[str, Any], fits: Person) -> None:
    """Change what is waited for. `fits`: the person as they were before the fact, which fitted."""
    name, data, day = fact["name"], fact["data"], fact["day"]
    standing = fits["member"] or fits["candidate"]
    at = standing["at"] if standing else None
    waits = person["waits"]

    def keep(rule: str) -> None:
        wait = waits.pop(rule, None)
        if wait is not None and day <= wait["last"]:
            world.kept.append((rule, at, wait["last"]))
        elif wait is not None:
            world.happened.append((f"late.{rule}", at, None))

    def begin(rule: str, since: date, last: date) -> None:
        if rule in waits and waits[rule]["since"] == since:
            return
        waits[rule] = {"since": since, "last": last, "over": last < day}
        if last < day:
            here = person["member"] or person["candidate"]
            world.happened.append((f"missed.{rule}", here["at"], None))

    if name == "CandidateIdentified":
        person |= {"mentors": {}, "reports": [], "waits": {}}
    elif name == "CandidateListed":
        if not person["mentors"] and "mentor_assignment" not in waits:
            begin("mentor_assignment", day, day + 30 * DAY)
    elif name == "MentorAssigned":
        if fits["candidate"] or (fits["member"] and fits["member"]["status"] == "probationary"):
            person["mentors"].setdefault(data["mentor_id"], day)
            keep("mentor_assignment")
    elif name == "MentorReleased":
        person["mentors"].pop(data["mentor_id"], None)
    elif name == "MentorReportSubmitted":
        _report(world, person, data, day, at)
    elif name == "VoteHeld":
        rule, of = _decision(data["purpose"], fits), {"admission": 60, "confirmation": 30}
        if rule is not None and 3 * data["in_favour"] >= 2 * data["eligible"]:
            begin(rule, day, working_days(day, of[data["purpose"]]))
        elif rule is not None:
            waits.pop(rule, None)
    elif name == "DecisionIssued":
        decided = _decision(data["purpose"], fits)
        if decided is not None:
            keep(decided)
        if decided == "decision_admission":
            received = data.get("received_on")
            if received is None or data["outcome"] in REFUSALS:
                waits.pop("ceremony", None)
            else:
                received = date.fromisoformat(received)
                begin("ceremony", received, working_days(received, 30))
    elif name == "MemberAdmitted":
        keep("ceremony")
        waits.clear()
        over = months(day, 12)
        begin("confirmation", over, working_days(over, 30))
    elif name == "MemberEnrolled":
        waits.clear()
        if data["status"] == "official":
            person["mentors"] = {}
        elif data.get("admitted_on"):
            over = months(date.fromisoformat(data["admitted_on"]), 12)
            begin("confirmation", over, working_days(over, 30))
    elif name == "MemberConfirmed":
        keep("confirmation")
        waits.pop("decision_confirmation", None)
        person["mentors"] = {}
    elif name == "TransferInitiated":
        begin("transfer", day, working_days(day, 30))
    elif name == "TransferAccepted":
        keep("transfer")
    elif name == "TransferCancelled":
        waits.pop("transfer", None)
    elif name in ("CandidateClosed", "MembershipEnded"):
        waits.clear()
        person["mentors"] = {}
    elif name == "TrainingCompleted":
        said = data.get("certificate", data)
        issued = date.fromisoformat(said["issued_on"])
        expires = date.fromisoformat(said["expires_on"]) if said.get("expires_on") else months(issued, 60)
        if person["certificate"] is None or person["certificate"]["issued"] <= issued:
            person["certificate"] = {"issued": issued, "expires": expires}


def _decision(purpose: str, person: Person) -> str | None:
    if purpose == "admission" and person["candidate"]:
        return "decision_admission"
    if purpose == "confirmation" and person["member"] and person["member"]["status"] == "probationary":
        return "decision_confirmation"
    return None


def _report(world: "World", person: Person, data: dict[str, Any], day: date, at: str | None) -> None:
    mentor, until = data["mentor_id"], date.fromisoformat(data["period_to"])
    first, last = quarter(until)
    again = any(each[0] == mentor and first <= each[1] <= last for each in person["reports"])
    charged = mentor in person["mentors"] and person["mentors"][mentor] <= first
    if charged and not again and day > last + 7 * DAY:
        world.happened.append(("reports_late", at, None))
    person["reports"].append((mentor, until))


def timeliness(report: "Report", first: date, last: date) -> dict[str, int]:
    """On time, missed, late in the period; open and overdue on the evening of `as_of`."""
    found: Counter[str] = Counter()
    world = report.history.evening(report.as_of)
    for _, person in _standing(world, report.counted(world)):
        for rule, wait in person["waits"].items():
            found[f"{rule}.open"] += wait["since"] <= report.as_of
            found[f"{rule}.overdue"] += wait["last"] <= report.as_of
    day, until = first, min(last, report.as_of)
    days = {each for each in _last_days(report) if first <= each <= until}
    for day in sorted(days):
        world = report.history.evening(day)
        happening = report.happening(world)
        for rule, at, due in world.kept:
            found[f"{rule}.on_time"] += due == day and world.holder(at) in happening
        for _, person in _standing(world, happening):
            for rule, wait in person["waits"].items():
                found[f"{rule}.missed"] += wait["last"] == day and not wait["over"]
    for rule in RULES:
        found[f"{rule}.missed"] += report.flow(f"missed.{rule}", first, until)
        found[f"{rule}.late"] = report.flow(f"late.{rule}", first, until)
        found[f"{rule}.due"] = found[f"{rule}.on_time"] + found[f"{rule}.missed"]
    kinds = ("due", "on_time", "missed", "late", "open", "overdue")
    single = {f"deadlines.{rule}.{kind}": found[f"{rule}.{kind}"] for rule in RULES for kind in kinds}
    return single | {f"all.{kind}": sum(found[f"{rule}.{kind}"] for rule in RULES) for kind in kinds}


def mentoring(report: "Report", first: date, last: date) -> dict[str, int]:
    """Reports due and in on the days of the period on which they are due; mentors on the evening of `as_of`."""
    found: Counter[str] = Counter()
    until = min(last, report.as_of)
    start, end = quarter(first - 120 * DAY)
    while end + 7 * DAY <= until:
        world = report.history.evening(end + 7 * DAY)
        if end + 7 * DAY >= first:
            for mentor, since, person in _charges(world, report.counted(world)):
                reports = [each for each in person["reports"] if each[0] == mentor and start <= each[1] <= end]
                found["reports.due"] += since <= start
                found["reports.in"] += since <= start and bool(reports)
        start, end = quarter(end + DAY)
    world = report.history.evening(report.as_of)
    counted = report.counted(world)
    for _, person in _standing(world, counted):
        found["without_mentor.candidates"] += person["candidate"] is not None and not person["mentors"]
        probationary = person["member"] is not None and person["member"]["status"] == "probationary"
        found["without_mentor.probationary"] += probationary and not person["mentors"]
    loads = Counter(mentor for mentor, _, _ in _charges(world, counted))
    persons = Counter("4_or_more" if number >= 4 else str(number) for number in loads.values())
    return {
        "reports.due": found["reports.due"],
        "reports.in": found["reports.in"],
        "reports.late": report.flow("reports_late", first, until),
        "without_mentor.candidates": found["without_mentor.candidates"],
        "without_mentor.probationary": found["without_mentor.probationary"],
        "load.mentors": len(loads),
        **{f"load.by_persons.{number}": persons[number] for number in ("1", "2", "3", "4_or_more")},
        "load.over_limit": sum(number > 2 for number in loads.values()),
    }


def training(report: "Report", first: date, last: date) -> dict[str, int]:
    """Certificates of candidates on the evening of `as_of`, and classes of the period."""
    found: Counter[str] = Counter()
    world = report.history.evening(report.as_of)
    for _, person in _standing(world, report.counted(world)):
        if person["candidate"] is None or person["certificate"] is None:
            continue
        if person["candidate"]["stage"] not in OUT_OF_USE:
            found["in_use"] += 1
            continue
        expires = person["certificate"]["expires"]
        found["unused"] += 1
        found["valid" if expires >= report.as_of else "expired"] += 1
        if expires >= report.as_of.replace(day=1):
            found[f"by_expiry_month.{expires:%Y-%m}"] += 1
    return {
        **{f"certificates.{name}": found[name] for name in ("unused", "valid", "expired", "in_use")},
        **{f"certificates.{name}": number for name, number in found.items() if name.startswith("by_")},
        "completions": report.flow("training_completions", first, min(last, report.as_of)),
    }


def _standing(world: "World", organisations: set[str]) -> list[tuple[str, Person]]:
    found = []
    for person in world.persons.values():
        standing = person["member"] or person["candidate"]
        if standing is not None and standing["at"] in organisations:
            found.append((standing["at"], person))
    return found


def _charges(world: "World", organisations: set[str]) -> list[tuple[str, date, Person]]:
    return [
        (mentor, since, person)
        for _, person in _standing(world, organisations)
        for mentor, since in person["mentors"].items()
    ]


def _last_days(report: "Report") -> set[date]:
    """The last days of all deadlines that there ever are."""
    found = set()
    for _, world in report.history.evenings:
        found |= {due for _, _, due in world.kept}
        found |= {wait["last"] for person in world.persons.values() for wait in person["waits"].values()}
    return found
