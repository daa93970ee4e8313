"""The made-up villages and residential groups of the demo, three of which have no member."""

from datetime import date

from deploy.demo.chronicle import Chronicle
from deploy.demo.organisations import COMMUNE, Cell, Tree

_REGISTERED = date(2020, 3, 2)
_SECOND_COMMUNE = "db-xa-02"
_THIRD_COMMUNE = "db-xa-03"


def settle(chronicle: Chronicle, tree: Tree) -> None:
    """Tell the places and who covers them.

    Without members at the end: a village that no cell ever covered, a group whose coverage ended, and the
    village of the cell that was emptied.
    """
    assert tree.emptied is not None
    for number, cell in enumerate(tree.commune, start=1):
        # The last two villages share one cell.
        shared = number >= len(tree.commune) - 1
        _village(chronicle, COMMUNE, number, tree.commune[-1] if shared else cell, shared=shared)
    _village(chronicle, _SECOND_COMMUNE, 1, tree.emptied)
    others = [cell for cell in tree.ordinary if cell.parent == _SECOND_COMMUNE]
    for number, cell in enumerate(others[:4], start=2):
        _village(chronicle, _SECOND_COMMUNE, number, cell)
    _village(chronicle, _SECOND_COMMUNE, 6, None)
    groups = [cell for cell in tree.ordinary if cell.parent == _THIRD_COMMUNE]
    for number, cell in enumerate(groups[:5], start=1):
        _place(chronicle, _THIRD_COMMUNE, f"Tổ dân phố {number}", "residential_group", number, cell)
    given_up = f"place/{_THIRD_COMMUNE}-to-5"
    chronicle.tell("PlaceCovered", given_up, date(2022, 6, 1), cell_id=None, shared=False)


def _village(chronicle: Chronicle, commune: str, number: int, cell: Cell | None, *, shared: bool = False) -> None:
    _place(chronicle, commune, f"Bản số {number}", "village", number, cell, shared=shared)


def _place(
    chronicle: Chronicle,
    commune: str,
    name: str,
    kind: str,
    number: int,
    cell: Cell | None,
    *,
    shared: bool = False,
) -> None:
    subject = f"place/{commune}-{'ban' if kind == 'village' else 'to'}-{number}"
    chronicle.tell(
        "PlaceRegistered",
        subject,
        _REGISTERED,
        name=f"{name} (minh hoạ)",
        kind=kind,
        organisation_id=commune,
        tags=[],
    )
    if cell is not None:
        day = max(cell.founded, date(2020, 12, 1))
        chronicle.tell("PlaceCovered", subject, day, cell_id=cell.id, shared=shared)
