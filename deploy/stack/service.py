"""Owns one service process: a Python module with an HTTP port that says when it is ready."""

import http.client
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from deploy.stack.errors import StackError, WrongUsage
from deploy.stack.layout import Layout
from deploy.stack.ports import HOST
from deploy.stack.process import Child
from shared.runtime.access.local import is_loopback
from shared.runtime.tls import trusting

MODULE = "services.{name}"
START_PATIENCE = 60.0  # seconds
STOP_PATIENCE = 10.0  # seconds
WRONG_SETTING = 2
"""How a service ends that cannot read its settings (`shared/runtime/service.py`)."""


class ServiceProcess:
    """`command` with `environment`, ready when `GET /health/ready` at `port` answers 200."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        environment: Mapping[str, str],
        child: Child,
        host: str = HOST,
        ca: str = "",
    ) -> None:
        """`host` is where this machine reaches it; `ca` certifies it (PEM), without it nothing is encrypted."""
        self.name = name
        self.host = host
        self.port = port
        self._ca = ca
        self.child = child
        self._command = command
        self._environment = environment

    @property
    def running(self) -> bool:
        return self.child.running

    @property
    def url(self) -> str:
        return f"{'https' if self._ca else 'http'}://{self.host}:{self.port}"

    def launch(self) -> None:
        """Start it without waiting, so that several can load at the same time."""
        if not self.running:
            self.child.launch(self._command, self._environment, Path.cwd())

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Start it if it does not run, and return when it is ready.

        StackError says why it is not, WrongUsage that a setting is wrong.
        """
        self.launch()
        try:
            self.child.await_ready(self._accepts, START_PATIENCE, cancelled)
        except StackError as error:
            if self.child.exit_code == WRONG_SETTING:
                raise WrongUsage(str(error)) from None
            raise

    def stop(self) -> None:
        self.child.stop(STOP_PATIENCE)

    def _accepts(self) -> bool:
        return health(self.url, ca=self._ca) == 200 and self.running


def health(url: str, *, patience: float = 2.0, ca: str = "") -> int | None:
    """The HTTP status of `/health/ready` at `url`; None if nobody answers within `patience` seconds.

    ca: certifies an `https://` address (PEM).
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=patience, context=trusting(ca))
    else:
        connection = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        connection.request("GET", f"{parts.path}/health/ready")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def reached_at(host: str, *, tls: bool = False) -> str:
    """The name by which this machine reaches what listens at `host`, as addresses write it."""
    if tls and (host in ("0.0.0.0", "::") or is_loopback(host)):  # noqa: S104 - recognised, not chosen
        return "localhost"  # a name, for the certificate is chosen by it
    if host in ("0.0.0.0", "::", "localhost"):  # noqa: S104 - recognised, not chosen
        return HOST if host != "::" else "[::1]"
    return f"[{host}]" if ":" in host else host


def secret_files(layout: Layout, service: str) -> dict[str, Path]:
    """The secrets that a service gets, and no others: {setting: the file that holds it}."""
    files = {
        "KETNAP_DATABASE_URL": layout.database_url(service),
        "KETNAP_NATS_SEED": layout.nats_seed(service),
        "KETNAP_SERVICE_KEY": layout.service_key,
    }
    if service == "registry":
        files |= {"KETNAP_CONTENT_KEY": layout.content_key, "KETNAP_MASTER_KEY": layout.master_key}
    if service in ("registry", "reporting"):
        files["KETNAP_UNSEAL_TOKEN"] = layout.unseal_token
    return files


def ketnap_services(layout: Layout, ports: Mapping[str, int], nats_url: str, ca: str = "") -> list[ServiceProcess]:
    """registry, reporting and notifier with the settings that each needs, the caller's `KETNAP_…` kept.

    ca: certifies their certificates, which lie where the layout says, and that of NATS; empty: nothing is
    encrypted.
    """
    host = os.environ.get("KETNAP_HTTP_HOST") or HOST
    reached = reached_at(host, tls=bool(ca))
    services = []
    for name in ("registry", "reporting", "notifier"):
        settings = {
            "KETNAP_DATA_DIR": str(layout.data_dir),
            "KETNAP_NATS_URL": nats_url,
            "KETNAP_HTTP_HOST": host,
            "KETNAP_HTTP_PORT": str(ports[name]),
            "KETNAP_KEYS_PATH": str(layout.keys_file),
        }
        settings |= {f"{variable}_FILE": str(file) for variable, file in secret_files(layout, name).items()}
        if ca:
            settings |= {"KETNAP_CA_FILE": str(layout.ca_file), "KETNAP_TLS_DIR": str(layout.tls(name))}
        if name != "registry":
            settings["KETNAP_REGISTRY_URL"] = f"{'https' if ca else 'http'}://{reached}:{ports['registry']}"
        if name == "reporting":
            for variable, language in (("KETNAP_NOTICE_FILE", "vi"), ("KETNAP_NOTICE_EN_FILE", "en")):
                if layout.notices[language].exists():
                    settings[variable] = str(layout.notices[language])
        # -P: a directory named `services` where the caller stands must not be taken for ours.
        command = [sys.executable, "-P", "-m", MODULE.format(name=name)]
        child = Child(name, layout.logs / f"{name}.log", layout.run / f"{name}.pid")
        environment = _inherited() | settings
        services.append(ServiceProcess(name, command, ports[name], environment, child, reached, ca))
    return services


def _inherited() -> dict[str, str]:
    """The caller's environment, without what would point a service at another system, or at others' secrets."""
    ours = {
        "KETNAP_DATABASE_URL",
        "KETNAP_NATS_SEED",
        "KETNAP_NATS_SYSTEM_SEED",
        "KETNAP_CONTENT_KEY",
        "KETNAP_MASTER_KEY",
        "KETNAP_UNSEAL_TOKEN",
        "KETNAP_SERVICE_KEY",
        "KETNAP_KEY",
        "KETNAP_OWNER_DATABASE_URL",
        "KETNAP_CA",
    }
    unwanted = (
        ours
        | {f"{name}_FILE" for name in ours}
        | {"KETNAP_REGISTRY_URL", "KETNAP_REPORTING_URL", "KETNAP_TLS_DIR"}
    )
    return {name: value for name, value in os.environ.items() if name not in unwanted}
