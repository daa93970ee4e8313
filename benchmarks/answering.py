"""Reporting as a process of its own that answers from what is projected, and reads no events.

`python -m benchmarks.answering URL PORT` is that process; `answering(url)` runs it for the length of a `with`.
"""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.processor import processor_time, tree_time
from deploy.stack.ports import HOST, free_port
from services.reporting.app import create_app
from services.reporting.settings import ReportingSettings
from shared.runtime.collector import calm_the_collector
from shared.runtime.http import serve

PATIENCE = 60.0


class Answering:
    """Asks it over one connection that stays, and says how long each answer took."""

    def __init__(self, port: int, pid: int, postgres: int) -> None:
        """`pid` is its own, `postgres` that of PostgreSQL's first process."""
        self._connection = http.client.HTTPConnection(HOST, port, timeout=600)
        self._pid = pid
        self._postgres = postgres

    def ask(self, organisation: str, report: str, parameters: Mapping[str, str]) -> tuple[float, Any]:
        """Milliseconds, and the body. Raises RuntimeError for an answer that is none."""
        path = f"/v1/organisations/{organisation}/{report}?{urlencode(parameters)}"
        begin = time.perf_counter()
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        body = response.read()
        delay = (time.perf_counter() - begin) * 1000
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"GET {path}: {response.status}, {body[:300]!r}")
        return delay, json.loads(body)

    def processor(self) -> float:
        """Milliseconds of processor time that it and PostgreSQL's processes have taken, ended ones included."""
        return (processor_time(self._pid) + tree_time(self._postgres)) * 1000

    def memory(self) -> float:
        """The most resident memory that it ever had, in MiB."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return round(int(kibibytes) / 1024, 1)


@contextmanager
def answering(url: str, postgres: int) -> Iterator[Answering]:
    """Run it on a database that is projected, whose PostgreSQL's first process is `postgres`."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.answering", url, str(port)])
    try:
        _await(port, process)
        yield Answering(port, process.pid, postgres)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", "/health/live")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"reporting did not answer within {PATIENCE:.0f} s")


if __name__ == "__main__":
    calm_the_collector()
    settings = ReportingSettings(database_url=sys.argv[1], http_port=int(sys.argv[2]))
    serve(create_app(settings, consume=False), settings.http_host, settings.http_port)
