"""`ketnap source`: registers sources and hands out their credentials."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.naming import RootOption, SourceArgument
from deploy.cli.up import DataDir
from deploy.stack.errors import StackError
from deploy.stack.keys import public_key, write_secret
from deploy.stack.layout import Addresses, Layout, locate

app = typer.Typer(no_args_is_help=True, help="Register sources: stream, root organisation, credentials.")

PRINTED = Path("-")
"""In place of a file: the seed goes to standard output, and nothing else does."""

_NEEDS = ("database_url", "nats_url", "nats_seed", "nats_system_seed")

Creds = Annotated[
    Path,
    typer.Option(
        "--creds", metavar="FILE", help="Gets the source's nkey seed, readable by its owner only; - prints it."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite FILE if it exists.")]


@app.command()
def add(
    source: SourceArgument,
    root: RootOption,
    creds: Creds,
    force: Force = False,
    data_dir: DataDir = None,
) -> None:
    """Register SOURCE and write its credentials to FILE."""
    from deploy.stack.provisioning import add_source

    addresses = locate(data_dir, _NEEDS)
    _require_writable(creds, force)
    _hand_over(creds, asyncio.run(add_source(addresses, source, root)), force)
    told = "these are its credentials" if creds == PRINTED else f"credentials: {creds}"
    _say(creds, f"{source} may publish ingest.{source}.> for {root} and what lies below; {told}")


@app.command()
def rotate(source: SourceArgument, creds: Creds, force: Force = False, data_dir: DataDir = None) -> None:
    """Give SOURCE new credentials; the old ones end at once, and FILE may be the one that holds them."""
    from deploy.stack.provisioning import rotate_source

    addresses = locate(data_dir, _NEEDS)
    force = force or _ends_with_it(creds, source, addresses)
    _require_writable(creds, force)
    _hand_over(creds, asyncio.run(rotate_source(addresses, source)), force)
    told = "these are its new credentials" if creds == PRINTED else f"its new credentials: {creds}"
    _say(creds, f"the old credentials of {source} have ended; {told}")


@app.command()
def remove(source: SourceArgument, data_dir: DataDir = None) -> None:
    """Revoke SOURCE's credentials and its keys to the APIs; its stream and history stay."""
    from deploy.stack.access import revoke_keys_of_source
    from deploy.stack.provisioning import remove_source

    addresses = locate(data_dir, _NEEDS)
    asyncio.run(remove_source(addresses, source))
    revoked = revoke_keys_of_source(Layout(addresses.data_dir), source)
    typer.echo(f"{source} may no longer publish; its stream and history stay")
    for each in revoked:
        typer.echo(f"key {each.id} of {each.name!r} is revoked")


@app.command("list")
def list_(data_dir: DataDir = None) -> None:
    """Show every source: name, root organisation, since when, until when."""
    from rich.console import Console

    from deploy.cli.tables import uncut
    from deploy.stack.provisioning import list_sources

    table = uncut("source", "root", "added", "removed")
    for found in asyncio.run(list_sources(locate(data_dir, ("database_url",)))):
        removed = f"{found.removed_at:%Y-%m-%d %H:%M}" if found.removed_at else ""
        table.add_row(found.source, found.root, f"{found.added_at:%Y-%m-%d %H:%M}", removed)
    Console().print(table)


def _ends_with_it(creds: Path, source: str, addresses: Addresses) -> bool:
    """Whether all that FILE holds are the credentials of the source, which the new ones end anyway."""
    from deploy.stack.provisioning import list_sources

    try:
        held = public_key(creds.read_text()) if creds.is_file() else None
    except (OSError, ValueError):
        return False
    sources = asyncio.run(list_sources(addresses)) if held is not None else []
    return any((each.source, each.public_key, each.removed_at) == (source, held, None) for each in sources)


def _require_writable(creds: Path, force: bool) -> None:
    """Refuse before anything is changed, for the seed is shown only once."""
    if creds == PRINTED:
        return
    if (creds.exists() and not creds.is_file()) or not creds.absolute().parent.is_dir():
        raise StackError(f"{creds} cannot be written: name a file in a directory that exists")
    if creds.exists() and not force:
        raise StackError(f"{creds} exists; name another file, or overwrite it with --force")


def _say(creds: Path, message: str) -> None:
    typer.echo(message, err=creds == PRINTED)


def _hand_over(creds: Path, seed: str, force: bool) -> None:
    if creds == PRINTED:
        typer.echo(seed)
        return
    try:
        write_secret(creds, seed, replace=force)
    except OSError as error:
        raise StackError(
            f"{creds} could not be written ({error.strerror}); the source is registered, "
            "`ketnap source rotate` writes new credentials"
        ) from None
