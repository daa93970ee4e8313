"""Suppression: which figures about small groups are withheld, so that no other figure gives them away. Pure.

A table counts persons by the groups of one attribute; the number of all of them is told. Tables stand in a tree:
an organisation's table is the sum of its parts' (its children, and what belongs to none of them). So a group is
withheld where it is small, and so is enough besides that nobody can work it out:

- within a table at least two groups, together at least `LEAST` persons, since the sum is known;
- of a single person a secret group also where it is empty, since what is withheld would be true else;
- with a part's group also that of another part, since the parts' sum is known;
- what is withheld of an organisation is withheld of everything under it, since sums lead upwards.

That makes a promise which can be checked: for each withheld figure there could be other persons, of whom the same
is told, and the figure another. At the top whoever is withheld could be of any withheld group. Further down:

- What is withheld above is withheld in all parts. Take a part with persons of these groups. If of all such persons
  some are in a group and some are not, two of two parts can change places; or all are in this part, which then
  tells no more than the table above. If nobody or everybody is in it, it can be another above, and then here too.
- Where parts withhold more groups, two persons of two of these parts can change places for each of them.
- Where such a part has nobody of the groups withheld above, it can get somebody, from another such part.

`below` makes sure of the last two: it withholds more until they are so.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

LEAST = 5
"""Groups of fewer persons are small; nobody is no group."""

Counts = Mapping[str, int]
"""Group → persons; with a zero for each group that there could be."""

Withheld = frozenset[str]
"""The groups withheld in one table."""

NOTHING: Withheld = frozenset()


def told(counts: Counts, withheld: Withheld) -> dict[str, int | None]:
    """The table as it is told: None where a group is withheld. That nobody is in any of them shows as zeros."""
    rest = remainder(counts, withheld)
    return {group: None if rest and group in withheld else number for group, number in counts.items()}


def remainder(counts: Counts, withheld: Withheld) -> int:
    """How many persons are in the withheld groups together; this much is told."""
    return sum(number for group, number in counts.items() if group in withheld)


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
    return frozenset(groups)


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
    totals = _added(parts.values())
    possible = {group for group, number in totals.items() if number}
    problems = {name: (_small(parts[name], plain) - above) & possible for name in rows}
    chosen = {name for name, groups in problems.items() if groups}
    columns = set(above).union(*problems.values())
    if any(_is_one(parts[name]) for name in chosen):
        columns |= plain  # the one person is in some group that is withheld, whichever it is
    more_rows = sorted(rows - chosen, key=lambda name: (sum(parts[name].values()), name))
    more_columns = sorted(
        (group for group in totals if group not in columns and totals[group]),
        key=lambda each: (totals[each], each),
        reverse=True,
    )
    while chosen and not _uncertain([parts[name] for name in chosen], above, frozenset(columns)):
        if more_rows and (len(columns) > 1 or not more_columns):
            chosen.add(more_rows.pop())
        elif more_columns:
            columns.add(more_columns.pop())
        else:
            break  # all is withheld; everybody is in one group, and the table above told it
    return {name: frozenset(columns) if name in chosen else above for name in parts}


def _small(counts: Counts, plain: frozenset[str]) -> frozenset[str]:
    """Groups that must not be told: those of few, and one that everybody is in, which says it of each.

    Of a single person beside a plain group that is each, there or not: were it withheld only of whom it is true,
    to withhold it would say so.
    """
    if plain and _is_one(counts):
        return frozenset(counts) - plain
    there = [group for group, number in counts.items() if number]
    return frozenset(group for group in there if group not in plain and (counts[group] < LEAST or len(there) == 1))


def _is_one(counts: Counts) -> bool:
    return sum(counts.values()) == 1


def _uncertain(parts: Collection[Counts], above: Withheld, withheld: Withheld) -> bool:
    """Whether none of the `withheld` groups of these parts can be worked out, if none of `above` can be above."""
    within = _added(parts)
    if above and not remainder(within, above):
        return False  # nobody has anybody to get
    everybody = remainder(within, withheld)
    for counts in parts:
        here = remainder(counts, withheld)
        for group in withheld - above if here else ():
            in_it = counts.get(group, 0)
            in_it_elsewhere = within[group] - in_it
            not_in_it_elsewhere = everybody - here - in_it_elsewhere
            if not (in_it and not_in_it_elsewhere) and not (here - in_it and in_it_elsewhere):
                return False
    return True


def _added(tables: Iterable[Counts]) -> Counter[str]:
    found: Counter[str] = Counter()
    for counts in tables:
        found.update(counts)
    return found
