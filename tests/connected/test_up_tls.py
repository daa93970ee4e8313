"""`ketnap up --tls`: NATS and HTTP serve whoever trusts the authority, not in plain text, and no stranger."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest

from deploy.stack.certificates import ensure_authority, pem
from deploy.stack.diagnosis import certificates
from deploy.stack.layout import Layout, locate
from shared.runtime import connection
from shared.runtime.tls import trusting
from tests.connected.conftest import SOURCE, Secured
from tests.connected.test_integrators import EXAMPLES
from tests.faults.system import System
from tests.given import organisation, root

SERVICES = ("registry", "reporting", "notifier")


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate of another authority."""
    return pem(ensure_authority(tmp_path_factory.mktemp("wrong")).certificate)


async def test_events_get_in_and_figures_out_over_tls_alone(secured: Secured) -> None:
    system = secured.system
    founding = system.directory / "founding.jsonl"
    founding.write_text(
        "".join(f"{json.dumps(each)}\n" for each in (root(), organisation("cell"))), encoding="utf-8"
    )

    for command in (
        ("validate", founding),
        ("publish", founding, "--source", SOURCE, "--creds", system.directory / f"{SOURCE}.creds"),
        ("quarantine", "list"),
        ("log", "verify"),
        ("projections", "status"),
    ):
        done = system.ketnap(*command)
        assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    async with secured.client("reporting", "operator") as client:
        found = await client.get("/v1/organisations/cell/totals", params={"min_position": 2})
    assert found.status_code == 200, found.text
    assert system.said.count("https://localhost:") == 3
    assert "tls://localhost:" in system.said


@pytest.mark.parametrize("service", SERVICES)
async def test_an_api_is_refused_without_the_authority_and_answers_nothing_in_plain_text(
    secured: Secured, wrong: str, service: str
) -> None:
    url = f"{secured.system.url(service)}/health/live"
    async with secured.client(service) as known:
        assert (await known.get("/health/live")).status_code == 200
    for trust in (trusting(wrong), trusting(None)):
        async with httpx.AsyncClient(trust_env=False, verify=trust) as stranger:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await stranger.get(url)
    async with httpx.AsyncClient(trust_env=False) as plain:
        with pytest.raises(httpx.TransportError):
            await plain.get(url.replace("https:", "http:"))


async def test_nats_is_refused_without_the_authority_and_lets_nobody_in_in_plain_text(
    secured: Secured, wrong: str
) -> None:
    url = secured.system.addresses.nats_url
    inbox = f"_INBOX_{SOURCE}"
    known = await connection.connect(url, ca=secured.ca, nkeys_seed_str=secured.seed, inbox_prefix=inbox)
    await known.close()
    for ca in (wrong, None):
        with pytest.raises(ssl.SSLCertVerificationError):
            await connection.connect(url, ca=ca, nkeys_seed_str=secured.seed, allow_reconnect=False)

    with socket.create_connection(("127.0.0.1", secured.system.port_base + 3), timeout=10) as plain:
        plain.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        assert b"INFO" not in b"".join(iter(lambda: plain.recv(65536), b""))


def test_the_example_of_the_page_for_those_who_publish_gets_in(secured: Secured, tmp_path: Path) -> None:
    seed = secured.system.add_source("my-province", "my-province")
    (tmp_path / "my-province.seed").write_text(seed, encoding="utf-8")
    (tmp_path / "ketnap-ca.pem").write_text(secured.ca, encoding="utf-8")
    (tmp_path / "over_tls.py").write_text(EXAMPLES["over_tls.py"], encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "over_tls.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env={"NATS_URL": secured.system.addresses.nats_url},
    )

    assert "the stream INGEST_my-province holds" in done.stdout, done.stderr


async def test_nobody_in_between_talks_our_clients_out_of_encryption(secured: Secured) -> None:
    """nats-py alone would go on in plain text with a server that does not ask for TLS."""
    heard = bytearray()

    async def in_between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.15.1","max_payload":1048576,"tls_required":false}\r\n')
        heard.extend(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(in_between, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises((ssl.SSLError, OSError)):
        await connection.connect(
            f"tls://localhost:{port}", ca=secured.ca, nkeys_seed_str=secured.seed, allow_reconnect=False
        )
    server.close()
    await server.wait_closed()

    assert b"CONNECT" not in heard


def test_the_doctor_says_when_certificates_end(secured: Secured) -> None:
    done = secured.system.ketnap("doctor")

    assert done.returncode == 0, done.stdout
    for server in (*SERVICES, "nats"):
        assert f"certificate of {server}" in done.stdout


def test_the_doctor_finds_fault_with_a_strange_certificate_and_not_with_one_that_nobody_shows(
    secured: Secured, wrong: str
) -> None:
    addresses = locate(secured.system.data_dir, ())
    with socket.socket() as bound:  # and does not listen
        bound.bind(("127.0.0.1", 0))
        nobody = f"https://127.0.0.1:{bound.getsockname()[1]}"

        found = {
            each.what: each
            for each in certificates(msgspec.structs.replace(addresses, registry_url=nobody, ca=wrong))
        }

    assert (found["certificate of registry"].ok, found["certificate of registry"].remedy) == (None, "")
    assert found["certificate of registry"].seen.startswith("not seen, nobody answers: ")
    assert found["certificate of reporting"].ok is False
    assert "renew it" in found["certificate of reporting"].remedy


async def test_metrics_tell_when_the_certificate_ends(secured: Secured) -> None:
    async with secured.client("registry", "operator") as client:
        metrics = (await client.get("/metrics")).text

    [line] = [each for each in metrics.splitlines() if each.startswith("ketnap_tls_certificate_expires_timestamp")]
    assert 'certificate="server"' in line
    assert float(line.split()[1]) > 1.8e9


def test_no_key_of_a_certificate_is_in_a_log(secured: Secured) -> None:
    layout = Layout(secured.system.data_dir)
    keys = [*layout.authority.glob("*.key"), *(layout.data_dir / "tls").rglob("*.key")]
    lines = {line for key in keys for line in key.read_text().splitlines() if not line.startswith("-----")}
    logs = "".join(log.read_text(encoding="utf-8") for log in layout.logs.glob("*.log")) + secured.system.said

    assert len(keys) == 5
    assert [line for line in lines if line in logs] == []


def test_nats_is_not_served_to_others_in_plain_text(tmp_path: Path) -> None:
    refused = System(tmp_path).ketnap("up", KETNAP_NATS_HOST="0.0.0.0")  # noqa: S104 - to be refused

    assert (refused.returncode, "--tls" in refused.stderr) == (1, True)
