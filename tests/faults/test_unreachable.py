"""PostgreSQL or NATS slow, silent or cut off: the registry says so, loses nothing, and is well again by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count

import pytest

from tests.faults.account import everything_adds_up
from tests.faults.checks import figures_are_right, log_is_complete, settled
from tests.faults.parts import Parts
from tests.faults.province import Province
from tests.faults.proxy import Proxy

PEOPLE = 200
SERVERS = ("database", "nats")
_numbers = count(1)


@pytest.fixture(scope="module")
async def proxies(parts: Parts) -> AsyncIterator[dict[str, Proxy]]:
    """Before PostgreSQL and NATS; the registry and reporting run behind them."""
    async with (
        Proxy("127.0.0.1", parts.database.server.port).running() as database,
        Proxy("127.0.0.1", parts.nats_server.port).running() as nats,
    ):
        for service in ("registry", "reporting"):
            parts.launch(service, database=database.address, nats=nats.address)
        for service in ("registry", "reporting"):
            await parts.becomes(service, 200)
        try:
            yield {"database": database, "nats": nats}
        finally:
            await parts.close()


@pytest.fixture(autouse=True)
def _as_if_not_there(proxies: dict[str, Proxy]) -> Iterator[None]:
    yield
    for proxy in proxies.values():
        proxy.behave()


async def _published_through(
    parts: Parts, fault: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]
) -> None:
    """Publish a province's history before, during and after a fault, and look whether everything is right."""
    province = Province(f"fault-{next(_numbers)}", PEOPLE)
    seed = await parts.add_source(province.source, province.root)
    third = len(province.batches) // 3
    async with province.connected(parts.nats_server.url, seed) as client:
        await province.publish(client, province.batches[:third])
        during = asyncio.create_task(province.publish(client, province.batches[third : 2 * third]))
        await fault()
        await during
        await end()
        await province.publish(client, province.batches[2 * third :])
    await settled(parts, province, len(province.acknowledged))
    positions = await log_is_complete(parts, province)
    await figures_are_right(parts, province, max(positions.values()), within=80)
    async with parts.operator() as operator:
        await everything_adds_up(parts.database.url(), operator, [province.source])
    for service in ("registry", "reporting"):
        await parts.becomes(service, 200)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_says_nothing_turns_readiness_red_and_it_is_green_again_once_it_answers(
    parts: Parts, proxies: dict[str, Proxy], server: str
) -> None:
    async def silence() -> None:
        proxies[server].silence()
        for service in ("registry", "reporting"):
            problem = (await parts.becomes(service, 503, within=20))["checks"][server]
            assert "answer" in problem

    async def speak() -> None:
        proxies[server].behave()
        for service in ("registry", "reporting"):
            await parts.becomes(service, 200, within=20)

    await _published_through(parts, silence, speak)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_cannot_be_reached_turns_readiness_red_and_it_is_green_again_by_itself(
    parts: Parts, proxies: dict[str, Proxy], server: str
) -> None:
    async def away() -> None:
        proxies[server].refuse()
        await proxies[server].cut()
        for service in ("registry", "reporting"):
            await parts.becomes(service, 503, within=20)

    async def back() -> None:
        proxies[server].behave()
        for service in ("registry", "reporting"):
            await parts.becomes(service, 200, within=20)

    await _published_through(parts, away, back)


@pytest.mark.parametrize("server", SERVERS)
async def test_connections_that_break_in_the_middle_lose_nothing(
    parts: Parts, proxies: dict[str, Proxy], server: str
) -> None:
    async def breaks() -> None:
        for _ in range(8):
            await proxies[server].cut()
            await asyncio.sleep(0.15)

    async def nothing() -> None:
        """They connect again by themselves."""

    await _published_through(parts, breaks, nothing)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_slow_server_slows_it_down_and_no_more(
    parts: Parts, proxies: dict[str, Proxy], server: str
) -> None:
    async def slow() -> None:
        proxies[server].latency = 0.02
        proxies[server].rate = 400_000

    async def as_before() -> None:
        assert (await parts.health("registry"))[0] == 200
        proxies[server].behave()

    await _published_through(parts, slow, as_before)


@pytest.mark.long("FAULTS")
@pytest.mark.parametrize("server", SERVERS)
async def test_connections_that_fall_silent_for_good_are_given_up_and_made_anew(
    parts: Parts, proxies: dict[str, Proxy], server: str
) -> None:
    async def strand() -> None:
        proxies[server].strand()
        await parts.becomes("registry", 503, within=20)

    async def made_anew() -> None:
        for service in ("registry", "reporting"):
            await parts.becomes(service, 200, within=45)

    await _published_through(parts, strand, made_anew)
