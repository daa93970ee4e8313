"""The made-up candidates of the demo: 310 admitted in 2022, some closed, some still waiting at its end."""

from datetime import date, timedelta

from deploy.demo.chronicle import Chronicle
from deploy.demo.openings import OFFICIAL_AS_OF, Openings
from deploy.demo.organisations import Cell, Tree

ADMITTED = 310
COMMUNE_ADMITTED = 13
ENTERPRISE_ADMITTED = 3
CLOSED = 55
STILL_IDENTIFIED, STILL_LISTED, STILL_MENTORED = 14, 10, 7

_FIRST_CEREMONY, _LAST_CEREMONY = date(2022, 1, 4), date(2022, 11, 30)
# Ceremonies gather around the days that are kept.
_KEPT_DAYS = (date(2022, 2, 3), date(2022, 5, 19), date(2022, 9, 2), date(2022, 11, 7))
_CATEGORIES = {
    "territorial": ["youth_union_member", "village_head", "front_committee_head", "worker"],
    "education": ["teacher", "student", "youth_union_member"],
    "public_service": ["health_worker", "youth_union_member"],
    "armed_forces": ["armed_forces", "youth_union_member"],
    "state_enterprise": ["worker", "youth_union_member"],
    "private_enterprise": ["private_enterprise_worker", "business_owner"],
    "other": ["worker", "youth_union_member"],
}
_OCCUPATIONS = ["farmer", "teacher", "nurse", "worker", "soldier", "clerk"]


class Pool:
    """Tells candidacies, and gives each cell that has candidates one or two mentors."""

    def __init__(self, chronicle: Chronicle, openings: Openings) -> None:
        self._chronicle = chronicle
        self._openings = openings
        self._mentors: dict[str, list[str]] = {}

    def appoint(self, cell: Cell, mentor: str) -> None:
        """Make an official member that is already known a mentor of `cell`."""
        self._mentors.setdefault(cell.id, []).append(mentor)

    def fill(self, tree: Tree) -> None:
        """Tell every candidacy of the district."""
        rng = self._chronicle.rng
        ceremonies = self._ceremonies(ADMITTED - ENTERPRISE_ADMITTED)
        cells = rng.choices(tree.commune, k=COMMUNE_ADMITTED)
        cells += rng.choices(tree.ordinary, k=len(ceremonies) - len(cells))
        rng.shuffle(cells)
        for number, (cell, ceremony) in enumerate(zip(cells, ceremonies, strict=True), start=1):
            self._admitted(cell, ceremony, number)
        for number in range(ENTERPRISE_ADMITTED):
            self._admitted(tree.enterprises[0], _KEPT_DAYS[-1] + timedelta(days=7 * number), ADMITTED - number)
        for cell in rng.choices(tree.ordinary, k=CLOSED):
            self._closed(cell)
        for mentored in [None] * STILL_IDENTIFIED + [False] * STILL_LISTED + [True] * STILL_MENTORED:
            self._waiting(rng.choice(tree.ordinary), mentored)

    def _ceremonies(self, how_many: int) -> list[date]:
        """Days of admission; the first and the last day of the reported period are among them."""
        rng = self._chronicle.rng
        days = [_FIRST_CEREMONY, _LAST_CEREMONY]
        while len(days) < how_many:
            kept = rng.random() < 0.4
            any_day = self._chronicle.working_day(_FIRST_CEREMONY, _LAST_CEREMONY)
            days.append(rng.choice(_KEPT_DAYS) if kept else any_day)
        return days

    def _admitted(self, cell: Cell, ceremony: date, number: int) -> None:
        rng = self._chronicle.rng
        identified = max(ceremony - timedelta(days=rng.randint(200, 330)), cell.founded + timedelta(days=12))
        listed = identified + timedelta(days=rng.randint(20, 50))
        mentored = listed + timedelta(days=rng.randint(1, 28))
        person = self._identify(cell, identified, categorised=True)
        self._list(person, listed)
        mentor = self._assign(person, cell, mentored)
        if number % 25 == 0:
            # Now and then a mentor changes on the way.
            change = mentored + timedelta(days=30)
            self._release(person, mentor, change, "mentor_replaced")
            self._assign(person, cell, change, instead_of=mentor)
        self._decide(person, ceremony, number)
        self._chronicle.tell(
            "MemberAdmitted",
            f"person/{person}",
            ceremony,
            organisation_id=cell.id,
            ceremony_on=ceremony,
            decision_ref=f"QD-{number:03d}-2022",
        )

    def _decide(self, person: str, ceremony: date, number: int) -> None:
        subject = f"person/{person}"
        self._chronicle.tell(
            "VoteHeld",
            subject,
            ceremony - timedelta(days=14),
            purpose="admission",
            level="cell",
            eligible=9 + number % 5,
            in_favour=8 + number % 5,
            round=1,
        )
        decided = ceremony - timedelta(days=7)
        self._chronicle.tell(
            "DecisionIssued",
            subject,
            decided,
            purpose="admission",
            outcome="approved",
            decision_ref=f"QD-{number:03d}-2022",
            decided_on=decided,
            received_on=decided,
        )

    def _closed(self, cell: Cell) -> None:
        rng = self._chronicle.rng
        identified = self._chronicle.working_day(date(2021, 3, 1), date(2022, 6, 30))
        person = self._identify(cell, identified)
        closing = identified + timedelta(days=rng.randint(90, 150))
        if rng.random() < 0.6:
            self._list(person, identified + timedelta(days=30))
            if rng.random() < 0.5:
                mentor = self._assign(person, cell, identified + timedelta(days=45))
                self._release(person, mentor, closing, "other")
        reason = rng.choice(["moved_away", "withdrew", "not_qualified"])
        self._chronicle.tell("CandidateClosed", f"person/{person}", closing, reason=reason)

    def _waiting(self, cell: Cell, mentored: bool | None) -> None:
        identified = self._chronicle.working_day(date(2022, 3, 1), date(2022, 9, 15))
        person = self._identify(cell, identified)
        if mentored is not None:
            self._list(person, identified + timedelta(days=40))
        if mentored:
            self._assign(person, cell, identified + timedelta(days=60))

    def _identify(self, cell: Cell, day: date, *, categorised: bool = False) -> str:
        rng = self._chronicle.rng
        person = self._chronicle.person()
        data: dict[str, object] = {"organisation_id": cell.id, "categories": []}
        if categorised or rng.random() < 0.5:
            data["categories"] = [rng.choice(_CATEGORIES[cell.sector])]
        if rng.random() < 0.15:
            data["profile"] = self._profile()
        self._chronicle.tell("CandidateIdentified", f"person/{person}", day, **data)
        return person

    def _profile(self) -> dict[str, object]:
        rng = self._chronicle.rng
        birth_year = rng.randint(1975, 2002)
        return {
            "sex": rng.choice(["female", "male"]),
            "birth_year": birth_year,
            "ethnic_minority": rng.random() < 0.7,
            "occupation": rng.choice(_OCCUPATIONS),
            "schooling": rng.choice(["9/12", "12/12", "university"]),
            "youth_union": birth_year > 1991,
        }

    def _list(self, person: str, day: date) -> None:
        self._chronicle.tell(
            "CandidateListed", f"person/{person}", day, resolution_ref=f"NQ-{day.month:02d}-{day.year}"
        )

    def _assign(self, person: str, cell: Cell, day: date, *, instead_of: str | None = None) -> str:
        mentors = self._mentors.setdefault(cell.id, [])
        free = [mentor for mentor in mentors if mentor != instead_of]
        if not free:
            free = [self._openings.enrol(cell, "official", OFFICIAL_AS_OF)]
            mentors += free
        mentor = self._chronicle.rng.choice(free)
        self._chronicle.tell("MentorAssigned", f"person/{person}", day, mentor_id=mentor, role="mentor")
        return mentor

    def _release(self, person: str, mentor: str, day: date, reason: str) -> None:
        self._chronicle.tell("MentorReleased", f"person/{person}", day, mentor_id=mentor, reason=reason)
