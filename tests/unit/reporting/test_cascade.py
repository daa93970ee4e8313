"""Cascade: which targets of a child are parts of the one that is asked about."""

from datetime import date

import pytest
from msgspec import Struct

from services.reporting.reports.cascade import compared


class Child(Struct, frozen=True):
    """A child as the statement gives it."""

    organisation_id: str
    name: str = "Child"
    kind: str = "cell"


class Target(Struct, frozen=True):
    """A target as the statement gives it."""

    target_id: str
    issuer_id: str
    value: int
    parent_target_id: str | None = None
    basis: str = "resolution"
    metric: str = "admissions"
    comparison: str = "at_least"
    period_from: date = date(2022, 1, 1)
    period_to: date = date(2022, 12, 31)


OWN = Target("own", "above", 100)
OF_ASKED, OF_ABOVE, OF_CHILD = Target("a", "asked", 1), Target("b", "above", 2), Target("c", "child", 4)
OF_OTHERS = (Target("d", "one", 8), Target("e", "two", 16))


def parts(*of_child: Target, own: tuple[Target, ...] = (OWN,)) -> set[str]:
    found = compared(
        OWN, "asked", [Child("child"), Child("none")], {"asked": [*own], "child": [*of_child], "none": []}
    )
    total = sum(
        each.value
        for each in of_child
        if each.target_id in {one["target_id"] for one in found["children_targets"]}
    )
    assert (found["target"], found["children_total"], found["difference"]) == (100, total, total - 100)
    assert found["children_without_target"] == (1 if found["children_targets"] else 2)
    return {each["target_id"] for each in found["children_targets"]}


@pytest.mark.parametrize(
    ("of_child", "expected"),
    [
        ((*OF_OTHERS, OF_CHILD, OF_ABOVE, OF_ASKED), {"a"}),
        ((*OF_OTHERS, OF_CHILD, OF_ABOVE), {"b"}),
        ((*OF_OTHERS, OF_CHILD), {"c"}),
        (OF_OTHERS, {"d", "e"}),
    ],
    ids=["the asked one's", "those of the own target's issuer", "the child's own", "all"],
)
def test_of_the_same_aim_whose_issuer_comes_first_counts(of_child: tuple[Target, ...], expected: set[str]) -> None:
    assert parts(*of_child) == expected


NAMED = Target("named", "one", 32, "own", basis="own")


def test_a_target_that_names_the_own_one_is_a_part_on_whatever_basis_and_then_no_other_is() -> None:
    assert parts(OF_ASKED, NAMED) == {"named"}


@pytest.mark.parametrize(
    "other",
    [
        {"metric": "confirmations"},
        {"comparison": "exactly"},
        {"period_from": date(2022, 1, 2)},
        {"period_to": date(2022, 12, 30)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_counts_something_else_or_other_days_is_no_part(other: dict[str, object]) -> None:
    def but(target: Target) -> Target:
        return Target(**({name: getattr(target, name) for name in target.__struct_fields__} | other))

    assert parts(but(NAMED)) == set()
    assert parts(but(OF_ASKED)) == set()


def test_another_basis_is_another_aim_and_who_names_another_target_of_the_parent_is_a_part_of_that() -> None:
    second = Target("second", "above", 50)
    naming = Target("f", "asked", 64, "second")

    assert parts(Target("g", "asked", 1, basis="assigned")) == set()
    assert parts(naming, own=(OWN, second)) == set()
    assert parts(naming) == {"f"}  # what it names stands no more
