"""`ketnap keys`: the master keys that wrap the keys of persons, and those keys in a file of their own."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.up import DataDir
from deploy.stack.errors import StackError
from deploy.stack.layout import Addresses, Layout, default_data_dir, key_file, locate

app = typer.Typer(no_args_is_help=True, help="Keys of persons: what wraps them, and a copy apart from the data.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="Keys of persons, apart from the data.")]


@app.command()
def status(data_dir: DataDir = None) -> None:
    """Show each master key and how many keys of persons it wraps; exit code 1 if a needed one is missing."""
    from rich.console import Console

    from deploy.cli.tables import uncut
    from deploy.master_keys import standings

    table = uncut("master key", "wraps", "since", "")
    found = asyncio.run(standings(_database(data_dir), _master_file(data_dir)))
    missing = [each for each in found if each.wraps and not each.in_file and each.id is not None]
    for each in found:
        said = "wraps new keys" if each.current else "may be dropped" if not each.wraps else "rotate, then drop"
        since = f"{each.since:%Y-%m-%d %H:%M}" if each.since else ""
        if each in missing:
            said = "MISSING in the file: add it"
        table.add_row(each.id or "(unnamed)", f"{each.wraps:,}", since, said)
    Console().print(table)
    if missing:
        raise typer.Exit(1)


@app.command()
def rotate(data_dir: DataDir = None) -> None:
    """Make a new master key and wrap every person's key by it, while the system runs."""
    from deploy.master_keys import rotate as rotate_

    database_url, file = _database(data_dir), _master_file(data_dir)
    key_id, wrapped = asyncio.run(rotate_(database_url, file))
    typer.echo(f"master key {key_id} wraps all keys of persons now, {wrapped:,} of them anew: {file}")
    typer.echo("`ketnap keys drop` takes the older ones away, and with them every older copy of a person's key")


@app.command()
def drop(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="As `ketnap keys status` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Take a master key away that wraps nothing any more; older copies that it wraps stay closed for good."""
    from deploy.master_keys import drop as drop_

    asyncio.run(drop_(_database(data_dir), _master_file(data_dir), key_id))
    typer.echo(f"master key {key_id} is gone; destroy its other copies too")


@app.command()
def export(file: File, data_dir: DataDir = None) -> None:
    """Write all keys of persons, wrapped, and who is erased to FILE, readable by its owner only."""
    from deploy.person_keys import export as export_

    keys, erased = asyncio.run(export_(_database(data_dir), file))
    typer.echo(
        f"{keys:,} keys and {erased:,} erasures: {file}; keep it apart from the data and from the master key"
    )


@app.command("import")
def import_(file: File, data_dir: DataDir = None) -> None:
    """Take in what `export` wrote: erasures first, then the keys that are missing."""
    from deploy.person_keys import take_in

    taken = asyncio.run(take_in(_database(data_dir), file, _master_file(data_dir)))
    typer.echo(
        f"{taken.keys:,} keys were missing and are back, {taken.known:,} were there or are of erased persons, "
        f"{taken.erased:,} persons were erased again"
    )


def _database(data_dir: Path | None) -> str:
    addresses: Addresses = locate(data_dir, ("database_url",))
    return addresses.database_url


def _master_file(data_dir: Path | None) -> Path:
    file = key_file(Layout(data_dir or default_data_dir()), "master_key")
    if not file.exists():
        raise StackError(
            f"no master key in {file}; set KETNAP_MASTER_KEY_FILE to the file that the registry reads (a key that "
            "is only in KETNAP_MASTER_KEY has to be put into a file first)"
        )
    return file
