"""`ketnap projections`: how the figures of reporting and the notifier stand, and building them anew."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.up import DataDir
from deploy.stack.layout import locate

if TYPE_CHECKING:
    from deploy.projections.comparing import Compared
    from deploy.projections.rebuild import Rebuilt
    from deploy.projections.standing import Standing
    from deploy.projections.tables import Projection

app = typer.Typer(no_args_is_help=True, help="Figures made from the log: how they stand, building them anew.")


class Name(StrEnum):
    """The projections."""

    reporting = "reporting"
    notifier = "notifier"


@app.command()
def status(data_dir: DataDir = None) -> None:
    """Show how far each projection is; exit code 1 if one has stopped, or was made by another version."""
    import asyncio

    from rich.console import Console
    from rich.markup import escape

    from deploy.cli.tables import uncut
    from deploy.projections.standing import standings

    found = asyncio.run(standings(locate(data_dir, ("database_url",)).database_url))
    table = uncut("projection", "position", "lag", "version", "size", "state")
    for each in found:
        table.add_row(
            each.name,
            f"{each.position:,}",
            f"{each.lag:,}",
            str(each.version),
            f"{each.size / 2**20:,.1f} MiB",
            escape("\n".join(_state(each))),
        )
    Console().print(table)
    if any(each.at_fault for each in found):
        raise typer.Exit(1)


def _state(each: "Standing") -> list[str]:
    said = []
    if each.stopped_at is not None:
        said.append(f"STOPPED before position {each.stopped_at:,}: {each.stopped_why}")
    elif each.lag:
        said.append("follows the log")
    else:
        said.append("up to date")
    if each.outdated:
        said.append(
            f"made by version {each.version}, this is {each.wanted}: `ketnap projections rebuild {each.name}`"
        )
    if each.rebuilding:
        said.append(f"a new version is being built beside it, at position {each.beside or 0:,}")
    elif each.beside is not None:
        said.append(
            f"another version lies in the schema {each.name}_next, at position {each.beside:,}; "
            "the next rebuild removes it"
        )
    return said


@app.command()
def rebuild(
    name: Annotated[
        Name | None, typer.Argument(metavar="[reporting|notifier]", help="Which one. [both, one after the other]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Switch without asking where figures differ.")] = False,
    keep_differences: Annotated[
        bool,
        typer.Option(
            "--keep-differences", help="Where figures differ and it is not switched, keep the new version beside."
        ),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that fill reporting. [one for each core]")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Fill a new version from the log beside the old one, compare, and switch; reads go on throughout.

    Exit code 0: the new version is in service; 1: it is not, since figures differ or something failed.
    """
    from deploy.projections.tables import PROJECTIONS

    url = locate(data_dir, ("database_url",)).database_url
    chosen = [PROJECTIONS[name]] if name else list(PROJECTIONS.values())
    switched = [_rebuild(url, each, yes, keep_differences, workers) for each in chosen]
    if not all(switched):
        raise typer.Exit(1)


def _rebuild(url: str, projection: "Projection", yes: bool, keep: bool, workers: int | None) -> bool:
    """Whether the new version is in service."""
    import asyncio
    import sys

    from deploy.cli.bars import counting
    from deploy.cli.ending import asking, if_ended
    from deploy.projections.rebuild import SWITCHING
    from deploy.projections.rebuild import rebuild as rebuild_

    again = f"`ketnap projections rebuild {projection.name}` begins anew"
    if_ended(f"the figures in service are those of before; {again}")

    with counting(width=22) as bar:
        task = bar.add_task(f"{projection.name}: filling", total=None)

        def agree(compared: "list[Compared]") -> bool:
            bar.stop()
            _show_differences(compared)
            if yes or not sys.stdin.isatty():
                return yes
            with asking():
                return typer.confirm("Put the new version in service, with these figures?", default=False)

        def step(what: str) -> None:
            if what == SWITCHING:
                if_ended(f"the figures in service are those of before or the new ones, as a whole; {again}")
            bar.update(task, description=f"{projection.name}: {what}")

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        rebuilt = asyncio.run(rebuild_(url, projection, agree, keep=keep, workers=workers, told=told, step=step))
    typer.echo(_said(projection.name, rebuilt, keep))
    return rebuilt.switched


def _said(name: str, rebuilt: "Rebuilt", keep: bool) -> str:
    rows = sum(each.rows for each in rebuilt.compared)
    looked_at = f"{name}: {rows:,} rows compared at position {rebuilt.position:,}, {rebuilt.differing:,} differ"
    if rebuilt.switched:
        return f"{looked_at}; the new version is in service"
    if keep:
        return f"{looked_at}; the old version stays, the new one is kept in the schema {name}_next"
    return f"{looked_at}; the old version stays, the new one is dropped (--yes switches all the same)"


def _show_differences(compared: "list[Compared]") -> None:
    from rich.console import Console
    from rich.markup import escape

    from deploy.cli.tables import uncut

    console = Console()
    for each in compared:
        if not each.differing:
            continue
        shown = f", the first {len(each.examples)}" if each.differing > len(each.examples) else ""
        table = uncut("what", "old", "new", title=f"{each.table}: {each.differing:,} differences{shown}")
        for example in each.examples:
            table.add_row(escape(example.what), f"{example.before:,}", f"{example.after:,}")
        console.print(table)
