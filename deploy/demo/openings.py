"""The members from before the record begins: declared as balances, registered one by one at need."""

from datetime import date

from deploy.demo.chronicle import Chronicle
from deploy.demo.organisations import Cell, Tree

OPENING = 5850
OPENING_PROBATIONARY = 280
COMMUNE_OPENING = 208
COMMUNE_PROBATIONARY = 11
EMPTIED_OPENING = 3
NEIGHBOUR_OPENING_EACH = 15

OFFICIAL_AS_OF = date(2020, 12, 31)
PROBATIONARY_AS_OF = date(2021, 12, 31)


class Openings:
    """What is left of each cell's balance, by status."""

    def __init__(self, chronicle: Chronicle) -> None:
        self._chronicle = chronicle
        self._left: dict[tuple[str, str], int] = {}

    def declare(self, tree: Tree) -> None:
        """Declare 5,850 members of the district on the evening of 31 December 2021, and the neighbour's.

        Official members are declared a year earlier: some are registered by then as mentors.
        """
        assert tree.emptied is not None
        totals = {tree.emptied.id: EMPTIED_OPENING}
        totals |= self._spread(tree.commune, COMMUNE_OPENING)
        totals |= self._spread(tree.ordinary, OPENING - COMMUNE_OPENING - EMPTIED_OPENING)
        probationary = self._one_or_two_each(tree.commune, COMMUNE_PROBATIONARY)
        probationary |= self._one_or_two_each(tree.ordinary, OPENING_PROBATIONARY - COMMUNE_PROBATIONARY)
        for cell in tree.before_2022:
            self._declare(cell.id, OFFICIAL_AS_OF, "official", totals[cell.id] - probationary.get(cell.id, 0))
        for cell in tree.neighbour:
            self._declare(cell.id, OFFICIAL_AS_OF, "official", NEIGHBOUR_OPENING_EACH)
        for cell in tree.before_2022:
            if cell.id in probationary:
                self._declare(cell.id, PROBATIONARY_AS_OF, "probationary", probationary[cell.id])

    def left(self, cell: Cell, status: str) -> int:
        """How many of the cell's declared members are not registered yet."""
        return self._left.get((cell.id, status), 0)

    def enrol(self, cell: Cell, status: str, day: date, admitted_on: date | None = None) -> str:
        """Register one member out of the cell's balance on `day`, and return the person's id."""
        assert self.left(cell, status) > 0, f"{cell.id} has no unregistered {status} member left"
        self._left[cell.id, status] -= 1
        person = self._chronicle.person()
        data = {"organisation_id": cell.id, "status": status, "in_opening_balance": True}
        if admitted_on is not None:
            data["admitted_on"] = admitted_on.isoformat()
        self._chronicle.tell("MemberEnrolled", f"person/{person}", day, **data)
        return person

    def _declare(self, cell: str, day: date, status: str, count: int) -> None:
        counts = {"official": 0, "probationary": 0, status: count}
        self._chronicle.tell("OpeningBalanceDeclared", f"organisation/{cell}", day, as_of=day, **counts)
        self._left[cell, status] = count

    def _spread(self, cells: list[Cell], total: int) -> dict[str, int]:
        """Cells of uneven size, ten to eighteen members, that add up to `total`."""
        rng = self._chronicle.rng
        sizes = {cell.id: rng.randint(10, 18) for cell in cells}
        while difference := total - sum(sizes.values()):
            for identifier in rng.sample(list(sizes), min(abs(difference), len(sizes))):
                sizes[identifier] += 1 if difference > 0 else -1
        return sizes

    def _one_or_two_each(self, cells: list[Cell], total: int) -> dict[str, int]:
        """Some cells have one person on probation, a few have two."""
        two = total // 4
        chosen = self._chronicle.rng.sample(cells, total - two)
        return {cell.id: 2 if number < two else 1 for number, cell in enumerate(chosen)}
