"""`ketnap restore`: a system back from a backup, or a drill that shows that it could be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.up import DataDir
from deploy.stack.layout import default_data_dir, locate, runs_elsewhere

if TYPE_CHECKING:
    from deploy.backup.returning import Returned, Wanted


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, exists=True, help="A backup.")],
    key: Annotated[
        Path, typer.Option("--key", metavar="KEY", dir_okay=False, exists=True, help="What `--new-key` made.")
    ],
    master_key: Annotated[
        Path | None,
        typer.Option(
            "--master-key", metavar="FILE", dir_okay=False, exists=True, help="The copy of the master key."
        ),
    ] = None,
    person_keys: Annotated[
        Path | None,
        typer.Option(
            "--person-keys", metavar="FILE", dir_okay=False, exists=True, help="From `ketnap keys export`."
        ),
    ] = None,
    drill: Annotated[
        bool,
        typer.Option(
            "--drill",
            help="Restore into a directory that is removed again, refill it from the running system's streams.",
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring a system back into a directory without a database, verify it, and say what is not in it.

    Where settings name a database elsewhere, as in containers: into that one, which has to be empty.

    Exit code 1: the verification found a fault, or messages that came after the backup are gone.
    """
    from deploy.backup.returning import Wanted
    from deploy.cli.ending import if_ended
    from deploy.temporary import temporary

    wanted = Wanted(file, key, master_key, person_keys)
    if drill:
        if_ended("nothing of the drill is left, and the running system is as it was")
        with temporary("ketnap-drill") as directory:
            directory.chmod(0o711)  # PostgreSQL, which root starts under another user, passes through
            returned = _restored(wanted, directory / "data", drill=True)
            lost = _refilled(directory / "data", data_dir, returned)
            typer.echo("The drill is over; nothing of it is left.")
    else:
        place = data_dir or default_data_dir()
        elsewhere = runs_elsewhere()
        if_ended(
            "the database is empty, and this can be run again, or it holds the log by now: then `ketnap keys "
            "import` brings the keys of persons, and `ketnap log verify` verifies"
            if elsewhere
            else f"{place} has no database, as before: run this again"
        )
        returned = _restored(wanted, place, elsewhere=elsewhere)
        up, verify = f"ketnap up --data-dir {place}", f"ketnap log verify --data-dir {place}"
        if elsewhere:
            up, verify = "docker compose up --detach --wait", "docker compose run --rm ketnap log verify"
        typer.echo(f"Next: {up}, then {verify}")
        lost = any(each.missing for each in returned.refills)
    if lost or not returned.account.ok:
        raise typer.Exit(1)


def _refilled(drilled: Path, data_dir: Path | None, returned: "Returned") -> bool:
    """Go on with the drill where a system runs: read again what came after the backup; whether any is lost."""
    from rich.console import Console

    from deploy.backup.drill import SHOWN, refill
    from deploy.cli.log import show_account
    from deploy.stack.errors import NotRunning

    try:
        running = locate(data_dir, ("nats_url", "database_url"))
    except NotRunning:
        typer.echo("No system runs here whose streams could be read, so the drill ends with the restore.")
        return False
    with Console(stderr=True).status("reading again what came after the backup"):
        found = refill(drilled, running, returned.manifest)
    show_account(found.account)
    typer.echo(
        f"{found.messages:,} messages that came after the backup were read again from the running system's "
        f"streams: the log is at position {found.position:,}, that of the running system was at {found.head:,}."
    )
    for source, number in found.gone.items():
        typer.echo(f"{source}: {number:,} messages after the backup are GONE from its stream")
    if found.lost:
        shown = ", ".join(found.lost[:SHOWN])
        typer.echo(
            f"{len(found.lost):,} recorded events would be LOST unless their sources publish again: {shown}"
        )
    return bool(found.lost) or not found.account.ok


def _restored(wanted: "Wanted", data_dir: Path, *, drill: bool = False, elsewhere: bool = False) -> "Returned":
    from rich.console import Console

    from deploy.backup.elsewhere import bring_back_elsewhere
    from deploy.backup.returning import bring_back
    from deploy.cli.log import show_account

    with Console(stderr=True).status("restoring and verifying"):
        if elsewhere:
            returned = bring_back_elsewhere(wanted, locate(data_dir, ("database_url", "nats_url")))
        else:
            returned = bring_back(wanted, data_dir)
    manifest, made_at = returned.manifest, f"{returned.manifest.made_at:%Y-%m-%d %H:%M %Z}"
    show_account(returned.account)
    typer.echo(f"The log is back up to position {manifest.position:,}, as of {made_at}.")
    if returned.person_keys is not None:
        typer.echo(f"{returned.person_keys.keys:,} keys of persons are back.")
    else:
        typer.echo(
            "Keys of persons are not in a backup, so no profile opens, and none is verified: add "
            "--person-keys FILE, or run `ketnap keys import FILE` once the system is up"
        )
    if returned.unknown_masters:
        there = ", ".join(returned.unknown_masters)
        typer.echo(
            f"WARNING: the backup knows none of the master keys that are here ({there}). So it should be only if "
            "the master key was rotated since and the older one dropped, or is lost; otherwise restore once more, "
            "with --master-key and the copy that you keep"
        )
    for each in (each for each in returned.refills if each.there):
        typer.echo(f"{each.source}: {each.waiting:,} messages came after the backup and will be read again")
        if each.missing:
            typer.echo(f"{each.source}: {each.missing:,} more are GONE from its stream: have them published again")
    if not returned.streams and not drill:
        typer.echo(
            "The sources' streams are not there, so what came after the backup is unknown here: have every source "
            f"publish again what it has published since {made_at}. "
            "What is here already becomes a duplicate, and does no harm."
        )
    return returned
