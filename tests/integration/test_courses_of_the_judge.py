"""Whatever befalls the registry on its way, PostgreSQL holds of each arrival what the judge of outcomes says.

Turns and messages of all sizes, writers that begin anew or take over from one another, sessions that PostgreSQL
ends in the middle of a turn, commits that nobody heard of, redeliveries, retries and discards, master keys that
take turns, new rule packs, and a source that is registered late. `make oracle` tries many more courses.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from deploy import master_keys
from deploy.stack.postgres import PostgresServer
from services.registry import known_waiting, situation, writer
from shared.law import calendar
from shared.law.rulepack import ADDED, law
from tests.courses import HAPPENINGS, Item, befallen, course
from tests.fewest import fewest
from tests.integration.judged_way import JudgedWay, judged_way
from tests.unit.registry.test_any_stream import Stream

MANY = int(os.environ.get("KETNAP_HISTORIES", "500"))
QUICK = (152, 155, 161, 5, 86)
"""Seeds of short courses, on which everything befalls the registry that may."""
CRAMPED: tuple[tuple[Any, str, Any], ...] = (
    (writer, "MANY", 4),
    (writer, "ROWS_A_PIECE", 2),
    (writer, "ASKING", 1),
    (known_waiting, "MOST", 2),
    (situation.OrganisationCache.__init__, "__defaults__", (3,)),
)
"""Of what is bounded by thousands, so little that few events meet the bound."""


class Tried:
    """Courses through one database, in one loop."""

    def __init__(self, runner: asyncio.Runner, way: JudgedWay) -> None:
        self._runner = runner
        self.way = way

    def differing(self, items: list[Item]) -> str:
        """What differs on a course; empty: nothing does."""
        return self._runner.run(self.way.differing(items))


@pytest.fixture(scope="module")
def tried(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    """A database for the courses of this module."""
    masters = Path(tmp_path_factory.mktemp("masters")) / "master.key"
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(master_keys, "NOTICED", 0.0)
        patch.setenv(ADDED, "[]")
        context = judged_way(postgres, masters)
        way = runner.run(context.__aenter__())
        stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
        yield Tried(runner, way)
    law.cache_clear()
    calendar.is_working_day.cache_clear()
    calendar._working_days.cache_clear()


def agree(tried: Tried, seed: int, items: list[Item]) -> None:
    """Fails with the least of a course on which registry and judge differ."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in CRAMPED if seed % 2 else ():
            patch.setattr(module, name, value)
        found = tried.differing(items)
        if not found:
            return
        least = fewest(items, lambda some: bool(tried.differing(some)))
        found = tried.differing(least)
    raise AssertionError("\n".join([f"seed {seed}, shortened:", *map(str, least), found]))


@pytest.mark.parametrize("seed", QUICK)
def test_the_tables_hold_what_the_judge_says_whatever_befalls_the_registry(tried: Tried, seed: int) -> None:
    agree(tried, seed, course(seed))


@pytest.mark.long("ORACLE")
@pytest.mark.timeout(7200)
@settings(max_examples=MANY, phases=[Phase.generate], database=None)
@given(seed=st.integers(0, 2**32))
def test_they_do_on_many_more_courses(tried: Tried, seed: int) -> None:
    agree(tried, seed, course(seed))


@pytest.mark.long("ORACLE")
@pytest.mark.timeout(7200)
@settings(max_examples=MANY // 10, phases=[Phase.generate], database=None)
@given(seed=st.integers(0, 2**32))
def test_they_do_on_courses_of_nonsense_too(tried: Tried, seed: int) -> None:
    agree(tried, seed, befallen(random.Random(seed), Stream(seed).events(80)))


def test_everything_befalls_the_registry_on_the_quick_ones() -> None:
    found = {item["then"] for seed in QUICK for item in course(seed) if "then" in item}

    assert found == set(HAPPENINGS)
