"""`ketnap key`: makes, lists and revokes the keys that the three APIs ask for."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from deploy.cli.up import DataDir
from deploy.stack.access import keys_file
from deploy.stack.errors import NotRunning, StackError
from deploy.stack.layout import Layout, default_data_dir, locate

app = typer.Typer(no_args_is_help=True, help="Access keys to the APIs: make, list, revoke.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: an office, a program; no person.")],
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="viewer, source, watcher (metrics only) or operator.")
    ],
    organisation: Annotated[
        str | None,
        typer.Option("--organisation", metavar="ORGANISATION", help="Of a viewer: the top of what it sees."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="SOURCE", help="Of a source's key: which one.")
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option("--expires", metavar="DATE", formats=["%Y-%m-%d"], help="The last day on which it counts."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, once: only its hash is kept. Works while the system runs, and before it does."""
    from deploy.stack.access import add_key, ensure_command_line_key, list_keys

    layout = Layout(data_dir or default_data_dir())
    first = not list_keys(layout)
    if role == "source" and source is not None and organisation is None:
        organisation = _root_of(data_dir, source)
    last_day = expires.date() if expires else None
    entry, key = add_key(layout, name, role, organisation=organisation, source=source, expires=last_day)
    ensure_command_line_key(layout)
    about = {"viewer": f" of {organisation} and all below it", "source": f" {source}"}.get(role, "")
    typer.echo(f"key {entry.id} of {name!r}, for the {role}{about}; it is shown this once:", err=True)
    typer.echo(key)
    for warning in _warnings(data_dir, organisation, source):
        typer.echo(f"WARNING: {warning}", err=True)
    if first:
        typer.echo("it is the first one: from now on every request needs a key, also on this machine", err=True)


@app.command()
def revoke(
    named: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, or its name.")],
    data_dir: DataDir = None,
) -> None:
    """End a key at once; it stays in the list as revoked."""
    from deploy.stack.access import revoke_keys

    for each in revoke_keys(_existing(data_dir), named):
        typer.echo(f"key {each.id} of {each.name!r} is revoked")


@app.command("list")
def list_(data_dir: DataDir = None) -> None:
    """Show every key that was ever made, but never the keys themselves."""
    from rich.console import Console

    from deploy.cli.tables import uncut
    from deploy.stack.access import list_keys

    now = datetime.now(UTC)
    table = uncut("id", "name", "role", "for", "added", "state")
    entries = list_keys(_existing(data_dir))
    if not entries:
        typer.echo("no key was ever made: the APIs answer this machine only, without one")
        return
    for each in entries:
        state = each.ended(now) or (f"until {each.expires_at:%Y-%m-%d %H:%M %Z}" if each.expires_at else "counts")
        about = each.source or each.organisation or ("metrics" if each.role == "watcher" else "everything")
        table.add_row(each.id, each.name, each.role, about, f"{each.added_at:%Y-%m-%d %H:%M}", state)
    Console().print(table)


def _existing(data_dir: DataDir) -> Layout:
    """The data directory, which only `add` may make: elsewhere one that is not there is a slip in its name."""
    layout = Layout(data_dir or default_data_dir())
    if not (layout.data_dir.is_dir() or keys_file(layout).exists()):
        raise StackError(
            f"{layout.data_dir} is not there, so no key was ever made in it: name the system's data directory "
            "with --data-dir"
        )
    return layout


def _warnings(data_dir: DataDir, organisation: str | None, source: str | None) -> list[str]:
    """What the key names and the running system does not know yet; none where no system can be asked."""
    from deploy.stack.known_names import unknown

    try:
        url = locate(data_dir, ("database_url",)).database_url
    except NotRunning:
        return []
    return asyncio.run(unknown(url, organisation, source))


def _root_of(data_dir: DataDir, source: str) -> str:
    """The root organisation that the source was registered with."""
    from deploy.stack.provisioning import list_sources

    for each in asyncio.run(list_sources(locate(data_dir, ("database_url",)))):
        if each.source == source and each.removed_at is None:
            return each.root
    raise StackError(f"no source {source} is registered; `ketnap source list` shows those that are")
