"""Messages that no well-meaning source would send, made by hypothesis, with well-formed events among them."""

import json
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.given import admitted, identified, organisation

CELL = "hostile-cell"
SOURCE = "hostile"


@dataclass(frozen=True)
class Hostile:
    """One message: the last part of its subject, its bytes, and the ids of events in it that must be recorded."""

    event_name: str
    payload: bytes
    sound: tuple[str, ...] = ()


_TEXT = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["\x00", "\ud800", "x" * 70_000, "2022-02-30"]
)
_NUMBERS = st.integers() | st.sampled_from([10**400, -(10**25), 2**63, 2**64]) | st.floats()
_ODD = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
_PLAIN = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text("abc/-:.0129", max_size=12)


_numbers = count(1)


def _unique() -> str:
    """An id that nothing else here has: hypothesis likes to draw the same one twice."""
    return str(UUID(int=0x5EED << 112 | next(_numbers), version=4))


@st.composite
def _sound(draw: st.DrawFn) -> dict[str, Any]:
    """An event that must be recorded: a candidacy of a person of its own begins."""
    day = draw(st.dates(date(2021, 1, 1), date(2024, 12, 31)))
    return identified(_unique(), day.isoformat(), CELL, source=SOURCE) | {"id": _unique()}


@st.composite
def _mutated(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """An event with one attribute, or one member of its data, changed, dropped or added."""
    person = str(draw(st.uuids(version=4)))
    good = draw(
        st.sampled_from(
            [
                identified(person, "2022-01-05", CELL, source=SOURCE),
                admitted(person, "2022-06-01", CELL, source=SOURCE),
                organisation(f"hostile-{person}", parent=CELL, source=SOURCE),
            ]
        )
    )
    found = json.loads(json.dumps(good)) | {"id": str(draw(st.uuids(version=4)))}
    part = draw(st.sampled_from([found, found["data"]]))
    name = draw(st.sampled_from([*part, "extra"]))
    if draw(st.booleans()):
        part[name] = draw(values)
    else:
        part.pop(name, None)
    return dict(found)


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """An event's bytes, with some of them replaced."""
    good = bytearray(_bytes(draw(_sound())))
    at = draw(st.integers(0, len(good) - 1))
    good[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(good)


_DEEP = st.integers(1, 100_000).flatmap(
    lambda depth: st.sampled_from([b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * min(depth, 10_000)])
)
_RAW = st.binary(max_size=200) | _damaged() | _DEEP | _ODD.map(_bytes) | _mutated(_ODD).map(_bytes)
_NAMES = st.sampled_from(
    ["MemberAdmitted", "CandidateIdentified", "batch", "Unknown", "a.b.c", "ủy", "x" * 200, "$JS"]
)


@st.composite
def _batches(draw: st.DrawFn) -> Hostile:
    """A batch of events, sound and spoilt; each is judged for itself."""
    sound = draw(st.lists(_sound(), max_size=3, unique_by=lambda each: each["id"]))
    events = draw(st.permutations([*sound, *draw(st.lists(_mutated(_PLAIN), min_size=1, max_size=4))]))
    return Hostile("batch", _bytes(events), tuple(each["id"] for each in sound))


_MESSAGES = st.one_of(
    st.builds(Hostile, _NAMES, _RAW),
    st.builds(
        Hostile, st.just("batch"), st.lists(_RAW, max_size=4).map(lambda parts: b"[" + b",".join(parts) + b"]")
    ),
    _batches(),
    _sound().map(lambda event: Hostile("CandidateIdentified", _bytes(event), (event["id"],))),
)


def hostile_messages(number: int) -> list[Hostile]:
    """So many, the same ones in every run."""
    found: list[Hostile] = []

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(_MESSAGES)
    def collect(message: Hostile) -> None:
        found.append(message)

    collect()
    return found
