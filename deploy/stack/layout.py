"""Owns the data directory: where everything lies in it, and how a running system is found through it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from deploy.stack.errors import NotRunning
from deploy.stack.keys import ensure_secret, new_key, new_password, write_secret
from deploy.stack.process import process_start

__all__ = ["Addresses", "Layout", "NotRunning", "default_data_dir", "key_file", "locate", "runs_elsewhere"]

_ELSEWHERE = {
    "reporting_url": "KETNAP_REPORTING_URL",
    "registry_url": "KETNAP_REGISTRY_URL",
    "notifier_url": "KETNAP_NOTIFIER_URL",
    "nats_url": "KETNAP_NATS_URL",
    "database_url": "KETNAP_OWNER_DATABASE_URL",
}
_SECRETS = {
    "nats_seed": "KETNAP_NATS_SEED",
    "nats_system_seed": "KETNAP_NATS_SYSTEM_SEED",
    "key": "KETNAP_KEY",
    "ca": "KETNAP_CA",
}


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a system is reached, and the operator's credentials to it.

    A value is empty where the caller did not ask for it and nothing knows it.
    """

    data_dir: Path
    reporting_url: str
    """`http://HOST:PORT` or `https://…`, without a slash at the end; so the next two."""
    registry_url: str
    notifier_url: str
    nats_url: str
    """`nats://HOST:PORT` or `tls://…`"""
    database_url: str
    """`postgresql://ketnap_owner:PASSWORD@HOST:PORT/ketnap`"""
    nats_seed: str
    """nkey seed of the user `operator` in the account KETNAP: JetStream, streams, receipts."""
    nats_system_seed: str
    """nkey seed of the server's own account: may ask it to reload."""
    key: str = ""
    """An operator's key to the APIs; empty where none is known, which is right as long as no key is asked for."""
    ca: str = ""
    """Certificates (PEM) that certify the servers of `https://` and `tls://` addresses; empty: the system's do."""


class Layout:
    """The paths below one data directory; making the object touches nothing."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.secrets = self.data_dir / "secrets"
        self.postgres = self.data_dir / "postgres"
        self.half_restored = self.data_dir / "postgres.unfinished"
        self.nats = self.data_dir / "nats"
        self.logs = self.data_dir / "logs"
        self.run = self.data_dir / "run"
        self.stack_file = self.data_dir / "stack.json"
        self.lock_file = self.data_dir / "lock"
        self.notices = {"vi": self.data_dir / "notice.vi.txt", "en": self.data_dir / "notice.en.txt"}
        self.content_key = self.secrets / "content.key"
        self.master_key = self.secrets / "master.key"
        self.unseal_token = self.secrets / "unseal.token"
        self.service_key = self.secrets / "service.key"
        self.command_line_key = self.secrets / "command-line.key"
        self.watcher_key = self.secrets / "watcher.key"
        self.keys_file = self.data_dir / "access" / "keys.json"
        self.authority = self.data_dir / "authority"
        self.brought = self.data_dir / "certificates"
        self.ca_file = self.secrets / "ca.pem"

    def tls(self, server: str) -> Path:
        """Where the certificate of a service or of NATS lies, if it has one."""
        return self.data_dir / "tls" / server

    @property
    def sources_file(self) -> Path:
        """The users of the account SOURCES, which NATS includes into its configuration."""
        return self.nats / "sources.conf"

    def nats_seed(self, user: str) -> Path:
        return self.secrets / f"nats-{user}.seed"

    def database_url(self, service: str) -> Path:
        return self.secrets / f"{service}.database-url"

    def prepare(self) -> None:
        """Make the directories and the secrets that no other part makes; idempotent.

        Others may pass through the data directory but not list it, so that PostgreSQL, which root starts
        under another user, reaches its own part; every other part is closed.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        self.postgres.mkdir(exist_ok=True, mode=0o711)
        for closed in (self.secrets, self.nats, self.logs, self.run, self.keys_file.parent):
            closed.mkdir(exist_ok=True, mode=0o700)
        ensure_secret(self.content_key, new_key)
        ensure_secret(self.master_key, new_key)
        ensure_secret(self.unseal_token, new_password)
        ensure_secret(self.service_key, new_password)

    def announce(self, addresses: Addresses) -> None:
        """Write `stack.json`: this process runs the system, and there it is. Secrets stay where they are."""
        facts = {
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "reporting_url": addresses.reporting_url,
            "registry_url": addresses.registry_url,
            "notifier_url": addresses.notifier_url,
            "nats_url": addresses.nats_url,
            "database_url_file": self.database_url("owner").name,
            "tls": bool(addresses.ca),
        }
        write_secret(self.stack_file, json.dumps(facts, indent=2))

    def announced(self) -> dict[str, str] | None:
        """What `stack.json` says, the owner's database URL included; None if nobody runs the system now."""
        try:
            facts = json.loads(self.stack_file.read_text(encoding="utf-8"))
            if process_start(int(facts["pid"])) != facts["started"]:
                return None
            owner = self.secrets / facts["database_url_file"]
            return {
                **{name: str(facts[name]) for name in _ELSEWHERE if name != "database_url"},
                "database_url": owner.read_text(encoding="utf-8").strip(),
                "nats_seed": self.nats_seed("operator").read_text(encoding="utf-8").strip(),
                "nats_system_seed": self.nats_seed("system").read_text(encoding="utf-8").strip(),
                "key": _read_if_there(self.command_line_key),
                "ca": _read_if_there(self.ca_file) if facts.get("tls") else "",
            }
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None
        except PermissionError as error:
            raise NotRunning(
                f"{error.filename} cannot be read by this user; run the command as the user that runs "
                f"`ketnap up --data-dir {self.data_dir}`"
            ) from None


def default_data_dir() -> Path:
    """`KETNAP_DATA_DIR`, else `.ketnap` in the working directory."""
    return Path(os.environ.get("KETNAP_DATA_DIR") or ".ketnap")


def key_file(layout: Layout, name: str) -> Path:
    """Where `content_key` or `master_key` lies for the registry: what `KETNAP_…_FILE` says, else `layout`."""
    otherwise: Path = getattr(layout, name)
    return Path(os.environ.get(f"KETNAP_{name.upper()}_FILE") or otherwise)


def runs_elsewhere() -> bool:
    """Whether the database that commands work on is not that of a data directory, but one that settings name."""
    return bool(_from_environment(_ELSEWHERE["database_url"]))


def locate(data_dir: Path | None = None, needs: Sequence[str] = tuple(_ELSEWHERE)) -> Addresses:
    """Find the running system of `data_dir`, or the one that `KETNAP_…` settings name elsewhere.

    needs: the names of the addresses that the caller will use; those must be known, the others may be empty.
    Raises NotRunning, with a message that says what to do next.
    """
    layout = Layout(data_dir or default_data_dir())
    found = layout.announced() or {}
    for name, variable in _ELSEWHERE.items():
        if elsewhere := _from_environment(variable):
            found[name] = elsewhere.rstrip("/")
    for name, variable in _SECRETS.items():
        found[name] = _from_environment(variable) or found.get(name, "")
    missing = [name for name in needs if not found.get(name)]
    if missing:
        settings = ", ".join((_ELSEWHERE | _SECRETS)[name] for name in missing)
        raise NotRunning(
            f"no running system in {layout.data_dir}: start it with `ketnap up --data-dir {layout.data_dir}`, "
            f"name another directory with --data-dir, or, where it runs elsewhere, set {settings}"
        )
    values = {name: found.get(name, "") for name in (*_ELSEWHERE, *_SECRETS)}
    return Addresses(data_dir=layout.data_dir, **values)


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _from_environment(variable: str) -> str | None:
    file = os.environ.get(f"{variable}_FILE")
    if not file:
        return os.environ.get(variable)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotRunning(f"{variable}_FILE: cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotRunning(f"{variable}_FILE: expected text in {file}, found bytes that are no UTF-8") from None
