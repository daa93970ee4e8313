"""`ketnap up` as a process of its own, as an operator has it: started, asked, killed and started again."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from deploy.stack.layout import Addresses, Layout, locate
from deploy.stack.ports import free_port
from tests.faults.asked import Asked

ROOT = Path(__file__).parent.parent.parent
KETNAP = Path(sys.executable).with_name("ketnap")
PARTS = ("registry", "reporting", "notifier", "nats", "postgres")

Found = TypeVar("Found")


async def eventually(seek: Callable[[], Awaitable[Found | None]], what: str, within: float = 40.0) -> Found:
    """What `seek` finds, asked again until it is something; fails with `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while (found := await seek()) is None:
        assert time.monotonic() < deadline, f"after {within:.0f} s still not: {what}"
        await asyncio.sleep(0.05)
    return found


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class System(Asked):
    """One data directory, and the `ketnap up` that runs on it, if one does."""

    def __init__(self, directory: Path, *, tls: bool = False) -> None:
        self.directory = directory
        self._tls = tls
        self.data_dir = directory / "data"
        self.port_base = free_port(together=5)
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("KETNAP_")
        } | {"PYTHONPATH": str(ROOT), "COLUMNS": "160", "NO_COLOR": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the supervisor lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def addresses(self) -> Addresses:
        """Where the running system is reached."""
        return locate(self.data_dir)

    @property
    def said(self) -> str:
        """All that `ketnap up` ever printed here."""
        return (self.directory / "up.out").read_text(encoding="utf-8")

    def start(self, within: float = 60.0) -> None:
        """Run `ketnap up` on the directory; returns when it says `ready`."""
        command = [KETNAP, "up", "--data-dir", self.data_dir, "--port-base", str(self.port_base)]
        if self._tls:
            command.append("--tls")
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "up.out").open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment, cwd=ROOT
            )
        deadline = time.monotonic() + within
        while not self.said.encode()[begin:].endswith(b"ready\n"):
            assert self.running, f"`ketnap up` ended:\n{self.said}"
            assert time.monotonic() < deadline, f"`ketnap up` was not ready after {within:.0f} s:\n{self.said}"
            time.sleep(0.05)

    def stop(self) -> int:
        """End it as an operator does; gives its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def kill(self, part: str) -> None:
        """End one of PARTS, or the supervisor (`ketnap up`), as a power cut would."""
        if part == "ketnap up":
            assert self._process is not None
            self._process.kill()
            self._process.wait()
        else:
            os.kill(self.pid_of(part), signal.SIGKILL)

    def pid_of(self, part: str) -> int:
        """The process id of one of PARTS."""
        layout = Layout(self.data_dir)
        directory = {"postgres": layout.postgres, "nats": layout.nats}.get(part, layout.run)
        pid: int = json.loads((directory / f"{part}.pid").read_text(encoding="utf-8"))["pid"]
        return pid

    def ketnap(
        self, *arguments: str | Path, input_: str | None = None, largest_file: int | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, `settings` in its environment; it finds the system by KETNAP_DATA_DIR.

        `largest_file`: bytes after which it finds no room for a file.
        """
        return subprocess.run(
            [KETNAP, *arguments],
            preexec_fn=None if largest_file is None else partial(_limit_files, largest_file),
            input=input_,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            cwd=self.directory,
            env=self._environment | {"KETNAP_DATA_DIR": str(self.data_dir)} | settings,
        )

    def begin(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Begin one command, for a test that ends it."""
        return subprocess.Popen(
            [KETNAP, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env=self._environment | {"KETNAP_DATA_DIR": str(self.data_dir)},
        )

    def add_source(self, source: str, root: str) -> str:
        """`ketnap source add`; gives the seed."""
        file = self.directory / f"{source}.creds"
        added = self.ketnap("source", "add", source, "--root", root, "--creds", file)
        assert added.returncode == 0, added.stderr
        return file.read_text(encoding="utf-8").strip()

    def url(self, service: str) -> str:
        """`http://…` or `https://…` of registry, reporting or notifier, whether or not it runs now."""
        name = "https://localhost" if self._tls else "http://127.0.0.1"
        return f"{name}:{self.port_base + ('reporting', 'registry', 'notifier').index(service)}"
