"""The deployment in containers, from the outside: what it serves, what it hides, and that nothing gets lost in it.

The tests share one installation and go on from where the one before left it, as an operator's days do.
"""

import asyncio
import json
import secrets
from typing import Any

import pytest
from nats.aio.client import Client
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from deploy.stack.layout import Layout
from deploy.stack.service import secret_files
from tests.deployment.checks import (
    PATIENCE,
    all_healthy,
    connected_source,
    golden_history,
    nothing_is_lost,
    printed_figures,
)
from tests.deployment.collector import Collector
from tests.deployment.conftest import NEXT
from tests.deployment.installation import JOBS, LONG_RUNNING, SERVICES, Installation, run
from tests.faults.province import Province
from tests.faults.system import ROOT, eventually
from tests.given import encoded

# nats-py leaves the stream of a connection behind that the server broke off while it was being made anew.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <function StreamWriter")


def test_only_the_three_apis_are_published_and_on_this_machine_only() -> None:
    directory = ROOT / "deploy"

    installation = Installation("ketnap-test-config", directory, "0")

    config = json.loads(installation.compose("-f", f"{directory}/compose.yaml", "config", "--format", "json"))

    ports = {name: service.get("ports", []) for name, service in config["services"].items()}
    assert {name for name, published in ports.items() if published} == set(SERVICES)
    assert {port["host_ip"] for published in ports.values() for port in published} == {"127.0.0.1"}
    assert config["networks"]["inside"]["internal"] is True
    assert not set(config["services"]) & {"prometheus", "grafana", "ketnap"}, (
        "these are asked for by their profile"
    )
    shut_in = {name for name, each in config["services"].items() if "outside" not in each.get("networks", {})}
    assert shut_in == {*JOBS, "postgres", "nats"}


async def test_the_golden_history_published_from_outside_gives_the_printed_figures(
    installation: Installation,
) -> None:
    await golden_history(installation)

    await printed_figures(installation)


async def test_one_trace_leads_across_nats_through_every_service(
    installation: Installation, collector: Collector
) -> None:
    province = Province("traced")
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    async with connected_source(installation, province) as client:
        await client.jetstream().publish(
            f"ingest.{province.source}.batch",
            encoded(province.batches[0]),
            headers={"traceparent": f"00-{trace}-{span}-01"},
        )

    async def told() -> dict[str, tuple[str, Span]] | None:
        found = collector.of(bytes.fromhex(trace))
        return found if set(found) >= {"decide", "relay", "project", "apply"} else None

    spans = await eventually(told, "every service has told its part of the trace")

    assert {name: service for name, (service, _) in spans.items()} == {
        "decide": "ketnap-registry",
        "relay": "ketnap-registry",
        "project": "ketnap-reporting",
        "apply": "ketnap-notifier",
    }
    ids = {name: told.span_id for name, (_, told) in spans.items()}
    assert {name: told.parent_span_id for name, (_, told) in spans.items()} == {
        "decide": bytes.fromhex(span),
        "relay": ids["decide"],
        "project": ids["relay"],
        "apply": ids["relay"],
    }


async def test_without_a_key_nothing_is_told(installation: Installation) -> None:
    for service, path in (
        ("registry", "/v1/events"),
        ("reporting", "/v1/organisations"),
        ("notifier", "/v1/alerts"),
    ):
        assert await installation.get(service, path) is not None
        async with installation.client(service) as nobody:
            assert (await nobody.get(path)).status_code == 401


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_a_container_can_do_little_beyond_its_work(installation: Installation, service: str) -> None:
    found = installation.inspect(service)
    host = found["HostConfig"]

    assert found["Config"]["User"] == "10001:10001"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_handed_its_own_secrets_and_no_others(installation: Installation, service: str) -> None:
    listed = installation.compose("exec", "-T", service, "ls", "-A", "/run/ketnap").split()
    settings = dict(each.split("=", 1) for each in installation.inspect(service)["Config"]["Env"])

    expected = {
        f"{name}_FILE": f"/run/ketnap/{file.name}"
        for name, file in secret_files(Layout(ROOT / "unused"), service).items()
    }
    expected["KETNAP_CA_FILE"] = "/run/ketnap/ca.pem"
    certificate = {"/run/ketnap/server.pem", "/run/ketnap/server.key"}
    assert {f"/run/ketnap/{name}" for name in listed} == set(expected.values()) | certificate
    assert {name: value for name, value in settings.items() if value.startswith("/run/ketnap/")} == expected
    modes = installation.compose("exec", "-T", service, "sh", "-c", "stat -c %a:%u /run/ketnap /run/ketnap/*")
    assert set(modes.split()) == {"700:10001", "600:10001"}


def test_no_secret_is_in_an_image_a_log_or_what_the_engine_tells(installation: Installation) -> None:
    shown = installation.inside("cat /var/lib/ketnap/secrets/* /var/lib/ketnap/handed/registry/*")
    shown += installation.compose("exec", "-T", "postgres", "cat", "/run/ketnap/server.key")
    secrets = {line.strip().removeprefix('key: "').strip('"') for line in shown.splitlines() if len(line) > 20}
    secrets |= {url.partition("://")[2].partition(":")[2].partition("@")[0] for url in secrets if "://" in url}
    assert len(secrets) > 15

    told = {
        "logs": installation.compose("logs", "--no-color"),
        "inspect": "".join(json.dumps(installation.inspect(name)) for name in (*LONG_RUNNING, *JOBS)),
        "images": "".join(
            run("docker", "history", "--no-trunc", f"{image}:{installation.version}")
            for image in ("ketnap", "ketnap-servers")
        ),
    }

    assert {place: [each for each in secrets if each in text] for place, text in told.items()} == {
        place: [] for place in told
    }


@pytest.mark.parametrize("victim", LONG_RUNNING)
async def test_a_container_that_is_killed_comes_back_and_nothing_is_lost(
    installation: Installation, victim: str
) -> None:
    province = Province(f"kill-{victim}")
    third = len(province.batches) // 3
    async with connected_source(installation, province) as client:
        await province.publish(client, province.batches[:third])
        meanwhile = asyncio.create_task(province.publish(client, province.batches[third : 2 * third]))
        await asyncio.to_thread(installation.crash, victim)
        await meanwhile
        await all_healthy(installation)
        await province.publish(client, province.batches[2 * third :])

        await nothing_is_lost(installation, province)


async def test_an_upgrade_migrates_while_the_old_version_works_and_events_flow(
    installation: Installation, next_version: str
) -> None:
    province = Province("upgrade")
    done = asyncio.Event()
    batches = iter(province.batches)

    async def flow(client: Client) -> None:
        """A batch now and then, until all steps are done; then the rest at once."""
        for batch in batches:
            await province.publish(client, [batch])
            if done.is_set():
                break
            await asyncio.wait([asyncio.create_task(done.wait())], timeout=0.5)
        await province.publish(client, batches)

    async with connected_source(installation, province) as client:
        flowing = asyncio.create_task(flow(client))
        before = {service: installation.inspect(service)["Id"] for service in LONG_RUNNING}
        installation.version = next_version

        await asyncio.to_thread(installation.compose, "run", "--rm", "--no-deps", "--no-TTY", "setup")

        # The version before still runs, on the newer schema, records and is well.
        assert {service: installation.inspect(service)["Id"] for service in LONG_RUNNING} == before
        recorded = await _recorded(installation, province)
        assert not flowing.done()
        await eventually(
            lambda: _more(installation, province, recorded), "the old version records on the new schema", PATIENCE
        )
        assert await installation.get("registry", "/health/ready")

        await asyncio.to_thread(installation.up)

        done.set()
        await flowing
        for service in LONG_RUNNING:
            assert installation.inspect(service)["Config"]["Image"].endswith(f":{NEXT}")
        assert _tables(installation) == "1"
        await nothing_is_lost(installation, province)
    await printed_figures(installation)


async def test_the_old_version_is_taken_back_on_the_newer_schema(
    installation: Installation, images: str, next_version: str
) -> None:
    province = Province("back")
    installation.version = images

    await asyncio.to_thread(installation.up)

    assert _tables(installation) == "1"
    async with connected_source(installation, province) as client:
        await province.publish(client, province.batches)
        await nothing_is_lost(installation, province)
    installation.version = next_version


async def test_after_down_and_up_everything_is_as_it_was(installation: Installation) -> None:
    before = await installation.log()

    await asyncio.to_thread(installation.down)
    await asyncio.to_thread(installation.up)

    assert await installation.log() == before
    await printed_figures(installation)
    assert "kill-postgres" in installation.ketnap("source", "list")


async def _recorded(installation: Installation, province: Province) -> int:
    source: Any = await installation.get("registry", f"/v1/sources/{province.source}")
    return int(source["outcomes"]["recorded"])


async def _more(installation: Installation, province: Province, than: int) -> bool | None:
    return await _recorded(installation, province) > than or None


def _tables(installation: Installation) -> str:
    """How many tables the next version's migration has made."""
    query = "SELECT count(*) FROM pg_tables WHERE tablename = 'made_by_a_test'"
    return installation.inside('psql -AtX "$(cat /var/lib/ketnap/secrets/owner.database-url)" -c "$0"', query)
