"""`ketnap backup`: a copy of the running system in one encrypted file."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.up import DataDir
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout, locate


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="The file to write.")],
    recipient: Annotated[
        str | None,
        typer.Option(
            "--recipient",
            metavar="age1…",
            help="Whose key opens it. [that of the last --new-key]",
            show_default=False,
        ),
    ] = None,
    new_key: Annotated[
        Path | None,
        typer.Option("--new-key", metavar="KEY", dir_okay=False, help="Make what opens it, in a new file."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a consistent, encrypted copy of everything but the keys of persons to FILE, while the system runs."""
    import asyncio

    from rich.console import Console

    from deploy.backup import archive
    from deploy.backup.taking import take
    from deploy.cli.ending import if_ended
    from deploy.stack.keys import write_secret
    from deploy.whole_file import require_place

    addresses = locate(data_dir, ("database_url",))
    remembered = Layout(addresses.data_dir).secrets / "backup.recipient"
    if new_key is not None and recipient is not None:
        raise typer.BadParameter("--new-key makes a recipient, so --recipient cannot name another one")
    if new_key is not None and new_key.absolute() == file.absolute():
        raise typer.BadParameter(f"the backup would be written over {new_key}, and nobody could open it")
    if new_key is not None:
        require_place(file)
        recipient = archive.new_key(new_key)
        write_secret(remembered, recipient)
        typer.echo(f"{new_key} opens backups from now on: keep it on another machine, and not here")
    elif recipient is None and remembered.exists():
        recipient = remembered.read_text(encoding="ascii")
    if recipient is None:
        raise StackError("nobody could open the backup yet: add --new-key KEY once, or name a --recipient")
    there = f"{file} is the backup that was there before" if file.exists() else f"there is no {file}"
    again = f", without --new-key: {new_key} is made" if new_key is not None else ""
    if_ended(f"{there}. Run this again{again}")
    with Console(stderr=True).status("backing up"):
        manifest = asyncio.run(take(addresses, file, recipient))
    typer.echo(
        f"{file}: the log up to position {manifest.position:,}, {file.stat().st_size:,} bytes. "
        "The keys of persons are kept apart: `ketnap keys export`"
    )
