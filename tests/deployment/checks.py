"""What must hold of an installation in containers whatever was done to it, looked at from outside."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client

from deploy.demo import figures, history
from deploy.publishing import publish
from shared.runtime.connection import connect
from shared.runtime.tls import trusting
from tests.deployment.installation import Installation
from tests.faults.province import AS_OF, Province
from tests.faults.system import eventually

PATIENCE = 180.0


@asynccontextmanager
async def connected_source(installation: Installation, province: Province) -> AsyncIterator[Client]:
    """A client of a province that is registered first; it waits for a server that goes away."""
    seed = await _registered(installation, province.source, province.root)
    client = await nats.connect(
        installation.nats_url.split(","),
        tls=trusting(installation.ca),
        tls_handshake_first=True,
        nkeys_seed_str=seed,
        inbox_prefix=f"_INBOX_{province.source}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        error_cb=_quiet,
    )
    try:
        yield client
    finally:
        await client.close()


async def _registered(installation: Installation, source: str, root: str) -> str:
    """Register a source, and wait until each NATS server knows it; gives its seed."""
    seed = installation.ketnap("source", "add", source, "--root", root, "--creds", "-")
    for url in installation.nats_url.split(","):

        async def accepted(url: str = url) -> bool | None:
            with contextlib.suppress(Exception):
                client = await connect(
                    url,
                    ca=installation.ca,
                    nkeys_seed_str=seed,
                    inbox_prefix=f"_INBOX_{source}",
                    allow_reconnect=False,
                    error_cb=_quiet,
                )
                await client.close()
                return True
            return None

        await eventually(accepted, f"{url} knows {source}")
    return seed


async def _quiet(error: Exception) -> None:
    """A server that goes away, or does not know a source yet, is what this is about."""


async def nothing_is_lost(installation: Installation, province: Province) -> None:
    """Every event of the province is recorded once, in a log without a gap, and its figures are right."""

    async def settled() -> bool | None:
        source = await installation.get("registry", f"/v1/sources/{province.source}")
        outcomes = source["outcomes"] if source else {}
        return (outcomes.get("recorded"), outcomes.get("quarantined")) == (len(province.events), 0) or None

    await eventually(settled, f"{len(province.events)} events of {province.source} are recorded", PATIENCE)
    log = await installation.log()
    assert [event["position"] for event in log] == list(range(1, len(log) + 1))
    ours = [event["id"] for event in log if event["source"] == province.source]
    assert len(ours) == len(province.events)
    assert set(ours) == {event["id"] for event in province.events}
    await figures_are_right(installation, province, len(log))


async def figures_are_right(installation: Installation, province: Province, position: int) -> None:
    """What reporting says of a province is what its events come to."""
    path = f"/v1/organisations/{province.root}/totals"
    asked = {"as_of": AS_OF.isoformat(), "min_position": position, "by": "child"}
    totals = await eventually(
        lambda: installation.get("reporting", path, **asked), f"position {position} is projected", PATIENCE
    )
    members = {child["organisation"]["id"]: child["members"]["total"] for child in totals["children"]}
    assert members == province.members()
    assert totals["candidates"]["open"] == province.open_candidates()


async def all_healthy(installation: Installation) -> None:
    """Wait until they are."""

    async def healthy() -> bool | None:
        return installation.healthy() or None

    await eventually(healthy, "everything is healthy again", PATIENCE)


async def golden_history(installation: Installation, asked: Installation | None = None) -> None:
    """Publish the golden history from outside, and wait until it is projected; `asked` may be who answers."""
    asked = asked or installation
    seed = await _registered(installation, history.SOURCE, history.ROOT)

    publication = await publish(
        installation.nats_url,
        history.SOURCE,
        seed,
        history.encoded(),
        registry_url=asked.url("registry"),
        key=installation.key,
        ca=installation.ca,
        patience=PATIENCE,
    )

    assert publication.outcomes == {"recorded": len(history.history())}
    assert (publication.unanswered, publication.problems) == (0, ())
    await eventually(
        lambda: asked.get("reporting", "/v1/organisations", min_position=publication.last_position),
        "the history is projected",
        PATIENCE,
    )


async def printed_figures(installation: Installation) -> None:
    """Reporting computes the figures that were printed."""
    readings = await figures.read(
        installation.url("reporting"), 1, key=installation.key, ca=installation.ca, patience=PATIENCE
    )
    assert readings
    assert [reading for reading in readings if not reading.equal] == []
