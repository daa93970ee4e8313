"""`ketnap up`: the whole system on this machine until Ctrl-C or SIGTERM."""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from deploy.stack.layout import Addresses, Layout

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Where the system's data lies. [KETNAP_DATA_DIR, else ./.ketnap]"
    ),
]
PortBase = Annotated[
    int | None,
    typer.Option(
        "--port-base",
        metavar="N",
        min=1024,
        max=65531,
        help="Reporting at N, registry N+1, notifier N+2, NATS N+3, PostgreSQL N+4. "
        "[8080, 8081, 8082, 4222 and a free port]",
    ),
]


class EndAsked(BaseException):
    """A signal asked this process to end before it waited for one."""


class Ending:
    """Ctrl-C, SIGTERM and a closed terminal, from now on for this process.

    Until `wait` is called the first of them raises EndAsked in the main thread; later ones change nothing,
    since the stop is then under way, and bounded.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._waiting = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def wait(self) -> None:
        """Return when one of the signals came."""
        self._waiting = True
        self._asked.wait()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        first = not self._asked.is_set()
        self._asked.set()
        if first and not self._waiting:
            raise EndAsked


Tls = Annotated[
    bool,
    typer.Option(
        "--tls",
        envvar="KETNAP_TLS",
        help="Encrypt HTTP and NATS, with certificates of an authority that is made in the data directory.",
    ),
]


def up(data_dir: DataDir = None, port_base: PortBase = None, tls: Tls = False) -> None:
    """Run the whole system on this machine until Ctrl-C: PostgreSQL, NATS, registry, reporting, notifier."""
    from deploy.stack.supervisor import running

    ending = Ending()
    try:
        with running(data_dir, port_base, tls=tls) as addresses:
            show(addresses)
            typer.echo("ready")
            ending.wait()
    except EndAsked:
        pass


def show(addresses: Addresses) -> None:
    """Print where the system is reached; no secrets."""
    postgres = addresses.database_url.rpartition("@")[2]
    for name, address in (
        ("reporting", addresses.reporting_url),
        ("registry", addresses.registry_url),
        ("notifier", addresses.notifier_url),
        ("nats", addresses.nats_url),
        ("postgres", postgres),
        ("data", str(addresses.data_dir)),
        *([("authority", str(Layout(addresses.data_dir).ca_file))] if addresses.ca else []),
    ):
        typer.echo(f"{name:<10} {address}")
