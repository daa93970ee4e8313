"""What a server shows over TLS: which certificate to whom, and a new one without a new start."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deploy.stack.certificates import SERVER_DAYS, ensure_authority, ensure_server, pem, take_brought
from shared.runtime.settings import SettingsError
from shared.runtime.tls import ServerCertificates, trusting


class Shown:
    """A server with a directory of certificates, of an authority of its own; `brought` is another's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "shown"
        self.brought = directory / "brought"
        self.inner = ensure_authority(directory / "inner")
        self.outer = ensure_authority(directory / "outer")
        ensure_server(self.inner, self.directory, {"registry", "localhost", "127.0.0.1"})

    def bring(self, *names: str) -> None:
        """Bring a certificate for outsiders."""
        ensure_server(self.outer, self.brought, names)
        take_brought(self.brought, self.directory)

    async def serve(self) -> None:
        """Begin to serve."""
        self.certificates = ServerCertificates(self.directory)
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self.certificates.context)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()

    async def connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bool]:
        """A connection of somebody who calls the server so, and whether the inner authority certified that."""
        for authority, inner in ((self.inner, True), (self.outer, False)):
            trust = trusting(pem(authority.certificate))
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, ssl=trust, server_hostname=name
                )
            except ssl.SSLCertVerificationError as error:
                refused = error
            else:
                return reader, writer, inner
        raise refused

    async def certified_inside(self, name: str) -> bool:
        """Whether the inner authority certifies the server by this name; raises where neither does."""
        _, writer, inner = await self.connect(name)
        writer.close()
        return inner


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    shown = Shown(tmp_path)
    yield shown
    shown.server.close()
    await shown.server.wait_closed()


async def test_each_is_shown_the_certificate_for_the_name_that_it_asks_for(shown: Shown) -> None:
    shown.bring("ketnap.example.vn")
    await shown.serve()

    assert await shown.certified_inside("registry")
    assert await shown.certified_inside("127.0.0.1")
    assert not await shown.certified_inside("ketnap.example.vn")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await shown.certified_inside("notifier")


async def test_a_certificate_for_addresses_is_shown_to_whoever_asks_for_an_address(shown: Shown) -> None:
    shown.bring("127.0.0.1")
    await shown.serve()

    assert not await shown.certified_inside("127.0.0.1")
    assert await shown.certified_inside("registry")


async def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(shown: Shown) -> None:
    await shown.serve()
    reader, writer, _ = await shown.connect("registry")
    with pytest.raises(ssl.SSLCertVerificationError):
        await shown.certified_inside("ketnap.example.vn")

    shown.bring("ketnap.example.vn")
    shown.certificates.look()

    assert not await shown.certified_inside("ketnap.example.vn")
    writer.write(b"still here\n")
    assert await reader.readline() == b"still here\n"
    writer.close()


async def test_what_cannot_be_shown_is_logged_and_the_one_before_stays(shown: Shown) -> None:
    await shown.serve()
    (shown.directory / "server.pem").write_text("not a certificate")

    with capture_logs() as logged:
        shown.certificates.look()

    assert [each["log_level"] for each in logged] == ["error"]
    assert await shown.certified_inside("registry")


async def test_an_end_that_is_near_is_said(shown: Shown) -> None:
    await shown.serve()
    assert await shown.certificates.warning() is None

    ensure_server(shown.inner, shown.directory, {"other"}, datetime.now(UTC) - timedelta(days=SERVER_DAYS - 20))
    shown.certificates.look()

    assert "server.pem" in str(await shown.certificates.warning())


def test_without_a_certificate_nobody_begins_to_serve(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KETNAP_TLS_DIR"):
        ServerCertificates(tmp_path)


def test_what_is_no_authority_is_refused() -> None:
    with pytest.raises(SettingsError, match="KETNAP_CA"):
        trusting("-----BEGIN CERTIFICATE-----\n")
