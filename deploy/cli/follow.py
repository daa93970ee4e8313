"""`ketnap follow`: how far one event has come, from its source's stream to figures and alerts."""

from typing import Annotated
from uuid import UUID

import typer

from deploy.cli.up import DataDir
from deploy.stack.layout import locate


def follow(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Whose event it is.")],
    event_id: Annotated[UUID, typer.Argument(metavar="EVENT_ID", help="The event's id.")],
    data_dir: DataDir = None,
) -> None:
    """Show what became of an event in each service; exit code 1 while it is not in the figures and judged.

    Positions have no gaps and every reader goes through them in order: whoever is at a position or beyond has it.
    """
    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from deploy.cli.asking import ask, client
    from deploy.cli.tables import uncut
    from deploy.stack import metrics

    addresses = locate(data_dir, ("registry_url", "reporting_url", "notifier_url"))
    with client(addresses.registry_url, addresses.key, ca=addresses.ca) as registry:
        found = msgspec.json.decode(ask(registry, "GET", f"/v1/events/{source}/{event_id}"))
    position = found.get("position")
    table = uncut("", "service", "seen")
    place = f"stream sequence {found['stream_sequence']}, event {found['batch_index'] + 1} of its message"
    table.add_row("ok", "registry", f"read at {place}")
    reason = found.get("reason")
    said = f": {reason['code']}: {reason['message']}" if reason else ""
    at = f" at position {position:,}" if position else ""
    recorded = position is not None
    table.add_row("ok" if recorded else "-", "registry", f"{found['outcome']}{at}, {found['at']}{escape(said)}")
    for finding in found.get("findings", []):
        table.add_row("", "registry", escape(f"finding {finding['code']}: {finding['message']}"))
    there = recorded
    for name, what in (("reporting", "in the figures"), ("notifier", "judged for alerts")):
        figures = metrics.read(getattr(addresses, f"{name}_url"), addresses.key, addresses.ca)
        reached = figures.get(f"ketnap_{name}_position", 0)
        has = recorded and reached >= position
        there = there and has
        table.add_row("ok" if has else "-", name, f"{what if has else f'not {what}'}; it is at {reached:,.0f}")
    Console().print(table)
    if not there:
        raise typer.Exit(1)
