"""Runs the parts of a system in order, starts again what dies, and stops everything in reverse order."""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from deploy.stack.errors import StackError, StartCancelled
from deploy.stack.layout import Addresses, Layout, default_data_dir
from deploy.stack.process import Child
from deploy.stack.service import ServiceProcess

_GLANCE = 0.2  # seconds between two looks at the children
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds before a dead part is started again
_STEADY = 60.0  # seconds after which a part that runs has earned a short pause again

Say = Callable[[str], None]


class Part(Protocol):
    """Something that runs: PostgreSQL, NATS, a service."""

    @property
    def name(self) -> str: ...

    @property
    def child(self) -> Child: ...

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Start, and return when it is ready; StackError says why it is not."""

    def stop(self) -> None:
        """Stop it, by force if it takes too long."""


Stage = Sequence[Part] | Callable[[], None]
"""Parts that may load at the same time, or a step between them."""


class Supervisor:
    """Runs `stages` from a thread of its own, which lives as long as they do (see `privileges.tied`).

    say: gets one line about whatever happens unasked, e.g. that a part died and is started again.
    """

    def __init__(self, stages: Sequence[Stage], say: Say) -> None:
        self._stages = stages
        self._say = say
        self._started: list[Part] = []
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def start(self) -> None:
        """Return when every stage is ready; otherwise stop what was started and raise why (StackError)."""
        self._thread.start()
        try:
            self._settled.wait()
        except BaseException:  # a signal that raises, such as Ctrl-C
            self.stop()
            raise
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Stop everything in reverse order; returns when all has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def ended(self) -> bool:
        """Whether it runs nothing any more."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for stage in self._stages:
                self._enter(stage)
            self._settled.set()
            self._watch()
        except BaseException as failure:
            self._failure = failure
            if self._settled.is_set():
                self._say(f"the supervisor failed and stops everything: {failure!r}")
        finally:
            for part in reversed(self._started):
                part.stop()
            self._settled.set()

    def _enter(self, stage: Stage) -> None:
        if self._stopping.is_set():
            raise StartCancelled("stopped before everything was ready")
        if callable(stage):
            stage()
            return
        for part in stage:
            self._started.append(part)
            if isinstance(part, ServiceProcess):
                part.launch()
        for part in stage:
            part.start(self._stopping)

    def _watch(self) -> None:
        pauses = {part.name: _FIRST_PAUSE for part in self._started}
        due: dict[str, float] = {}
        since = {part.name: time.monotonic() for part in self._started}
        while not self._stopping.wait(_GLANCE):
            for part in self._started:
                now = time.monotonic()
                part.child.bound_log()
                if part.child.running:
                    if now - since[part.name] > _STEADY:
                        pauses[part.name] = _FIRST_PAUSE
                elif part.name not in due:
                    due[part.name] = now + pauses[part.name]
                    self._say(
                        f"{part.name} ended ({part.child.ending}); starting it again (log: {part.child.log})"
                    )
                elif now >= due[part.name]:
                    del due[part.name]
                    pauses[part.name] = min(pauses[part.name] * 2, _LONGEST_PAUSE)
                    self._restart(part)
                    since[part.name] = time.monotonic()

    def _restart(self, part: Part) -> None:
        try:
            if isinstance(part, ServiceProcess):
                part.launch()  # a service may wait for another part that this loop has yet to start
            else:
                part.start(self._stopping)
        except StartCancelled:
            pass
        except StackError as error:
            self._say(str(error))


@contextmanager
def sole_user(layout: Layout, command: str = "ketnap up") -> Iterator[None]:
    """Hold the data directory's lock, which a killed process loses; StackError if someone else holds it.

    command: what the other one is told to be running here.
    """
    try:
        descriptor = os.open(layout.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(
            f"{layout.lock_file}: {error.strerror}; `{command}` needs a data directory that this user may write: "
            "name another one with --data-dir"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, _, other = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip().partition(" ")
            raise StackError(
                f"another `{other or 'ketnap up'}` (process {holder or 'unknown'}) runs on {layout.data_dir}; "
                "stop it first, or name another directory with --data-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {command}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def running(
    data_dir: Path | None = None, port_base: int | None = None, say: Say | None = None, *, tls: bool = False
) -> Iterator[Addresses]:
    """The whole system on this machine for the length of a `with`; yields its addresses when it is ready.

    port_base: reporting, registry, notifier, NATS and PostgreSQL get this port and the four after it; None:
    8080, 8081, 8082, 4222 and a free port. say: gets one line per notice; default standard error.
    tls: NATS and HTTP are encrypted.
    Raises StackError if something keeps it from starting.
    """
    from deploy.stack.assembly import assemble

    layout = Layout(data_dir or default_data_dir())
    _prepare(layout)
    with sole_user(layout):
        _refuse_half_restored(layout)
        layout.stack_file.unlink(missing_ok=True)
        stages, addresses = assemble(layout, port_base, tls=tls)
        supervisor = Supervisor(stages, say or _to_stderr)
        supervisor.start()
        try:
            found = addresses()
            layout.announce(found)
            yield found
        finally:
            layout.stack_file.unlink(missing_ok=True)
            supervisor.stop()


def _prepare(layout: Layout) -> None:
    try:
        layout.prepare()
    except OSError as error:
        raise StackError(
            f"{error.filename}: {error.strerror}; `ketnap up` needs a data directory that this user may write, "
            "and that was made by the same user: name another one with --data-dir"
        ) from None


def _refuse_half_restored(layout: Layout) -> None:
    if layout.half_restored.exists() and not (layout.postgres / "data").exists():
        raise StackError(
            f"a restore into {layout.data_dir} was cut short: run `ketnap restore` again, or remove "
            f"{layout.half_restored} to begin without a log"
        )


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"ketnap: {line}\n")
    sys.stderr.flush()
