"""What happens to made-up members of the demo in 2022: confirmations, transfers and endings."""

from datetime import date, timedelta

from deploy.demo.candidacies import Pool
from deploy.demo.chronicle import Chronicle
from deploy.demo.openings import OFFICIAL_AS_OF, PROBATIONARY_AS_OF, Openings
from deploy.demo.organisations import Cell, Tree

# Across the district's boundary, the commune's share of it, and within. The commune:
# 208 + 13 admitted + (1 + 1) in - (2 + 1) out - 4 ended = 216.
TRANSFERRED_IN, COMMUNE_IN = 25, 1
TRANSFERRED_OUT, COMMUNE_OUT = 40, 2
LEFT_THE_PROVINCE = 4
ENDED, COMMUNE_ENDED, REMOVED_ON_PROBATION = 44, 4, 3
WITHIN = 10
FIRST_ENTERPRISE_MEMBERS, SECOND_ENTERPRISE_MEMBERS = 4, 3

_FIRST, _LAST = date(2022, 1, 5), date(2022, 11, 25)
_REASONS = ("deceased",) * 6 + ("resigned",) * 2 + ("removed",) + ("expelled",)


class Memberships:
    """Tells what happens to members that the balances hold, registering each of them first."""

    def __init__(self, chronicle: Chronicle, openings: Openings) -> None:
        self._chronicle = chronicle
        self._openings = openings

    def hand_over(self, tree: Tree) -> None:
        """A cell of the neighbour is dissolved into another one: its balance and its member go along."""
        successor, dissolved = tree.neighbour[-2:]
        tree.neighbour.remove(dissolved)
        self._openings.enrol(dissolved, "official", OFFICIAL_AS_OF)
        self._chronicle.tell(
            "OrganisationDissolved",
            f"organisation/{dissolved.id}",
            date(2022, 7, 1),
            successor_id=successor.id,
        )

    def staff(self, tree: Tree, pool: Pool) -> None:
        """Members of other cells form the two enterprise cells; one of each is a mentor there."""
        sizes = (FIRST_ENTERPRISE_MEMBERS, SECOND_ENTERPRISE_MEMBERS)
        for cell, size in zip(tree.enterprises, sizes, strict=True):
            people = [
                self._transfer(self._some(tree.ordinary), cell, cell.founded + timedelta(days=1), 3)
                for _ in range(size)
            ]
            pool.appoint(cell, people[0])

    def move(self, tree: Tree) -> None:
        """Transfers across the district's boundary and within it."""
        for number in range(TRANSFERRED_IN):
            to = tree.commune if number < COMMUNE_IN else tree.ordinary
            self._transfer(self._some(tree.neighbour), self._chronicle.rng.choice(to))
        for number in range(TRANSFERRED_OUT - LEFT_THE_PROVINCE):
            origin = tree.commune if number < COMMUNE_OUT else tree.ordinary
            self._transfer(self._some(origin), self._chronicle.rng.choice(tree.neighbour))
        for _ in range(LEFT_THE_PROVINCE):
            # Where the other end sends no events, the old organisation says that the member has left.
            self._end(self._some(tree.ordinary), "official", "transferred_out")
        for _ in range(WITHIN):
            self._transfer(self._some(tree.ordinary), self._chronicle.rng.choice(tree.ordinary[:100]))
        self._transfer(self._some(tree.ordinary), tree.commune[0])
        self._transfer(self._some(tree.commune), tree.ordinary[0])
        self._empty(tree)
        self._without_effect(tree)

    def end(self, tree: Tree) -> None:
        """Memberships that ended in 2022, three of them on probation."""
        for number in range(ENDED - REMOVED_ON_PROBATION):
            origin = tree.commune if number < COMMUNE_ENDED else tree.ordinary
            self._end(self._some(origin), "official", self._chronicle.rng.choice(_REASONS))

    def confirm(self, tree: Tree) -> None:
        """Everyone admitted in 2021 is confirmed twelve months later, but for three who are removed."""
        removed = 0
        for cell in [*tree.ordinary, *tree.commune]:
            for _ in range(self._openings.left(cell, "probationary")):
                admitted = self._chronicle.working_day(date(2021, 1, 5), date(2021, 11, 26))
                person = self._openings.enrol(cell, "probationary", PROBATIONARY_AS_OF, admitted)
                confirmed = admitted.replace(year=2022)
                if removed < REMOVED_ON_PROBATION and admitted.month > 6:
                    removed += 1
                    before = confirmed - timedelta(days=45)
                    self._chronicle.tell("MembershipEnded", f"person/{person}", before, reason="removed")
                else:
                    self._chronicle.tell("MemberConfirmed", f"person/{person}", confirmed, official_from=confirmed)

    def _empty(self, tree: Tree) -> None:
        """The members of one cell all move to another cell of their commune."""
        assert tree.emptied is not None
        neighbour_cell = next(cell for cell in tree.ordinary if cell.parent == tree.emptied.parent)
        while self._openings.left(tree.emptied, "official"):
            self._transfer(tree.emptied, neighbour_cell, date(2022, 4, 4), 7)

    def _without_effect(self, tree: Tree) -> None:
        """A temporary transfer, and one that nobody has accepted yet: neither changes a count."""
        self._transfer(self._some(tree.ordinary), tree.neighbour[0], kind="temporary")
        self._initiate(self._some(tree.ordinary), tree.neighbour[1], date(2022, 11, 28), "official")

    def _transfer(
        self,
        origin: Cell,
        to: Cell,
        day: date | None = None,
        days_on_the_way: int | None = None,
        *,
        kind: str = "official",
    ) -> str:
        """Tell a transfer from its beginning to its acceptance; by default on some day that leaves time."""
        rng = self._chronicle.rng
        day = day or self._chronicle.working_day(_FIRST, date(2022, 10, 20))
        accepted = day + timedelta(days=days_on_the_way or rng.randint(5, 28))
        person = self._initiate(origin, to, day, kind)
        self._chronicle.tell(
            "TransferAccepted", f"person/{person}", accepted, organisation_id=to.id, presented_on=accepted
        )
        return person

    def _initiate(self, origin: Cell, to: Cell, day: date, kind: str) -> str:
        person = self._openings.enrol(origin, "official", day)
        self._chronicle.tell(
            "TransferInitiated", f"person/{person}", day, **{"from": origin.id, "to": to.id}, kind=kind
        )
        return person

    def _end(self, origin: Cell, status: str, reason: str) -> None:
        day = self._chronicle.working_day(_FIRST, _LAST)
        person = self._openings.enrol(origin, status, day)
        self._chronicle.tell("MembershipEnded", f"person/{person}", day, reason=reason)

    def _some(self, cells: list[Cell]) -> Cell:
        """A cell of `cells` that keeps enough unregistered official members to stay a cell."""
        return self._chronicle.rng.choice([cell for cell in cells if self._openings.left(cell, "official") > 4])
