"""What every service reads from its environment, and how it begins."""

import sys
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from msgspec import Meta

from shared.runtime import logging, tracing
from shared.runtime.access.settings import AccessSettings
from shared.runtime.collector import calm_the_collector
from shared.runtime.settings import SettingsError, load

LogLevel = Annotated[
    str,
    Meta(
        pattern=r"^(?i:debug|info|warning|error|critical)\Z",
        description="debug, info, warning, error or critical",
    ),
]

Port = Annotated[int, Meta(ge=0, le=65535)]
"""Of this machine; 0: any free one."""


class ServiceSettings(AccessSettings, kw_only=True):
    """Settings that all services share.

    `ca`: certificates in PEM that certify the servers of ketnap itself, NATS and the registry; without it the
    system's store does. `tls_dir`: where the certificate lies that this service shows; without it HTTP is not
    encrypted.
    """

    database_url: str
    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed: str | None = None
    http_host: str = "127.0.0.1"
    http_port: Port = 0
    ca: str | None = None
    tls_dir: str | None = None
    data_dir: str = ""
    """The room on the disk under it is in the metrics; empty: nothing is said about any disk."""
    log_level: LogLevel = "info"
    otlp_url: str | None = None
    """Where traces go (OTLP over HTTP); None: there are none."""
    log_format: Literal["json", "console"] = "json"


S = TypeVar("S", bound=ServiceSettings)


def main(name: str, shape: type[S], run: Callable[[S], None], *, wrong: tuple[type[Exception], ...] = ()) -> None:
    """Read settings, set up logs and run; a setting that is wrong ends with exit code 2 and one clear line.

    `wrong`: what `run` may raise besides SettingsError where a setting is wrong.
    """
    expected: tuple[type[Exception], ...] = (SettingsError, *wrong)
    try:
        settings = load(shape)
        logging.configure(name, settings.log_level, settings.log_format)
        tracing.begin(name, settings.otlp_url)
        calm_the_collector()
        run(settings)
    except expected as error:
        print(f"ketnap {name}: {error}", file=sys.stderr)  # noqa: T201 - said to whoever started it
        sys.exit(2)
