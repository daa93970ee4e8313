"""Owns one child process: its start, its log, its end, and what an earlier, killed start left behind."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.stack.errors import StackError, StartCancelled
from deploy.stack.privileges import Identity, tied

LOG_LIMIT = 16 * 1024 * 1024
"""Bytes of a log. What was before is in one file beside it, `.log.1`."""


class Child:
    """A process named `name` that writes to `log` and that `pid_file` lets a later start recognise."""

    def __init__(self, name: str, log: Path, pid_file: Path, stop_signal: int = signal.SIGTERM) -> None:
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        self._pid_file = pid_file
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended; negative is a signal; None while it runs or before it did."""
        return self._process.poll() if self._process is not None else None

    def launch(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        identity: Identity | None = None,
    ) -> None:
        """Start `command`; returns as soon as it exists. Ends what an earlier start left running first."""
        self.end_leftover()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.bound_log()
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._log_start = os.lseek(descriptor, 0, os.SEEK_END)
            self._process = subprocess.Popen(
                tied(command, self.stop_signal, identity),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=dict(environment),
                cwd=directory,
                # Ctrl-C reaches the whole foreground group; the order of stopping is the supervisor's.
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        mark = {"pid": self._process.pid, "started": process_start(self._process.pid)}
        self._pid_file.write_text(json.dumps(mark), encoding="utf-8")

    def bound_log(self) -> None:
        """Let the process go on with an empty log where it has become long, whether it runs or not."""
        with contextlib.suppress(OSError):  # such as a full disk, where it grows no further either
            if self.log.stat().st_size <= LOG_LIMIT:
                return
            before = self.log.with_suffix(".log.1")
            before.unlink(missing_ok=True)
            # The process writes at the end of the file that it has open, wherever that is: it cannot be given
            # another one. What it writes between the copy and the cut is lost.
            descriptor = os.open(before, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as copy, self.log.open("rb") as log:
                shutil.copyfileobj(log, copy)
            os.truncate(self.log, 0)
            self._log_start = 0

    def await_ready(
        self, ready: Callable[[], bool], patience: float, cancelled: threading.Event | None = None
    ) -> None:
        """Return once `ready()` holds; StackError with the log's last lines if it ends or `patience` (s) does."""
        deadline = time.monotonic() + patience
        pause = cancelled if cancelled is not None else threading.Event()
        while not ready():
            if not self.running:
                raise StackError(f"{self.name} ended at its start ({self.ending}){self._evidence()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} was not ready after {patience:.0f} s{self._evidence()}")
            if pause.wait(0.02):
                raise StartCancelled(f"{self.name} was stopped before it was ready")

    def stop(self, patience: float = 10.0) -> None:
        """Ask the process to end, and end it by force after `patience` seconds. Does nothing if it ended."""
        if self._process is not None:
            if self.running:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(self.stop_signal)
                try:
                    self._process.wait(patience)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self._process = None
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process as a power cut would, leaving its traces in place."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end_leftover(self, patience: float = 10.0) -> None:
        """End the process that `pid_file` names, if it still is the one that was started here."""
        try:
            mark = json.loads(self._pid_file.read_text(encoding="utf-8"))
            pid, started = int(mark["pid"]), str(mark["started"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return
        if self._process is None or self._process.poll() is not None:
            end_process(pid, started, self.stop_signal, patience)
            self._pid_file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 12) -> str:
        """The last lines written to the log since this start."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - 32_768))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        return ""

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        code = self.exit_code
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"

    def _evidence(self) -> str:
        tail = self.log_tail()
        if not tail:
            return f"; its log {self.log} says nothing"
        return f"; the end of its log {self.log}:\n" + "\n".join(f"    {line}" for line in tail.splitlines())


def process_start(pid: int) -> str:
    """When process `pid` began, in the system's own terms; empty if there is none (or only its remains).

    A process id alone may have been given to a stranger; with this it identifies a process.
    """
    try:
        # The name in brackets may hold spaces and brackets itself, so count from the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return ""
        asked = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - at its place on every system without /proc
            capture_output=True,
            text=True,
            check=False,
        )
        return asked.stdout.strip()
    state, *rest = fields.split()
    return "" if state in "ZX" else f"{boot}/{rest[18]}"


def end_process(pid: int, started: str, gentle: int, patience: float) -> None:
    """End process `pid` if it began at `started`: with signal `gentle`, after `patience` seconds by force."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    sent = 0
    while started and process_start(pid) == started:
        wanted = gentle if time.monotonic() < deadline else signal.SIGKILL
        if wanted != sent:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, wanted)
            sent = wanted
        pause.wait(0.02)
