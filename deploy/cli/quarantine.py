"""`ketnap quarantine`: what waits and why; decide again, or drop."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import typer

from deploy.cli.up import DataDir
from deploy.stack.layout import locate

app = typer.Typer(no_args_is_help=True, help="Events that wait: list, decide again, drop.")

_PAGE = 1000

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Whose event it is.")]
EventId = Annotated[UUID, typer.Argument(metavar="EVENT_ID", help="The event's id.")]


@app.command("list")
def list_(
    source: Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Only of this source.")] = None,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only for this reason.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", metavar="SUBJECT", help="E.g. person/UUID.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Show what waits, in the order in which it would be decided."""
    from rich.console import Console
    from rich.markup import escape

    filters = {"source": source, "code": code, "subject": subject}
    console = Console()
    waiting = 0
    for item in _items(locate(data_dir, ("registry_url",)).registry_url, filters):
        waiting += 1
        event, reason = item["event"], item["reason"]
        head = f"{item['source']} {item['event_id']}  {event['type']}  {event['subject']}  {event['effectiveon']}"
        console.print(escape(head), style="bold", soft_wrap=True, highlight=False)
        console.print(escape(f"    {reason['code']}: {reason['message']}"), soft_wrap=True, highlight=False)
    console.print(f"{waiting:,} waiting" if waiting else "nothing waits")


@app.command()
def retry(source: Source, event_id: EventId, data_dir: DataDir = None) -> None:
    """Decide one event again; exit code 1 if it still waits or is rejected."""
    receipt = _post(data_dir, f"/v1/quarantine/{source}/{event_id}/retry")
    if receipt["outcome"] == "recorded":
        typer.echo(f"{event_id} is recorded at position {receipt['position']}")
        return
    reason = receipt.get("reason", {})
    typer.echo(f"{event_id} is {receipt['outcome']}: {reason.get('code')}: {reason.get('message')}")
    raise typer.Exit(1)


@app.command()
def discard(
    source: Source,
    event_id: EventId,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; no names.")],
    data_dir: DataDir = None,
) -> None:
    """Drop one event for good; its id is free again, so it may be sent mended."""
    _post(data_dir, f"/v1/quarantine/{source}/{event_id}/discard", json={"reason": reason})
    typer.echo(f"{event_id} is discarded")


def _items(registry_url: str, filters: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    import httpx
    import msgspec

    from deploy.cli.asking import ask

    query: dict[str, str | int] = {name: value for name, value in filters.items() if value is not None}
    query["limit"] = _PAGE
    with httpx.Client(base_url=registry_url, timeout=30, trust_env=False) as client:
        while True:
            page = msgspec.json.decode(ask(client, "GET", "/v1/quarantine", params=query))
            yield from page["items"]
            if page["next"] is None:
                return
            query["after"] = page["next"]


def _post(data_dir: DataDir, path: str, **options: Any) -> dict[str, Any]:
    import httpx
    import msgspec

    from deploy.cli.asking import ask

    registry_url = locate(data_dir, ("registry_url",)).registry_url
    with httpx.Client(base_url=registry_url, timeout=30, trust_env=False) as client:
        receipt: dict[str, Any] = msgspec.json.decode(ask(client, "POST", path, **options))
        return receipt
