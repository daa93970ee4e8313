"""`ketnap publish`: sends files of events as their source and shows what became of them."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.naming import SourceOption
from deploy.cli.up import DataDir
from deploy.stack.errors import StackError
from deploy.stack.layout import locate

if TYPE_CHECKING:
    from rich.console import Console

    from shared.events.receipts import Receipt

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…", exists=True, dir_okay=False, readable=True, help="JSON lines: one event a line."
    ),
]
_SHOWN = 20


def publish(
    files: Files,
    source: SourceOption,
    creds: Annotated[
        Path,
        typer.Option(
            "--creds",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="The nkey seed that `ketnap source add` wrote.",
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Publish FILEs on NATS, wait for the receipts, show the outcomes; exit code 1 if any event was rejected."""
    from rich.console import Console

    from deploy import event_lines
    from deploy.cli.bars import counting
    from deploy.cli.ending import if_ended
    from deploy.publishing import Progress, PublishError
    from deploy.publishing import publish as publish_events
    from shared.runtime import tracing
    from shared.runtime.settings import read

    addresses = locate(data_dir, ("nats_url",))
    tracing.begin("publish", read("KETNAP_OTLP_URL", os.environ))
    try:
        count = event_lines.check(files)
        seed = creds.read_text(encoding="utf-8").strip()
    except event_lines.LineError as error:
        raise StackError(f"{error}; nothing was published") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"cannot be read: {error}") from None
    if not count:
        raise StackError(f"no event in {', '.join(map(str, files))}: expected one a line")
    reached = Progress(0, 0)
    if_ended(
        lambda: (
            f"of {count:,} events at least {reached.acknowledged:,} are in the stream, and "
            f"{reached.settled:,} have an outcome. Run this again: what is there already becomes a duplicate"
        )
    )
    with counting() as bar:
        sent, settled = bar.add_task("published", total=count), bar.add_task("settled", total=count)

        def show(progress: Progress) -> None:
            nonlocal reached
            reached = progress
            bar.update(sent, completed=progress.acknowledged)
            bar.update(settled, completed=progress.settled)

        publishing = publish_events(
            addresses.nats_url,
            source,
            seed,
            event_lines.lines(files),
            registry_url=addresses.registry_url or None,
            key=addresses.key,
            ca=addresses.ca,
            on_progress=show,
        )
        try:
            publication = asyncio.run(publishing)
        except PublishError as error:
            raise StackError(str(error)) from None
    problems = publication.problems[:_SHOWN]
    places = event_lines.places(files, [problem.index for problem in problems])
    show_outcomes(
        Console(), publication.outcomes, [(places[p.index], p.receipt) for p in problems], publication.findings
    )
    if publication.unanswered:
        raise StackError(
            f"{publication.unanswered:,} events are in the stream, but the registry has not answered: nothing is "
            f"lost; look at `ketnap doctor`, then GET /v1/receipts?source={source}"
        )
    if publication.outcomes.get("rejected"):
        raise typer.Exit(1)


def show_outcomes(
    console: "Console",
    outcomes: Mapping[str, int],
    problems: Sequence[tuple[str, "Receipt"]],
    findings: Mapping[str, int] = {},
) -> None:
    """Print how many events have which outcome, then the given problems: where the event stands, its receipt.

    `findings` are numbers of recorded events by code.
    """
    from rich.markup import escape

    from deploy.cli.tables import uncut
    from shared.events.receipts import OUTCOMES, Reason

    counts = uncut("outcome", "events")
    counts.columns[1].justify = "right"
    for outcome in OUTCOMES:
        counts.add_row(outcome, f"{outcomes.get(outcome, 0):,}")
    console.print(counts)
    for place, receipt in problems:
        reason = receipt.reason if isinstance(receipt.reason, Reason) else Reason("", "")
        where = f" at {reason.path}" if reason.path else ""
        text = f"{place}: {receipt.outcome} {reason.code}{where}: {reason.message}"
        console.print(escape(text), soft_wrap=True, highlight=False)
    rest = sum(outcomes.get(each, 0) for each in ("quarantined", "rejected", "discarded")) - len(problems)
    if rest > 0:
        console.print(f"… and {rest:,} more")
    if findings:
        told = ", ".join(f"{number:,} {code}" for code, number in sorted(findings.items()))
        console.print(f"Findings, which hold nothing back: {told}", soft_wrap=True, highlight=False)
