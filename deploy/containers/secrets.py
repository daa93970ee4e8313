"""Makes every secret of an installation on its first start, and hands each container its own and no other.

Run as `python -m deploy.containers.secrets` before anything else, on every start: what is there stays.
"""

from pathlib import Path

from deploy.containers.places import NATS_PORT, POSTGRES_HOST, POSTGRES_PORT, STREAMS, handed
from deploy.stack import nats, postgres
from deploy.stack.access import ensure_command_line_key, ensure_watcher_key
from deploy.stack.keys import ensure_secret, new_key, new_password, write_secret
from deploy.stack.layout import Layout, default_data_dir
from deploy.stack.service import secret_files


def provide(layout: Layout) -> None:
    """Fill the volumes below `layout`; idempotent."""
    for role in (postgres.SUPERUSER, *postgres.ROLES):
        postgres.password(layout.secrets, role)
    for user in ("system", *nats.SERVICE_USERS):
        nats.seed(layout.secrets, user)
    ensure_secret(layout.unseal_token, new_password)
    ensure_secret(layout.service_key, new_password)
    ensure_command_line_key(layout)  # so that everybody is asked for a key
    ensure_watcher_key(layout)
    if layout.watcher_key.exists():
        _write(handed(layout.data_dir, "prometheus") / layout.watcher_key.name, _content(layout.watcher_key))
    ensure_secret(handed(layout.data_dir, "grafana") / "grafana.password", new_password)
    address = f"{POSTGRES_HOST}:{POSTGRES_PORT}"
    _write(layout.database_url("owner"), postgres.url(layout.secrets, postgres.OWNER, address))
    for service in postgres.SERVICES:
        _write(layout.database_url(service), postgres.url(layout.secrets, f"ketnap_{service}", address))
        _hand_out(layout, service)
    superuser = handed(layout.data_dir, "postgres") / f"postgres-{postgres.SUPERUSER}.password"
    _write(superuser, postgres.password(layout.secrets, postgres.SUPERUSER))
    _configure_nats(layout)


def _hand_out(layout: Layout, service: str) -> None:
    place = handed(layout.data_dir, service)
    for file in secret_files(layout, service).values():
        if file in (layout.content_key, layout.master_key):
            # These are the registry's alone, and `ketnap keys` changes them where the registry reads them.
            ensure_secret(place / file.name, new_key)
        else:
            _write(place / file.name, _content(file))


def _configure_nats(layout: Layout) -> None:
    key = layout.nats / nats.stream_key(layout.secrets).name
    _write(key, nats.stream_key(layout.secrets).read_text(encoding="utf-8").strip())
    if not layout.sources_file.exists():
        nats.write_sources(layout.sources_file, {})
    configuration = nats.configuration(
        f"0.0.0.0:{NATS_PORT}",
        layout.secrets,
        store=STREAMS,
        key_path=key.name,
        sources_path=layout.sources_file.name,
    )
    _write(layout.nats / "nats.conf", configuration)


def _content(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _write(file: Path, value: str) -> None:
    """Only where it says something else, so that a running server is not disturbed."""
    if not file.exists() or file.read_text(encoding="utf-8") != value + "\n":
        write_secret(file, value)


if __name__ == "__main__":
    provide(Layout(default_data_dir()))
