"""`ketnap up` as a process of its own, in a directory that is removed afterwards: what users run, as a whole."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import nats
from nats.aio.client import Client

from benchmarks.servers import DIRECTORY
from deploy.stack.layout import Addresses, Layout, locate
from deploy.stack.ports import free_port
from deploy.stack.provisioning import add_source

KETNAP = Path(sys.executable).with_name("ketnap")
PATIENCE = 120.0

_BEHIND = """
SELECT $1 > least((SELECT position FROM reporting_person.progress),
                  (SELECT position FROM reporting.running_sum_progress),
                  (SELECT position FROM reporting.step_sum_progress),
                  (SELECT position FROM reporting.standing_progress),
                  (SELECT evaluated FROM notifier.checkpoint))
"""


class System:
    """One data directory, and `ketnap up` on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._port_base = free_port(together=5)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def addresses(self) -> Addresses:
        """Where it is reached, and the operator's credentials."""
        return locate(self.directory)

    def start(self) -> float:
        """Run it; gives the seconds until it said `ready`."""
        command: list[str | Path] = [KETNAP, "up", "--data-dir", self.directory]
        command += ["--port-base", str(self._port_base)]
        # As users have it: Python keeps what it compiled.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == b"ready\n":
                return time.perf_counter() - begin
        raise RuntimeError(f"`ketnap up` ended with {self._process.wait()}; its logs: {self.directory}/logs")

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End all of its processes at once, as a power cut would."""
        for part in ("registry", "reporting", "notifier", "nats", "postgres"):
            os.kill(self._pid_of(part), signal.SIGKILL)
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def halt(self, part: str) -> None:
        """Let a part stand still (SIGSTOP)."""
        os.kill(self._pid_of(part), signal.SIGSTOP)

    def go_on(self, part: str) -> None:
        """Let it go on."""
        os.kill(self._pid_of(part), signal.SIGCONT)

    def peak_memory(self, service: str) -> float:
        """The most resident memory that the process of a service ever had, in MiB."""
        status = Path(f"/proc/{self._pid_of(service)}/status").read_text(encoding="ascii")
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return round(int(kibibytes) / 1024, 1)

    def _pid_of(self, part: str) -> int:
        layout = Layout(self.directory)
        directory = {"postgres": layout.postgres, "nats": layout.nats}.get(part, layout.run)
        return int(json.loads((directory / f"{part}.pid").read_text(encoding="utf-8"))["pid"])

    @asynccontextmanager
    async def sources(self, roots: dict[str, str]) -> AsyncIterator[list[Client]]:
        """Register sources, {source: root}; a connected client of each."""
        clients = []
        for source, root in roots.items():
            seed = await add_source(self.addresses, source, root)
            clients.append(
                await nats.connect(self.addresses.nats_url, nkeys_seed_str=seed, inbox_prefix=f"_INBOX_{source}")
            )
        try:
            yield clients
        finally:
            for client in clients:
                await client.close()

    async def visible(self, position: int) -> float:
        """Wait until reporting has projected `position`; gives the moment (`perf_counter`)."""
        connection = await asyncpg.connect(self.addresses.database_url)
        try:
            async with asyncio.timeout(PATIENCE):
                # Another process moves it.
                while await connection.fetchval("SELECT position FROM reporting.checkpoint") < position:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        finally:
            await connection.close()
        return time.perf_counter()

    async def settled(self, position: int, patience: float = PATIENCE) -> None:
        """Wait until what follows beside has `position` too: admissions, sums, the notifier and its rules.

        patience: in seconds.
        """
        connection = await asyncpg.connect(self.addresses.database_url)
        try:
            async with asyncio.timeout(patience):
                while await connection.fetchval(_BEHIND, position):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.1)
        finally:
            await connection.close()

    async def position(self) -> int:
        """The last position of the log."""
        connection = await asyncpg.connect(self.addresses.database_url)
        try:
            return int(await connection.fetchval("SELECT position FROM registry.head"))
        finally:
            await connection.close()


@contextmanager
def running(name: str) -> Iterator[System]:
    """A fresh system for the length of a `with`."""
    directory = DIRECTORY / name
    shutil.rmtree(directory, ignore_errors=True)
    system = System(directory)
    try:
        system.start()
        yield system
    finally:
        system.stop()
        shutil.rmtree(directory, ignore_errors=True)


async def publish(client: Client, source: str, messages: Sequence[tuple[str, bytes]], in_flight: int) -> None:
    """Publish messages (event name or `batch`, payload) in order, so many unacknowledged at a time."""
    stream = client.jetstream(timeout=PATIENCE)
    for first in range(0, len(messages), in_flight):
        chunk = messages[first : first + in_flight]
        await asyncio.gather(*(stream.publish(f"ingest.{source}.{name}", payload) for name, payload in chunk))
