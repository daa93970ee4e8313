"""Suppression: whoever sees all figures of all tables of a tree can work out none that is withheld."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
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


Figure = tuple[tuple[int, ...], str]
"""Place and group."""


World = Counter[Figure]
"""How many persons of which group are in which place that has no parts: what the figures told leave open."""


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


def withheld_cells(answers: Told) -> list[Figure]:
    return [(place, group) for place, (_, table) in answers.items() for group, n in table.items() if n is None]


def number_in(world: World, outer: tuple[int, ...], group: str) -> int:
    return sum(number for (place, each), number in world.items() if each == group and within(place, outer))


def told_alike(world: World, answers: Told) -> bool:
    """Whether these answers could have been given of this world."""
    return min(world.values()) >= 0 and all(
        total == sum(number for (place, _), number in world.items() if within(place, outer))
        and all(number in (None, number_in(world, outer, group)) for group, number in table.items())
        for outer, (total, table) in answers.items()
    )


Spot = tuple[tuple[int, ...], str | None] | None
"""What the network of figures joins: a place without parts (its group: None), a group of a place with parts, and
beyond the whole (None)."""


class Ways:
    """How a world can change while all that is told stays the same.

    Persons flow from the places without parts, as many as are told, through the figures: into a group of their
    place, on into that group of the place it is part of, and so up to the whole. Worlds are the whole-numbered
    flows of this network, and two of them differ by cycles. So a withheld figure can be another number if and only
    if it lies on a cycle of withheld figures, each of them one more, or one less where there is somebody.
    """

    def __init__(self, node: Node, answers: Told) -> None:
        self.world = Counter({(place, group): number for place, group, number in cells(node)})
        self.ends: dict[Figure, tuple[Spot, Spot]] = {}
        self.steps: dict[Spot, list[tuple[Spot, Figure, int]]] = defaultdict(list)
        for place, group in withheld_cells(answers):
            figure = (place, group)
            lower: Spot = (place, None if figure in self.world else group)
            upper: Spot = (place[:-1], group) if place else None
            self.ends[figure] = lower, upper
            self.steps[lower].append((upper, figure, 1))
            if number_in(self.world, *figure):
                self.steps[upper].append((lower, figure, -1))

    def other_world(self, figure: Figure) -> World | None:
        """A world in which this withheld figure is another number; None: it can be worked out."""
        lower, upper = self.ends[figure]
        for start, goal, change in ((upper, lower, 1), (lower, upper, -1)):
            if (start, figure, change) not in self.steps[goal]:
                continue  # nobody there to be one less
            paths: dict[Spot, tuple[tuple[Figure, int], ...]] = {start: ((figure, change),)}
            queue = deque([start])
            while queue and goal not in paths:
                here = queue.popleft()
                for there, through, step in self.steps[here]:
                    if through != figure and there not in paths:
                        paths[there] = (*paths[here], (through, step))
                        queue.append(there)
            if goal in paths:
                other = Counter(self.world)
                for through, step in paths[goal]:
                    if through in self.world:
                        other[through] += step
                return other
        return None


def worked_out(node: Node, answers: Told) -> list[Figure]:
    """Withheld figures that are the same in all worlds that would be told alike; for all others it shows one."""
    ways = Ways(node, answers)
    found = []
    for figure in withheld_cells(answers):
        other = ways.other_world(figure)
        if other is None:
            found.append(figure)
        else:
            assert told_alike(other, answers)
            assert number_in(other, *figure) != number_in(ways.world, *figure)
    return found


def small_ones_told(node: Node, plain: frozenset[str] = frozenset()) -> list[Figure]:
    return [
        (place, group)
        for place, (_, table) in all_told(node, plain).items()
        for group, number in table.items()
        if number is not None and 0 < number < LEAST and group not in plain
    ]


ANY = st.one_of(st.just(0), st.integers(1, 4), st.integers(5, 14))
FEW = st.sampled_from((0, 0, 0, 0, 1, 5, 9))
"""Tables with hardly a group in them leave the fewest ways out."""


def trees_of(groups: int, sizes: st.SearchStrategy[int]) -> st.SearchStrategy[Node]:
    numbers = st.fixed_dictionaries({f"g{number}": sizes for number in range(groups)})
    leaf = st.builds(Node, numbers)
    middle = st.builds(Node, numbers, st.lists(leaf, max_size=3).map(tuple))
    return st.builds(Node, numbers, st.lists(middle, max_size=4).map(tuple))


def trees(groups: int) -> st.SearchStrategy[Node]:
    return st.one_of(trees_of(groups, FEW), trees_of(groups, ANY))


@given(st.integers(2, 4).flatmap(trees))
@settings(max_examples=800)
def test_no_withheld_figure_of_any_table_can_be_worked_out(tree: Node) -> None:
    assert small_ones_told(tree) == []
    assert worked_out(tree, all_told(tree)) == []


def test_where_no_two_can_change_places_three_can() -> None:
    def of(g0: int, g1: int, g2: int, g3: int, *children: Node) -> Node:
        return Node({"g0": g0, "g1": g1, "g2": g2, "g3": g3}, children)

    tree = of(
        *(0, 8, 0, 13),
        of(0, 0, 4, 3, of(0, 0, 4, 3), of(5, 0, 0, 1), of(1, 0, 1, 1)),
        of(1, 0, 0, 0, of(0, 5, 0, 0), of(0, 0, 0, 0)),
        of(0, 0, 0, 10),
        of(0, 0, 1, 0),
    )

    answers = all_told(tree)

    assert answers[1,] == (6, {"g0": None, "g1": 5, "g2": None, "g3": None})
    assert answers[1, 0] == (5, {"g0": None, "g1": None, "g2": None, "g3": None})
    for group, elsewhere in (("g2", (3,)), ("g3", (2,))):
        other = Ways(tree, answers).world
        other.subtract([((1, -1), "g0"), ((1, 0), "g1"), (elsewhere, group)])
        other.update([((1, -1), "g1"), ((1, 0), group), (elsewhere, "g0")])
        assert told_alike(other, answers)
    assert worked_out(tree, answers) == []


def test_two_parts_that_withhold_more_than_a_third_have_somebody_of_what_all_withhold() -> None:
    parts: dict[str, Counts] = {
        "a": {"g0": 9, "g1": 0, "g2": 0, "g3": 0},
        "b": {"g0": 0, "g1": 0, "g2": 0, "g3": 5},
        "c": {"g0": 0, "g1": 1, "g2": 0, "g3": 0},
    }

    found = below(parts, frozenset({"g1", "g2"}))

    # Were it a and b alone, they would be known to have nobody of g1 and g2: that one is c's.
    assert found == dict.fromkeys(parts, frozenset({"g0", "g1", "g2", "g3"}))


def test_what_is_withheld_above_makes_no_part_withhold_more_than_it_must() -> None:
    above = frozenset({"x", "y"})

    def found(of_x: int) -> dict[str, Withheld]:
        tables = {"small": (of_x, 2, 9), "middle": (of_x, 7, 9), "large": (3 * of_x, 20, 20)}
        return below({name: {"x": x, "y": 0, "z": z, "w": w} for name, (x, z, w) in tables.items()}, above)

    assert found(1) == {"small": above | {"z"}, "middle": above, "large": above | {"z"}}
    assert found(0) == {
        "small": {"z", "w"},
        "middle": frozenset(),
        "large": {"z", "w"},
    }  # nobody is told as nobody


def test_who_sees_all_figures_sees_through_sums_differences_and_bounds() -> None:
    def two(of_b: int, *withheld: tuple[int, ...]) -> list[Figure]:
        tree = Node({"a": 0, "b": 0}, (Node({"a": 3, "b": 0}), Node({"a": 4, "b": of_b})))
        answers = {
            place: (total, {group: None if place in withheld else table[group] for group in "ab"})
            for place, (total, table) in {
                (): (7 + of_b, {"a": 7, "b": of_b}),
                (0,): (3, {"a": 3, "b": 0}),
                (1,): (4 + of_b, {"a": 4, "b": of_b}),
                (-1,): (0, {"a": 0, "b": 0}),
            }.items()
        }
        return worked_out(tree, answers)

    assert two(2, ()) == [((), "a"), ((), "b")]  # the sum of its parts
    assert two(2, (0,)) == [((0,), "a"), ((0,), "b")]  # the whole without the others
    assert two(0, (0,), (1,)) == [((0,), "a"), ((0,), "b"), ((1,), "a"), ((1,), "b")]  # none of nobody
    assert two(2, (0,), (1,)) == []


def with_plain(tree: Node) -> Node:
    """The same with two groups, of which one is plain."""
    own = {"in": tree.own["g0"], "plain": tree.own["g1"]}
    return Node(own, tuple(map(with_plain, tree.children)))


@given(trees(2).map(with_plain))
@settings(max_examples=300)
def test_nor_where_one_group_is_no_secret_itself(tree: Node) -> None:
    assert small_ones_told(tree, PLAIN) == []
    assert worked_out(tree, all_told(tree, PLAIN)) == []


def test_of_a_single_person_is_withheld_what_is_not_true_as_well() -> None:
    for counts in ({"in": 1, "plain": 0}, {"in": 0, "plain": 1}):
        assert shown(counts, PLAIN) == {"in": None, "plain": None}
    assert shown({"in": 0, "plain": 2}, PLAIN) == {"in": 0, "plain": 2}


def test_nor_is_told_of_a_single_person_in_a_part_whether_it_is_true_of_them() -> None:
    for counts in ({"in": 1, "plain": 0}, {"in": 0, "plain": 1}):
        found = below(
            {"one": counts, "rest": {"in": 6, "plain": 6}}, at_the_top({"in": 7, "plain": 7}, PLAIN), PLAIN
        )
        assert told(counts, found["one"]) == {"in": None, "plain": None}


@given(trees(2).map(with_plain))
@settings(max_examples=300)
def test_nobody_is_told_of_a_single_person_only_where_nobody_is_told_of_more(tree: Node) -> None:
    answers = all_told(tree, PLAIN)
    for place, (persons, table) in answers.items():
        if persons == 1 and table["in"] is not None:
            around = [answers[place[:length]] for length in range(len(place))]
            assert any(more > 1 and outer["in"] == 0 for more, outer in around)


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
    assert shown({"a": 100, "b": 2, "c": 3, "d": 7}) == {"a": 100, "b": None, "c": None, "d": 7}  # five are enough


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
    assert len({at_the_top(dict(each)) for each in permutations(counts.items())}) == 1
