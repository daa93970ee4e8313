"""Suppression: whoever sees all figures of all tables of a tree can work out none that is withheld."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from services.reporting.reports.suppression import LEAST, Counts, Withheld, at_the_top, below, remainder, told

PLAIN = frozenset({"plain"})


class Node(Struct, frozen=True):
    """An organisation with what is its own, and its children."""

    own: dict[str, int]
    children: tuple["Node", ...] = ()


Told = dict[tuple[int, ...], tuple[int, dict[str, int | None]]]
"""Place in the tree → how many persons, and by group."""


World = Counter[tuple[tuple[int, ...], str]]
"""How many persons of which group are in which place: what those who are told only the figures do not know."""


def parts_of(node: Node, place: tuple[int, ...]) -> dict[str, tuple[Node, tuple[int, ...]]]:
    """Its children, and what belongs to none of them."""
    parts = {str(number): (child, (*place, number)) for number, child in enumerate(node.children)}
    return parts | {"own": (Node(node.own), (*place, -1))}


def counts_of(node: Node) -> Counter[str]:
    counts = Counter(node.own)
    for child in node.children:
        counts.update(counts_of(child))
    return counts


def all_told(node: Node, plain: frozenset[str] = frozenset()) -> Told:
    """Every figure about this tree that can be asked for."""
    found: Told = {}

    def tell(node: Node, place: tuple[int, ...], withheld: Withheld) -> None:
        counts = dict(counts_of(node))
        found[place] = (sum(counts.values()), told(counts, withheld))
        if node.children:
            parts = parts_of(node, place)
            tables: dict[str, Counts] = {name: dict(counts_of(part)) for name, (part, _) in parts.items()}
            for name, each in below(tables, withheld, plain).items():
                tell(*parts[name], each)

    tell(node, (), at_the_top(dict(counts_of(node)), plain))
    return found


def cells(node: Node, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], str, int]]:
    """The persons one cannot divide further: place of what is an organisation's own, group, number."""
    where = (*place, -1) if node.children else place
    for group, number in node.own.items():
        yield where, group, number
    for number, child in enumerate(node.children):
        yield from cells(child, (*place, number))


def within(place: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return place[: len(outer)] == outer


def withheld_cells(answers: Told) -> list[tuple[tuple[int, ...], str]]:
    return [(place, group) for place, (_, table) in answers.items() for group, n in table.items() if n is None]


def exchanges(world: World, answers: Told) -> Iterator[World]:
    """Worlds in which somebody's group is another, or two change places, and all that is told is the same."""

    def silent(changed: dict[tuple[tuple[int, ...], str], int]) -> bool:
        for outer, (_, table) in answers.items():
            moved: Counter[str] = Counter()
            for (place, group), number in changed.items():
                if within(place, outer):
                    moved[group] += number
            if sum(moved.values()) or any(moved[group] for group, told_ in table.items() if told_ is not None):
                return False
        return True

    groups = {group for _, group in world}
    there = [cell for cell, number in world.items() if number]
    for place, group in there:
        for other in groups - {group}:
            changes = [{(place, group): -1, (place, other): 1}]
            changes += [
                {(place, group): -1, (place, other): 1, partner: -1, (partner[0], group): 1}
                for partner in there
                if partner[1] == other and partner[0] != place
            ]
            for changed in changes:
                if silent(changed):
                    after = Counter(world)
                    for cell, number in changed.items():
                        after[cell] += number
                    yield after


def number_in(world: World, outer: tuple[int, ...], group: str) -> int:
    return sum(number for (place, each), number in world.items() if each == group and within(place, outer))


def determined(node: Node, plain: frozenset[str] = frozenset()) -> list[tuple[tuple[int, ...], str]]:
    """Withheld figures that are the same in all worlds found which would be told alike."""
    answers = all_told(node, plain)
    world = Counter({(place, group): number for place, group, number in cells(node)})
    left = set(withheld_cells(answers))
    if not left:
        return []
    near = list(exchanges(world, answers))
    for depth in range(2):
        for other in near:
            left = {cell for cell in left if number_in(other, *cell) == number_in(world, *cell)}
        if not left or depth:
            break
        near = [further for other in near[:40] for further in exchanges(other, answers)]
    return sorted(left)


def derivable(node: Node, plain: frozenset[str] = frozenset()) -> list[tuple[tuple[int, ...], str]]:
    """Withheld figures that are sums and differences of figures that are told: by Gauss's elimination."""
    answers = all_told(node, plain)
    unknown = {(place, group): index for index, (place, group, _) in enumerate(cells(node))}
    known = []
    for outer, (_, table) in answers.items():
        known.append([Fraction(within(place, outer)) for place, _ in unknown])
        for group, number in table.items():
            if number is not None:
                known.append([Fraction(within(place, outer) and group == each) for place, each in unknown])
    basis: list[tuple[int, list[Fraction]]] = []

    def reduced(row: list[Fraction]) -> list[Fraction]:
        for pivot, other in basis:
            if row[pivot]:
                factor = row[pivot]
                row = [a - factor * b for a, b in zip(row, other, strict=True)]
        return row

    for each in known:
        row = reduced(each)
        pivot = next((index for index, value in enumerate(row) if value), None)
        if pivot is not None:
            basis.append((pivot, [value / row[pivot] for value in row]))
    return [
        (outer, group)
        for outer, group in withheld_cells(answers)
        if not any(reduced([Fraction(within(place, outer) and group == each) for place, each in unknown]))
    ]


def small_ones_told(node: Node, plain: frozenset[str] = frozenset()) -> list[tuple[tuple[int, ...], str]]:
    return [
        (place, group)
        for place, (_, table) in all_told(node, plain).items()
        for group, number in table.items()
        if number is not None and 0 < number < LEAST and group not in plain
    ]


def numbers(groups: int) -> st.SearchStrategy[dict[str, int]]:
    sizes = st.one_of(st.just(0), st.integers(1, 4), st.integers(5, 14))
    return st.fixed_dictionaries({f"g{number}": sizes for number in range(groups)})


def trees(groups: int) -> st.SearchStrategy[Node]:
    leaf = st.builds(Node, numbers(groups))
    middle = st.builds(Node, numbers(groups), st.lists(leaf, max_size=3).map(tuple))
    return st.builds(Node, numbers(groups), st.lists(middle, max_size=4).map(tuple))


@given(st.integers(2, 4).flatmap(trees))
@settings(max_examples=400)
def test_no_withheld_figure_of_any_table_can_be_worked_out(tree: Node) -> None:
    assert small_ones_told(tree) == []
    assert derivable(tree) == []
    assert determined(tree) == []


def with_plain(tree: Node) -> Node:
    """The same with two groups, of which one is plain."""
    own = {"in": tree.own["g0"], "plain": tree.own["g1"]}
    return Node(own, tuple(map(with_plain, tree.children)))


@given(trees(2).map(with_plain))
@settings(max_examples=150)
def test_nor_where_one_group_is_no_secret_itself(tree: Node) -> None:
    assert small_ones_told(tree, PLAIN) == []
    assert derivable(tree, PLAIN) == []
    assert determined(tree, PLAIN) == []


@given(st.integers(2, 4).flatmap(trees))
@settings(max_examples=100)
def test_what_is_withheld_adds_up_to_what_is_told_of_it(tree: Node) -> None:
    counts = dict(counts_of(tree))
    withheld = at_the_top(counts)
    table = told(counts, withheld)
    assert sum(filter(None, table.values())) + remainder(counts, withheld) == sum(counts.values())


def shown(counts: Counts, plain: frozenset[str] = frozenset()) -> dict[str, int | None]:
    return told(counts, at_the_top(counts, plain))


def test_large_groups_are_told() -> None:
    for counts in ({"female": 7, "male": 5}, {"a": 7, "b": 5, "c": 0}, {"a": 0, "b": 0}):
        assert shown(counts) == counts


def test_with_a_small_group_goes_the_next_smallest() -> None:
    table = shown({"a": 100, "b": 3, "c": 20, "d": 7, "e": 0})
    assert table == {"a": 100, "b": None, "c": 20, "d": None, "e": 0}


def test_what_is_withheld_together_is_no_small_group() -> None:
    assert shown({"a": 100, "b": 1, "c": 2, "d": 7}) == {"a": 100, "b": None, "c": None, "d": None}


def test_of_two_groups_both_are_withheld_or_none() -> None:
    for counts in ({"female": 100, "male": 1}, {"female": 3, "male": 2}):
        assert set(shown(counts).values()) == {None}


def test_what_is_true_of_everybody_is_withheld() -> None:
    assert shown({"yes": 12, "no": 0}) == {"yes": None, "no": None}
    assert shown({"in": 0, "plain": 12}, PLAIN) == {"in": 0, "plain": 12}


def test_a_child_without_small_groups_is_told_beside_two_that_are_withheld() -> None:
    children: dict[str, Counts] = {
        "small": {"female": 2, "male": 9},
        "middle": {"female": 8, "male": 9},
        "large": {"female": 80, "male": 90},
        "none": {"female": 0, "male": 0},
    }
    found = below(children, at_the_top({"female": 90, "male": 108}))
    tables = {name: told(counts, found[name]) for name, counts in children.items()}
    assert tables["small"] == {"female": None, "male": None}
    assert sorted(name for name, table in tables.items() if None not in table.values()) in (
        ["large", "none"],
        ["middle", "none"],
    )


def test_which_groups_are_withheld_does_not_depend_on_the_order_they_are_given_in() -> None:
    counts = {"a": 6, "b": 3, "c": 6, "d": 40}
    assert len({at_the_top(dict(each)).groups for each in permutations(counts.items())}) == 1
