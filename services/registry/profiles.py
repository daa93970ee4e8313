"""The profiles in a turn's events: sealed before anything is kept, opened for the rules, dropped once erased."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol, cast
from uuid import UUID

import msgspec
from msgspec.structs import replace

from services.registry.sealing import Sealer, Unsealable, Wrapped
from shared.events.catalogue import NEWEST
from shared.events.codec import canonical
from shared.events.correction import FactCorrected, Replacement
from shared.events.person import MemberAdmitted, Profile
from shared.events.receipts import Finding
from shared.timeline.fact import Fact

ERASED = "sealed:v1:erased"
"""Stands in quarantine where a profile was that came after its person's erasure: it seals nothing."""

DROPPED = Finding(
    "profile-dropped", "expected no profile of a person who is erased, found one; it is not stored, the rest is"
)

_SEALED = "sealed:v1:"
_MAY_BRING_ONE = frozenset({FactCorrected}) | {
    entry.data for entry in NEWEST.values() if "profile" in entry.data.__struct_fields__
}


class KeyReader(Protocol):
    """Reads what is stored of persons' keys."""

    async def person_keys(self, persons: Iterable[str]) -> dict[str, Wrapped | None]:
        """Wrapped keys of these persons; None of one who is erased; nobody who has none yet."""

    async def sealed_profiles(self, persons: Iterable[str]) -> list[tuple[str, UUID, str]]:
        """Person, event and sealed profile of whatever is recorded about these persons and brings one."""


class YearsOfBirth:
    """Those told lately, in memory only: whoever admits one after the other has told most of them just before."""

    MOST = 50_000

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def get(self, person: str) -> int | None:
        """When the person was born, as far as it is known here."""
        return self._known.get(person)

    def learn(self, told: Mapping[str, int | None], gone: Iterable[str]) -> None:
        """Take in what is committed; whoever is `gone` is erased."""
        self._known |= {person: year for person, year in told.items() if year is not None}
        for person in gone:
            self._known.pop(person, None)
        for person in list(islice(self._known, max(0, len(self._known) - self.MOST))):
            del self._known[person]


class Profiles:
    """The keys of the persons of one turn, and what it does with them."""

    def __init__(self, reader: KeyReader, sealer: Sealer, years: YearsOfBirth) -> None:
        self.new_keys: dict[str, Wrapped] = {}
        """Keys made in this turn, to be stored."""
        self.erased: set[str] = set()
        """Persons erased in this turn: their keys are to be destroyed, and no new one is made."""
        self._reader = reader
        self._sealer = sealer
        self._keys: dict[str, bytes] = {}
        self._gone: set[str] = set()
        self._asked: set[str] = set()
        self._born: dict[str, int | None] = {}
        self._years = years

    async def prepare(self, facts: Sequence[Fact]) -> None:
        """Read in one go the keys for profiles that these facts bring, and when those judged by age were born."""
        aged = self._unborn({fact.subject for fact in facts if judged_by_age(fact)})
        await self._load(aged.union(fact.subject for fact in facts if profile_of(fact) is not None))
        await self._read_born(aged)

    async def year_of_birth(self, person: str) -> int | None:
        """The year of birth that was last told of the person; None where none is, or the person is erased."""
        unborn = self._unborn({person})
        await self._load(unborn)
        await self._read_born(unborn)
        return None if person in self._gone else self._born.get(person)

    def keep(self) -> None:
        """After the turn is committed: let later turns find in memory what it was told."""
        self._years.learn(self._born, self._gone)

    def told(self, fact: Fact) -> None:
        """Take in what a recorded fact tells, whose profile is readable."""
        profile = profile_of(fact)
        year = profile.get("birth_year") if isinstance(profile, dict) else getattr(profile, "birth_year", None)
        if year is not None:
            self._born[fact.subject] = year

    async def readable(self, fact: Fact, *, stored: bool) -> tuple[Fact, bool]:
        """The fact as rules judge it, its profile readable, and whether a profile was dropped from it.

        `stored`: it was read from a table, where profiles are sealed.
        """
        profile = profile_of(fact)
        if profile is None:
            return fact, False
        await self._load({fact.subject})
        if fact.subject in self._gone:
            return _with_profile(fact, None), True
        if not stored:
            return fact, False
        key = self._keys.get(fact.subject)
        if key is None:
            # Keys that were not restored with the data may still be: the profile stays as it is, and closed.
            return _with_profile(fact, None), False
        try:
            opened = self._sealer.open(profile, key, fact.subject, fact.event_id)
        except Unsealable:
            # Sealed with a key that is no more. It must not hold up what else the event says.
            return _with_profile(fact, None), False
        if not isinstance(fact.data, FactCorrected):
            opened = msgspec.convert(opened, Profile)
        return _with_profile(fact, opened), False

    async def stored(self, fact: Fact, content: dict[str, Any]) -> bytes:
        """The canonical event as it may be kept: its profile sealed; of one who is erased, ERASED instead."""
        profile = profile_of(fact)
        await self._load({fact.subject})
        if fact.subject in self._gone:
            return canonical(_with_member(content, ERASED))
        key = self._keys.get(fact.subject)
        if key is None:
            key, self.new_keys[fact.subject] = self._sealer.new_key(fact.subject)
            self._keys[fact.subject] = key
        sealed = self._sealer.seal(profile, key, fact.subject, fact.event_id)
        return canonical(_with_member(content, sealed))

    def erase(self, person: str) -> None:
        """Forget the person's key; whatever it sealed stays closed for good."""
        self._keys.pop(person, None)
        self._born.pop(person, None)
        self.new_keys.pop(person, None)
        self._asked.add(person)
        self._gone.add(person)
        self.erased.add(person)

    async def anyone_gone(self, persons: Iterable[str]) -> bool:
        """Whether one of these persons is erased."""
        persons = set(persons)
        await self._load(persons)
        return not self._gone.isdisjoint(persons)

    async def _load(self, persons: set[str]) -> None:
        unasked = persons - self._asked
        if not unasked:
            return
        self._asked |= unasked
        for person, wrapped in (await self._reader.person_keys(unasked)).items():
            if wrapped is None:
                self._gone.add(person)
            else:
                self._keys[person] = self._sealer.unwrap(wrapped, person)

    def _unborn(self, persons: set[str]) -> set[str]:
        """Those of whom it is not known in memory when they were born."""
        unborn = {each for each in persons if each not in self._born}
        found = {each: year for each in unborn if (year := self._years.get(each)) is not None}
        self._born |= found
        return unborn - found.keys()

    async def _read_born(self, persons: set[str]) -> None:
        """Open what is stored of these persons: whoever has no key, or one of this turn, has nothing stored."""
        unread = {
            each for each in persons if each not in self._born and each in self._keys and each not in self.new_keys
        }
        if not unread:
            return
        self._born |= dict.fromkeys(unread)
        for person, event_id, sealed in await self._reader.sealed_profiles(unread):
            try:
                profile = self._sealer.open(sealed, self._keys[person], person, event_id)
            except Unsealable:
                continue
            self._born[person] = profile.get("birth_year") or self._born[person]


def judged_by_age(fact: Fact) -> bool:
    """Whether a rule about the fact asks when its person was born, and the fact itself does not say."""
    if type(fact.data) is MemberAdmitted:
        return getattr(fact.data.profile, "birth_year", None) is None
    return type(fact.data) is FactCorrected and fact.subject.startswith("person/")


def profile_of(fact: Fact) -> Any:
    """What a fact about a person brings as profile, or says instead of another one's, sealed or not; or None."""
    if type(fact.data) not in _MAY_BRING_ONE:
        return None  # nearly always
    if isinstance(fact.data, FactCorrected):
        if not fact.subject.startswith("person/") or fact.data.replacement is None:
            return None
        data = fact.data.replacement.data
        return data.get("profile") if isinstance(data, dict) else None
    return getattr(fact.data, "profile", None)


def sealed_in(data: Any) -> str | None:
    """The sealed profile in the JSON `data` of a recorded event."""
    try:
        found = data.get("profile") or ((data.get("replacement") or {}).get("data") or {}).get("profile")
    except AttributeError:
        return None
    return found if _is_sealed(found) else None


def without_profile(fact: Fact, content: bytes) -> tuple[Fact, bytes]:
    """The fact and its canonical JSON without what stands there as profile."""
    return _with_profile(fact, None), canonical(_with_member(msgspec.json.decode(content), None))


def _is_sealed(profile: Any) -> bool:
    return isinstance(profile, str) and profile.startswith(_SEALED)


def _with_profile(fact: Fact, profile: Any) -> Fact:
    if not isinstance(fact.data, FactCorrected):
        return replace(fact, data=replace(fact.data, profile=profile))
    replacement = cast(Replacement, fact.data.replacement)
    assert isinstance(replacement.data, dict)
    data = _put(replacement.data, profile)
    return replace(fact, data=replace(fact.data, replacement=replace(replacement, data=data)))


def _with_member(content: dict[str, Any], profile: str | None) -> dict[str, Any]:
    data = content["data"]
    if "replacement" not in data:
        return {**content, "data": _put(data, profile)}
    replacement = {**data["replacement"], "data": _put(data["replacement"]["data"], profile)}
    return {**content, "data": {**data, "replacement": replacement}}


def _put(members: dict[str, Any], profile: Any) -> dict[str, Any]:
    if profile is not None:
        return {**members, "profile": profile}
    return {name: value for name, value in members.items() if name != "profile"}
