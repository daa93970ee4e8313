"""Suppression: which figures about small groups are withheld, so that no other figure gives them away. Pure.

A table counts persons by the groups of one attribute; the number of all of them is told. Tables stand in a tree:
an organisation's table is the sum of its parts' (its children, and what belongs to none of them). So a group is
withheld where it is small, and so is enough besides that nobody can work it out:

- within a table at least two groups, together at least `LEAST` persons, since the sum is known;
- with a part's group also that of another part, since the parts' sum is known;
- what is withheld of an organisation is withheld of everything under it, since sums lead upwards.

That makes a promise which can be checked: two persons of withheld groups, in different parts that withhold both,
can change places without any figure that is told changing. Who sees all figures cannot know which of them it was.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

LEAST = 5
"""Groups of fewer persons are small; nobody is no group."""

Counts = Mapping[str, int]
"""Group → persons; with a zero for each group that there could be."""


class Exchange(Struct, frozen=True):
    """Persons elsewhere with whom persons of these groups can change places; None: it needs no partner."""

    groups: frozenset[str]
    partners: Counts | None


class Withheld(Struct, frozen=True):
    """The groups withheld in one table, and why they cannot be worked out."""

    groups: frozenset[str] = frozenset()
    exchanges: tuple[Exchange, ...] = ()


NOTHING = Withheld()


def told(counts: Counts, withheld: Withheld) -> dict[str, int | None]:
    """The table as it is told: None where a group is withheld. That nobody is in any of them shows as zeros."""
    rest = remainder(counts, withheld)
    return {group: None if rest and group in withheld.groups else number for group, number in counts.items()}


def remainder(counts: Counts, withheld: Withheld) -> int:
    """How many persons are in the withheld groups together; this much is told."""
    return sum(number for group, number in counts.items() if group in withheld.groups)


def at_the_top(counts: Counts, plain: frozenset[str] = frozenset()) -> Withheld:
    """What to withhold in a table that is part of no other one.

    `plain` groups are no secret: they are withheld only where they would tell of others.
    """
    small = _small(counts, plain)
    if not small:
        return NOTHING
    groups = set(small)
    for group in sorted(counts, key=lambda each: (counts[each] == 0, counts[each], each)):
        if len(groups) > 1 and sum(counts[each] for each in groups) >= LEAST:
            break
        groups.add(group)
    hidden = frozenset(groups)
    return Withheld(hidden, (Exchange(hidden, None),))


def below(
    parts: Mapping[str, Counts], above: Withheld, plain: frozenset[str] = frozenset()
) -> dict[str, Withheld]:
    """What to withhold in each part of a table in which `above` is withheld."""
    rows = {name for name, counts in parts.items() if any(counts.values())}
    if len(rows) < 2:
        # The one part is the whole table over again.
        return dict.fromkeys(parts, above)
    if not remainder(_added(parts.values()), above):
        above = NOTHING  # its table told that nobody is in any of these groups
    problems = {name: _small(parts[name], plain) - above.groups for name in rows}
    chosen = {name for name, groups in problems.items() if groups}
    columns = set(above.groups).union(*problems.values())
    more_rows = sorted(rows - chosen, key=lambda name: (sum(parts[name].values()), name), reverse=True)
    totals = _added(parts.values())
    more_columns = sorted(
        (group for group in totals if group not in columns and totals[group]),
        key=lambda each: (totals[each], each),
        reverse=True,
    )
    while True:
        found = _block(parts, above, chosen, frozenset(columns))
        if not chosen or all(_undetermined(parts[name], found[name]) for name in rows):
            return found
        if len(columns) > 1 and more_rows:
            chosen.add(more_rows.pop(0))
        elif more_columns:
            columns.add(more_columns.pop())
        elif more_rows:
            chosen.add(more_rows.pop(0))
        else:
            return found


def _block(
    parts: Mapping[str, Counts], above: Withheld, chosen: Iterable[str], columns: frozenset[str]
) -> dict[str, Withheld]:
    """`columns` withheld in the chosen parts, what is withheld above in all of them."""
    chosen = set(chosen)
    everywhere, within = _added(parts.values()), _added(parts[name] for name in chosen)
    found = {}
    for name, counts in parts.items():
        exchanges = [Exchange(above.groups, _less(everywhere, counts)), *above.exchanges]
        if name in chosen:
            exchanges.insert(0, Exchange(columns, _less(within, counts)))
        found[name] = Withheld(columns if name in chosen else above.groups, tuple(exchanges))
    return found


def _small(counts: Counts, plain: frozenset[str]) -> frozenset[str]:
    """Groups that must not be told: those of few, and one that everybody is in, which says it of each."""
    there = [group for group, number in counts.items() if number]
    return frozenset(group for group in there if group not in plain and (counts[group] < LEAST or len(there) == 1))


def _undetermined(counts: Counts, withheld: Withheld) -> bool:
    """Whether each withheld group could be another number, by somebody's change of places."""
    if not remainder(counts, withheld):
        return True
    return all(
        any(_can_change(counts, group, exchange) for exchange in withheld.exchanges) for group in withheld.groups
    )


def _can_change(counts: Counts, group: str, exchange: Exchange) -> bool:
    if group not in exchange.groups:
        return False
    here, there = counts, exchange.partners
    return any(
        (here.get(group, 0) and (there is None or there.get(other, 0)))
        or (here.get(other, 0) and (there is None or there.get(group, 0)))
        for other in exchange.groups
        if other != group
    )


def _added(tables: Iterable[Counts]) -> Counter[str]:
    found: Counter[str] = Counter()
    for counts in tables:
        found.update(counts)
    return found


def _less(counts: Counts, part: Counts) -> Counts:
    return {group: number - part.get(group, 0) for group, number in counts.items()}
