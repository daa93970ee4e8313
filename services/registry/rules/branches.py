"""Branches: which organisations are known to lie under which root, and on which days that was found to hold."""

from datetime import date

KNOWN_BRANCHES = 50_000


class Branches:
    """Walks up the tree that need not be made again. Whoever changes the tree forgets them all."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[date, date]] = {}

    def known(self, organisation_id: str, root: str, day: date) -> bool:
        """Whether the organisation is known to lie under the root on `day`; False: it is to be found out."""
        span = self._known.get((organisation_id, root))
        return span is not None and span[0] <= day < span[1]

    def learn(self, organisation_id: str, root: str, since: date, until: date) -> None:
        """The organisation lies under the root on the days from `since` to before `until`."""
        if len(self._known) >= KNOWN_BRANCHES:
            self._known.clear()
        self._known[(organisation_id, root)] = (since, until)

    def forget(self) -> None:
        """The tree changes."""
        self._known.clear()
