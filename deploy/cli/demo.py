"""`ketnap demo`: the whole system with the figures of Điện Biên district, published, computed and compared."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.up import DataDir, EndAsked, Ending, PortBase, show
from deploy.stack.errors import StackError
from deploy.stack.layout import Addresses, Layout, default_data_dir

if TYPE_CHECKING:
    from rich.console import Console


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the table of figures.")] = False,
    data_dir: DataDir = None,
    port_base: PortBase = None,
) -> None:
    """Run the system, publish a made-up history as source dien-bien, compare its figures with the printed ones.

    Exit code 1 if one differs. Without --once the system then runs on, dashboard included, until Ctrl-C.
    """
    from rich.console import Console

    from deploy.demo.organisations import DISTRICT
    from deploy.stack.supervisor import running

    ending = Ending()
    console = Console(highlight=False)
    equal = True
    _label(data_dir)
    try:
        console.print("Starting PostgreSQL, NATS, registry, reporting and notifier …")
        with running(data_dir, port_base) as addresses:
            equal = asyncio.run(_play(addresses, console))
            if not once:
                console.print()
                show(addresses)
                typer.echo(f"dashboard  {addresses.reporting_url}/organisations/{DISTRICT}?as_of=2022-11-30")
                typer.echo("ready (Ctrl-C ends it)")
                ending.wait()
    except EndAsked:
        pass
    if not equal:
        raise typer.Exit(1)


def _label(data_dir: Path | None) -> None:
    """What is made up is said on every page of the dashboard, also when `ketnap up` runs this directory later."""
    from deploy.demo.printed import NOTICE

    layout = Layout(data_dir or default_data_dir())
    layout.prepare()
    for language, text in NOTICE.items():
        layout.notices[language].write_text(text + "\n", encoding="utf-8")


async def _play(addresses: Addresses, console: "Console") -> bool:
    """Publish the history and print the table of figures; whether all are equal."""
    from deploy.cli.publish import show_outcomes
    from deploy.demo import figures
    from deploy.demo.credentials import credentials
    from deploy.demo.history import SOURCE, encoded
    from deploy.demo.printed import MADE_UP
    from deploy.publishing import PublishError, publish

    console.print(f"[yellow]{MADE_UP}[/]")
    events = encoded()
    seed = await credentials(addresses)
    try:
        with console.status(f"Publishing {len(events):,} events through NATS as source {SOURCE} …"):
            publication = await publish(
                addresses.nats_url,
                SOURCE,
                seed,
                events,
                registry_url=addresses.registry_url,
                key=addresses.key,
                ca=addresses.ca,
            )
        show_outcomes(
            console, publication.outcomes, [(f"event {p.index + 1}", p.receipt) for p in publication.problems[:20]]
        )
        if publication.released:
            console.print(
                f"{publication.released} events came before their cause, on purpose: they waited in quarantine "
                "until it was recorded."
            )
        if publication.unanswered:
            raise StackError(f"the registry has not answered {publication.unanswered:,} events; see its log")
        with console.status("Waiting for reporting to compute the figures …"):
            readings = await figures.read(
                addresses.reporting_url, publication.last_position, key=addresses.key, ca=addresses.ca
            )
    except (PublishError, figures.ReportingError) as error:
        raise StackError(str(error)) from None
    figures.print_table(console, readings)
    different = sum(not reading.equal for reading in readings)
    console.print(
        f"\n[bold red]{different} of {len(readings)} figures differ[/]"
        if different
        else f"\n[green]All {len(readings)} figures are equal[/]; the ones marked “made up” were invented for it."
    )
    return not different
