"""`ketnap log`: the log as JSON lines, and whether it and all that stands around it is as promised."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.up import DataDir
from deploy.stack.errors import StackError, said
from deploy.stack.layout import Addresses, Layout, locate

if TYPE_CHECKING:
    from rich.progress import Progress

    from services.registry.verification.contents import Anchor
    from services.registry.verification.verify import Account

app = typer.Typer(no_args_is_help=True, help="The event log: verify it, export it, fold it anew.")


@app.command()
def export(
    after: Annotated[
        int, typer.Option("--after", metavar="N", min=0, help="Begin after this position. [0; FILE's last]")
    ] = 0,
    until: Annotated[
        int | None, typer.Option("--until", metavar="N", min=1, help="End with this position. [the last one now]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", dir_okay=False, help="A new file, or one to go on with. [stdout]"
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write recorded events as JSON lines, in log order; then say how many, and a chain to compare exports by."""
    import asyncio
    import os
    import sys

    from deploy.cli.bars import counting
    from deploy.log_export import ExportError, write

    database_url = locate(data_dir, ("database_url",)).database_url
    try:
        with counting() as bar:
            task = bar.add_task("exported", total=None)
            exported = asyncio.run(
                write(
                    database_url,
                    output,
                    after=after,
                    until=until,
                    on_progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            )
    except ExportError as error:
        raise StackError(str(error)) from None
    except BrokenPipeError:
        # Whoever read it has seen enough; what Python still holds for it must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    typer.echo(
        f"{exported.lines:,} events, positions {exported.first:,} to {exported.last:,}, chain {exported.chain}"
        if exported.lines
        else f"no event after position {exported.first - 1:,}",
        err=True,
    )


@app.command()
def verify(
    json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
    streams: Annotated[
        bool, typer.Option("--streams/--no-streams", help="Compare with what the sources' streams still hold.")
    ] = True,
    anchor: Annotated[
        str | None,
        typer.Option(
            "--anchor", metavar="POSITION:CHAIN", help="What an earlier verification or export said; see there."
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Check the log, its hashes, the outcomes and the state made from it; exit code 1 if something is at fault."""
    import asyncio

    import msgspec

    from deploy.cli.bars import counting

    anchored = None if anchor is None else _anchor(anchor)
    addresses = locate(data_dir, ("database_url", *(("nats_url", "nats_seed") if streams else ())))
    with counting() as bar:
        account = asyncio.run(_verify(addresses, streams, anchored, bar))
    if json:
        typer.echo(msgspec.json.encode(_json(account)).decode())
    else:
        show_account(account)
    if not account.ok:
        raise typer.Exit(1)


@app.command()
def refold(data_dir: DataDir = None) -> None:
    """Make anew from the log what decisions need of it, where `verify` finds that it is not what the log makes."""
    import asyncio

    from deploy.cli.bars import counting
    from deploy.refolding import refold as make_anew

    addresses = locate(data_dir, ("database_url",))
    with counting() as bar:
        task = bar.add_task("facts", total=None)
        changed = asyncio.run(
            make_anew(addresses.database_url, lambda done, total: bar.update(task, advance=done, total=total))
        )
    if not changed:
        typer.echo("all of it is what the log makes of it; nothing was changed")
        return
    typer.echo("made anew: " + ", ".join(f"{number:,} {name}" for name, number in changed.items()))
    typer.echo(
        "Next, for each source: ketnap quarantine retry --source SOURCE; what waits was decided by the other"
    )


async def _verify(addresses: Addresses, streams: bool, anchor: "Anchor | None", bar: "Progress") -> "Account":
    from deploy.stack.nats import connect
    from deploy.verifying import verify as verify_log

    tasks = {name: bar.add_task(name, total=None) for name in ("log", "outcomes", "replay", "streams")}

    def show(part: str, done: int, total: int | None) -> None:
        bar.update(tasks[part], advance=done, total=total)

    client = None
    if streams:
        try:
            client = await connect(addresses.nats_url, addresses.nats_seed, ca=addresses.ca)
        except Exception as error:
            raise StackError(
                f"NATS at {addresses.nats_url} does not answer ({said(error)}); look at `ketnap doctor`, or leave "
                "the streams out with --no-streams"
            ) from None
    try:
        layout = Layout(addresses.data_dir)
        return await verify_log(addresses.database_url, layout, client=client, anchor=anchor, progress=show)
    finally:
        if client is not None:
            await client.close()


def show_account(account: "Account") -> None:
    """Print what a verification found."""
    from rich.console import Console
    from rich.markup import escape

    from deploy.cli.tables import uncut

    table = uncut("", "check", "looked at, found", "what to do")
    for check in account.checks:
        table.add_row(
            "[green]ok[/]" if check.ok else "[red]FAULT[/]",
            f"{check.name}\n[dim]{escape(check.promise)}[/]",
            escape(check.found),
            "" if check.ok else escape(check.remedy),
        )
    console = Console()
    console.print(table)
    speed = account.position / account.seconds
    console.print(
        f"{account.position:,} positions in {account.seconds:,.1f} s ({speed:,.0f} events/s)\n"
        f"anchor {account.position}:{account.chain}",
        soft_wrap=True,
        highlight=False,
    )


def _json(account: "Account") -> dict[str, object]:
    return {
        "ok": account.ok,
        "position": account.position,
        "chain": account.chain,
        "seconds": round(account.seconds, 3),
        "checks": [
            {
                "check": each.name,
                "ok": each.ok,
                "promise": each.promise,
                "looked_at": each.looked_at,
                "faults": each.faults,
                "examples": each.examples,
                "notes": each.notes,
                "next": "" if each.ok else each.remedy,
            }
            for each in account.checks
        ],
    }


def _anchor(told: str) -> "Anchor":
    import re

    from services.registry.verification.contents import Anchor

    if not re.fullmatch(r"[1-9][0-9]{0,17}:[0-9a-f]{64}", told):
        raise typer.BadParameter(f"expected POSITION:CHAIN, a number and 64 hexadecimal digits, found {told!r}")
    position, _, chain = told.partition(":")
    return Anchor(int(position), chain)
