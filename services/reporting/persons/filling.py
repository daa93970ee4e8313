"""Filling: makes admissions from what is projected, and has their profiles unsealed, beside the projector.

The projector never waits for it; what is not read yet, answers say. No erasure is lost between the two: a profile
is expected, and that committed, before the registry is asked for it. If the registry still unseals it, the erasure
is recorded later and projected later still, and finds the expected row; if not, it says `erased` itself.
"""

import asyncio
from time import monotonic

import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.persons import store
from services.reporting.persons.admissions import known_admissions
from services.reporting.persons.store import SQL
from services.reporting.position import Watch
from services.reporting.projector.store import read_checkpoint
from services.reporting.unsealing import Unsealing, UnsealingRefused, UnsealingUnavailable
from shared.runtime.pacing import rest

log = structlog.get_logger(__name__)

POSITION = Gauge("ketnap_reporting_admissions_position", "Position up to which admissions are made for `profile`")

WINDOW = 2000
"""Positions in one transaction."""
PROFILES = 500
PERSONS_AT_A_TIME = 50
"""Persons who are worked out before others have their turn in this process."""
PACE = 0.5
"""Seconds between two fillings: what is projected meanwhile is made at once, and the projector has its turn."""
SHARE = 0.3
"""Of the time, at most, while more than a window is to be made: it is the projector's process."""
HEARTBEAT = 60.0
RETRY = 5.0


class Filling:
    """Fills the tables about single persons until cancelled."""

    def __init__(self, engine: AsyncEngine, watch: Watch, unsealing: Unsealing | None) -> None:
        """Without `unsealing` profiles stay unread."""
        self._engine = engine
        self._watch = watch
        self._unsealing = unsealing

    async def run(self) -> None:
        """Fill whenever something is projected; after any failure again."""
        if self._unsealing is None:
            log.warning(
                "profiles stay unread: reporting has no KETNAP_UNSEAL_TOKEN, which it shares with the registry"
            )
        while True:
            try:
                await self.expect_missing()
                async for _ in self._watch.checkpoints(HEARTBEAT):
                    await self.fill()
                    await asyncio.sleep(PACE)
                return
            except (UnsealingUnavailable, UnsealingRefused) as error:
                log.warning("profiles stay unread for now", error=str(error))
            except Exception as error:
                log.warning("filling was interrupted; trying again", error=repr(error))
            await asyncio.sleep(RETRY)

    async def fill(self) -> None:
        """Make all admissions that are projected, and read all profiles that the registry has."""
        begin = monotonic()
        while await self._make_admissions():
            await asyncio.sleep(rest(begin, SHARE))
            begin = monotonic()
        while await self._read_profiles():
            pass

    async def expect_missing(self) -> None:
        """Expect again what PostgreSQL lost in a crash: profiles are kept in a table that it does not log."""
        async with self._engine.begin() as connection:
            await connection.execute(SQL["only_one"])
            await connection.execute(SQL["expect_missing"])

    async def _make_admissions(self) -> bool:
        """The admissions of the next positions; whether there are more."""
        async with self._engine.begin() as connection:
            await connection.execute(SQL["only_one"])
            projected = (await read_checkpoint(connection)).position
            position: int = (await connection.execute(SQL["progress"])).one().position
            if position > projected:
                # The projections were begun anew in place.
                await connection.execute(SQL["forget_admissions"])
                await connection.execute(SQL["begin_again"])
                return True
            if position == projected:
                return False
            upto = min(position + WINDOW, projected)
            persons = await store.touched(connection, position, upto)
            if persons:
                facts = await store.facts_with_links(connection, persons, upto)
                known = []
                for number, subject in enumerate(facts):
                    known += known_admissions(subject, facts)
                    if number % PERSONS_AT_A_TIME == 0:
                        await asyncio.sleep(0)
                await store.put_admissions(connection, list(facts), known)
            await connection.execute(SQL["move_progress"], {"position": upto, "changed": int(bool(persons))})
        POSITION.set(upto)
        return upto < projected

    async def _read_profiles(self) -> bool:
        """The next profiles; whether there may be more."""
        if self._unsealing is None:
            return False
        async with self._engine.connect() as connection:
            places = await store.unread(connection, PROFILES)
        if not places:
            return False
        found = await self._unsealing.at(places)
        async with self._engine.begin() as connection:
            await store.keep(connection, found)
        return len(places) == PROFILES
