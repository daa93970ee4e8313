"""Who waits for what, as far as a turn knows: found by key, and read from the quarantine when it may be woken."""

from collections.abc import Iterable, Iterator, Set
from typing import Protocol
from uuid import UUID

from services.registry.deliveries import Waiting
from services.registry.rules.references import EVERY_KIND, kind_of_key
from shared.timeline.fact import Fact

Key = tuple[str, UUID]
"""Source and event id of a waiting event."""


class WaitingReader(Protocol):
    """Reads the quarantine."""

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        """Stored events that wait for any of these keys, in timeline order."""


class WaitingRoom:
    """The waiting events of a turn: those that it has put there itself, and stored ones once they are read."""

    def __init__(self, reader: WaitingReader, *, anyone_waits: bool, waited_for: Set[str] | None) -> None:
        """`anyone_waits`: whether the quarantine may hold anything; `waited_for`: the keys that it may wait for,
        where they are known.
        """
        known = waited_for if waited_for is not None else EVERY_KIND
        self.awaited = {kind_of_key(key) for key in known} if anyone_waits else set()
        """Kinds of what anything may wait for: `person`, `organisation`, `event` and so on."""
        self._reader = reader
        self._anyone_stored = anyone_waits
        self._stored_keys = waited_for if anyone_waits else frozenset[str]()
        self._waiting: dict[Key, Waiting] = {}
        self._by_key: dict[str, set[Key]] = {}
        """What waits for a key, and is not lined up to be decided again."""
        self._gone: set[Key] = set()
        self._asked: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._anyone_stored and not self._by_key

    def __getitem__(self, key: Key) -> Waiting:
        return self._waiting[key]

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._waiting.values())

    def may_wake(self, keys: frozenset[str]) -> bool:
        """Whether anybody may wait for one of these keys."""
        stored = self._stored_keys
        # `keys.isdisjoint(self._by_key)` would go through all keys of the dictionary for every event.
        return stored is None or not (keys.isdisjoint(stored) and self._by_key.keys().isdisjoint(keys))

    async def woken(self, keys: frozenset[str]) -> set[Key]:
        """What waits for any of these keys and is not lined up already."""
        await self.read(keys)
        if not self._by_key:
            return set()
        return {waiting for key in keys for waiting in self._by_key.get(key, ())}

    async def about(self, subject: str) -> list[Fact]:
        """Facts about a subject that wait for more about it, but those that are lined up to be decided again."""
        await self.read(frozenset({subject}))
        waiting = (self._waiting[key].fact for key in self._by_key.get(subject, ()))
        return [fact for fact in waiting if fact.subject == subject]

    async def read(self, keys: frozenset[str]) -> None:
        """Read what is stored and waits for these keys, each key once."""
        if not self._anyone_stored:
            return
        unasked = (keys if self._stored_keys is None else keys & self._stored_keys) - self._asked
        if unasked:
            self._asked |= unasked
            for waiting in await self._reader.waiting_for(unasked):
                if waiting.key not in self._gone and waiting.key not in self._waiting:
                    self.enter(waiting)

    def enter(self, waiting: Waiting) -> None:
        """It waits, from now on or again."""
        self._waiting[waiting.key] = waiting
        for key in waiting.waits_for:
            self._by_key.setdefault(key, set()).add(waiting.key)
            self.awaited.add(kind_of_key(key))

    def line_up(self, waiting: Waiting) -> None:
        """It is about to be decided again: nothing wakes it meanwhile."""
        for key in waiting.waits_for:
            self._by_key[key].discard(waiting.key)

    def leave(self, waiting: Waiting) -> None:
        """It waits no more, whatever the table still says."""
        self._gone.add(waiting.key)
        if self._waiting.pop(waiting.key, None) is not None:
            self.line_up(waiting)
