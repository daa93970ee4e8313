"""Carries the secrets of a cluster from the machine where they were made to the others, as one piece of text.

Run as `python -m deploy.containers.carried begin`, `… give > FILE` or `… take < FILE`. What is carried opens
everything: the passwords, the keys of the data, and the key of the certificate authority.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec

from deploy.containers import machines
from deploy.containers.places import BEGINS, handed
from deploy.containers.secrets import provide
from deploy.stack import nats_cluster, postgres
from deploy.stack.access import join_keys
from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Layout, default_data_dir
from shared.runtime.access.keys import KeysFile, read_keys

_NAME = re.compile(r"[a-z][a-z_.-]*\.(password|seed|key|token|conf|pem)")
"""Of a secret: what each machine writes for itself, such as URLs of databases, is not carried."""


class Carried(msgspec.Struct, forbid_unknown_fields=True, tag_field="ketnap", tag="secrets of a cluster"):
    """What all machines of a cluster have in common: files by directory and name, and the keys of the APIs."""

    secrets: dict[str, str]
    authority: dict[str, str]
    registry: dict[str, str]
    access: KeysFile


def begin(layout: Layout, mark: Path = BEGINS) -> None:
    """Make the secrets of a new cluster, which begins with PostgreSQL on this machine. Raises StackError."""
    machine = machines.this_machine()
    if machine not in machines.PAIR:
        raise StackError("a cluster begins on machine 1 or 2, which have PostgreSQL: say KETNAP_MACHINE=1 in .env")
    if _complete(layout):
        raise StackError("this machine has the secrets of a cluster already; `carry give` gives them")
    begun_before = nats_cluster.password_file(layout.secrets).exists()
    if (layout.secrets / f"postgres-{postgres.SUPERUSER}.password").exists() and not begun_before:
        raise StackError(
            "this machine has an installation that stands alone; docs/cluster.md says how its data are moved"
        )
    mark.touch()
    nats_cluster.password(layout.secrets)
    provide(layout)


def give(layout: Layout) -> str:
    """The secrets of this cluster, to be carried to another machine. Raises StackError."""
    if not _complete(layout):
        raise StackError(
            "this machine has no secrets of a cluster to give: `carry begin` makes them on the first one"
        )
    return msgspec.json.format(
        msgspec.json.encode(
            Carried(
                secrets=_read(layout.secrets, lambda name: _NAME.fullmatch(name) is not None),
                authority=_read(layout.authority, lambda name: name in ("ca.key", "ca.pem")),
                registry=_read(_registry(layout), lambda name: name in _of_registry(layout)),
                access=KeysFile(read_keys(layout.keys_file)),
            )
        )
    ).decode()


def take(layout: Layout, text: bytes) -> None:
    """Take the secrets of another machine of the cluster; the job `secrets` hands them out. Raises StackError."""
    try:
        carried = msgspec.json.decode(text, type=Carried)
    except msgspec.DecodeError as error:
        raise StackError(f"this is not what `carry give` gave: {error}") from None
    # The secrets last, and the routes' password last of these: without it the job `secrets` makes none of its own
    # in place of what is missing, should this be broken off.
    last = nats_cluster.password_file(layout.secrets).name
    places = {
        _registry(layout): carried.registry,
        layout.authority: carried.authority,
        layout.secrets: dict(sorted(carried.secrets.items(), key=lambda each: each[0] == last)),
    }
    for name in (name for files in places.values() for name in files):
        if not _NAME.fullmatch(name):
            raise StackError(f"this is not what `carry give` gave: {name!r} is no secret's name")
    content_key = layout.content_key.name
    here = _read(_registry(layout), lambda name: name == content_key)
    if here and here[content_key] != carried.registry.get(content_key):
        raise StackError(
            "this machine belongs to another installation. If nothing of that is needed, "
            "`docker compose down --volumes` destroys it; then take again"
        )
    for directory, files in places.items():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, value in files.items():
            write_secret(directory / name, value)
    join_keys(layout, carried.access.keys)


def _complete(layout: Layout) -> bool:
    """Whether all that the machines of a cluster share is here."""
    needed = (
        nats_cluster.password_file(layout.secrets),
        layout.authority / "ca.pem",
        *(_registry(layout) / name for name in _of_registry(layout)),
    )
    return all(file.exists() for file in needed)


def _registry(layout: Layout) -> Path:
    return handed(layout.data_dir, "registry")


def _of_registry(layout: Layout) -> tuple[str, str]:
    return layout.content_key.name, layout.master_key.name


def _read(directory: Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    return {
        file.name: file.read_text(encoding="utf-8").strip()
        for file in sorted(directory.iterdir())
        if file.is_file() and wanted(file.name)
    }


def main(what: str) -> None:
    """Do it; ends with exit code 1 and a line that says what is wrong, 2 for wrong usage."""
    layout = Layout(default_data_dir())
    try:
        match what:
            case "begin":
                begin(layout)
                _say("carry: begun; `carry give` now gives what the other machines need", sys.stderr)
            case "give":
                _say(give(layout))
            case "take":
                take(layout, sys.stdin.buffer.read())
                _say("carry: taken; this machine belongs to the cluster", sys.stderr)
            case _:
                _say("carry: expected begin, give or take; docs/cluster.md says how", sys.stderr)
                sys.exit(2)
    except StackError as fault:
        sys.exit(f"carry: {fault}")


def _say(text: str, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
