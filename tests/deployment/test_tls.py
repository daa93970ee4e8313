"""TLS in containers: everything is encrypted and verified, nothing else is served, certificates are renewed.

It goes on with the installation as the tests before it left it.
"""

import json
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from deploy.stack.certificates import ensure_authority, pem
from shared.runtime import connection
from shared.runtime.tls import trusting
from tests.deployment.installation import SERVICES, Installation, run
from tests.faults.system import eventually

DATABASE = "postgresql://ketnap_owner@postgres/ketnap"
PASSWORD = "PGPASSWORD=$(sed 's|.*ketnap_owner:||; s|@.*||' /var/lib/ketnap/secrets/owner.database-url)"


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate of another authority."""
    return pem(ensure_authority(tmp_path_factory.mktemp("wrong")).certificate)


@pytest.mark.parametrize("service", SERVICES)
async def test_an_api_is_trusted_by_whoever_has_the_authority_and_by_nobody_else(
    installation: Installation, wrong: str, service: str
) -> None:
    async with installation.client(service) as known:
        assert (await known.get("/health/live")).status_code == 200
    for trust in (trusting(wrong), trusting(None)):
        async with httpx.AsyncClient(trust_env=False, verify=trust) as stranger:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await stranger.get(f"{installation.url(service)}/health/live")
    async with httpx.AsyncClient(trust_env=False) as plain:
        with pytest.raises(httpx.TransportError):
            await plain.get(installation.url(service).replace("https:", "http:"))


async def test_nats_is_trusted_by_whoever_has_the_authority_and_takes_nothing_in_plain_text(
    installation: Installation, wrong: str
) -> None:
    seed = installation.ketnap("source", "add", "tls", "--root", "tls", "--creds", "-")
    options = {"nkeys_seed_str": seed, "inbox_prefix": "_INBOX_tls", "allow_reconnect": False}
    known = await connection.connect(installation.nats_url, ca=installation.ca, **options)
    await known.close()
    for ca in (wrong, None):
        with pytest.raises(ssl.SSLCertVerificationError):
            await connection.connect(installation.nats_url, ca=ca, **options)

    host, _, port = installation.nats_url.rpartition("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        assert b"INFO" not in b"".join(iter(lambda: plain.recv(65536), b""))


def test_postgresql_talks_to_nobody_without_tls_and_is_verified(installation: Installation) -> None:
    refused = installation.inside(f'{PASSWORD} psql "{DATABASE}?sslmode=disable" -c "SELECT 1" 2>&1 || true')
    unknown = installation.inside(
        f'{PASSWORD} psql "{DATABASE}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt" '
        '-c "SELECT 1" 2>&1 || true'
    )

    assert "no encryption" in refused
    assert "certificate verify failed" in unknown


def test_every_connection_to_postgresql_is_encrypted(installation: Installation) -> None:
    asked = (
        "SELECT usename, bool_and(ssl), min(version) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) "
        "WHERE usename LIKE 'ketnap_%' AND usename <> 'ketnap_owner' GROUP BY usename"
    )
    superuser = "PGPASSWORD=$(cat /var/lib/ketnap/secrets/postgres-postgres.password) PGSSLMODE=verify-full"
    trust = "PGSSLROOTCERT=/var/lib/ketnap/secrets/ca.pem"
    found = installation.inside(f'{superuser} {trust} psql -AtX -h postgres -U postgres -d ketnap -c "$0"', asked)

    assert set(found.splitlines()) == {f"ketnap_{service}|t|TLSv1.3" for service in SERVICES}


def test_the_doctor_knows_when_certificates_end(installation: Installation) -> None:
    said = installation.compose("run", "--rm", "--no-TTY", "--no-deps", "-e", "COLUMNS=200", "ketnap", "doctor")

    for server in (*SERVICES, "nats", "postgres"):
        assert f"certificate of {server}" in said
    assert "FAULT" not in said


async def test_certificates_are_renewed_while_everything_runs(installation: Installation) -> None:
    def shown(service: str) -> str:
        port = int(installation.url(service).rpartition(":")[2])
        return ssl.get_server_certificate(("127.0.0.1", port))

    nats_port = int(installation.nats_url.rpartition(":")[2])
    before = {service: shown(service) for service in SERVICES}
    nats_before = ssl.get_server_certificate(("127.0.0.1", nats_port))
    started = {
        service: installation.inspect(service)["State"]["StartedAt"] for service in (*SERVICES, "nats", "postgres")
    }

    # Other names make them stale; so would a year and some weeks.
    installation.compose("run", "--rm", "--no-deps", "--no-TTY", "-e", "KETNAP_NAMES=renewed.example", "secrets")
    installation.compose("run", "--rm", "--no-deps", "--no-TTY", "setup")

    async def renewed() -> bool | None:
        return all(shown(service) != before[service] for service in SERVICES) or None

    await eventually(renewed, "the services show their new certificates", 150)
    assert ssl.get_server_certificate(("127.0.0.1", nats_port)) != nats_before
    for service in (*SERVICES, "nats", "postgres"):
        assert installation.inspect(service)["State"]["StartedAt"] == started[service]
    assert await installation.get("reporting", "/health/ready")


def test_the_key_of_the_authority_is_mounted_in_nothing_that_runs(installation: Installation) -> None:
    volume = f"{installation.project}_authority"
    running = run("docker", "ps", "--quiet", "--filter", f"volume={volume}")
    held = json.loads(run("docker", "volume", "inspect", volume))

    assert running == ""
    assert len(held) == 1


def test_behind_a_proxy_http_is_plain_and_the_rest_is_not() -> None:
    directory = Path(__file__).parents[2] / "deploy"
    installation = Installation("ketnap-test-proxy", directory, "0")
    files = ("-f", f"{directory}/compose.yaml", "-f", f"{directory}/compose.proxy.yaml")
    told = installation.compose(*files, "--profile", "command-line", "config", "--format", "json")
    config = json.loads(told)["services"]

    for service in SERVICES:
        settings = config[service]["environment"]
        assert settings["KETNAP_TLS_DIR"] == ""
        assert settings["KETNAP_NATS_URL"] == "tls://nats:4222"
        assert settings.get("KETNAP_REGISTRY_URL", "http://registry:8081") == "http://registry:8081"
    for job in ("setup", "ketnap"):
        urls = {name: value for name, value in config[job]["environment"].items() if name.endswith("Y_URL")}
        assert set(urls) >= {"KETNAP_REGISTRY_URL"}
        assert all(value.startswith("http://") for value in urls.values())
