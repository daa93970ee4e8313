"""`ketnap quarantine`: what waits and for what; what a release would change; decide again, or drop."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
import typer

from deploy.cli.up import DataDir
from deploy.stack.layout import locate
from shared.events.vocabulary import WhyDiscarded
from shared.runtime.duration import span

app = typer.Typer(no_args_is_help=True, help="Events that wait: list, look closer, decide again, drop.")

_PAGE = 500
_SHOWN = 20

OneSource = Annotated[str, typer.Argument(metavar="SOURCE", help="Whose event it is.")]
OneEvent = Annotated[UUID, typer.Argument(metavar="EVENT_ID", help="The event's id.")]
MaybeSource = Annotated[str | None, typer.Argument(metavar="[SOURCE", help="Whose event it is.")]
MaybeEvent = Annotated[str | None, typer.Argument(metavar="EVENT_ID]", help="The event's id.")]
OfSource = Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Only of this source.")]
OfCode = Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only for this reason.")]
OfSubject = Annotated[str | None, typer.Option("--subject", metavar="SUBJECT", help="E.g. person/UUID.")]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only what waits for longer, e.g. 1h or 2d.")
]


def _reason(value: str) -> str:
    """As the registry takes it: to be told so only by its 400 would be exit code 1, the work's own fault."""
    try:
        return msgspec.convert(value, WhyDiscarded)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"expected 1 to 300 characters on one line, found {value[:40]!r}") from None


Reason = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Why: a code or a few words for its source, no names.", callback=_reason
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON, one object a line.")]


@app.command("list")
def list_(
    source: OfSource = None,
    code: OfCode = None,
    subject: OfSubject = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what waits and for what, in the order in which it would be decided."""
    from rich.console import Console

    from deploy.cli.quarantine_view import waiting_table

    filters = _given(source=source, code=code, subject=subject, older_than=older_than)
    items = _items(data_dir, filters)
    if as_json:
        for item in items:
            _print_json(item)
        return
    console = Console()
    codes: Counter[str] = Counter()
    for page in _by(_SHOWN, items):
        codes.update(item["reason"]["code"] for item in page)
        console.print(waiting_table(page))
    if not codes:
        console.print("nothing waits that matches" if filters else "nothing waits")
        return
    console.print(f"{codes.total():,} waiting: " + ", ".join(f"{n:,} {code}" for code, n in codes.most_common()))


@app.command()
def show(source: OneSource, event_id: OneEvent, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show one waiting event and what a retry, its missing cause or a discard would do. Changes nothing."""
    from rich.console import Console

    from deploy.cli.quarantine_view import rehearsal

    found = _ask(data_dir, "GET", f"/v1/quarantine/{source}/{event_id}")
    if as_json:
        _print_json(found)
    else:
        Console().print(rehearsal(found))


@app.command()
def retry(
    source: MaybeSource = None,
    event_id: MaybeEvent = None,
    of_source: OfSource = None,
    code: OfCode = None,
    subject: OfSubject = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Decide one event again, or all that the options name; exit code 1 if any still waits or is rejected."""
    filters = _given(source=of_source, code=code, subject=subject, older_than=older_than)
    if source is not None and event_id is not None and not filters:
        receipts = [_ask(data_dir, "POST", f"/v1/quarantine/{source}/{_id(event_id)}/retry")]
    elif source is None and filters.keys() - {"older_than"}:
        receipts = list(_retried(data_dir, filters))
    else:
        raise typer.BadParameter("expected SOURCE and EVENT_ID, or at least one of --source, --code and --subject")
    if as_json:
        for receipt in receipts:
            _print_json(receipt)
    else:
        _say_outcomes(receipts)
    if any(receipt["outcome"] != "recorded" for receipt in receipts):
        raise typer.Exit(1)


@app.command()
def discard(
    source: OneSource,
    event_id: OneEvent,
    reason: Reason,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Drop one event for good; its id is free again, so it may be sent mended."""
    path = f"/v1/quarantine/{source}/{event_id}/discard"
    receipt = _ask(data_dir, "POST", path, json={"reason": reason})
    if as_json:
        _print_json(receipt)
    else:
        typer.echo(f"{event_id} is discarded; {source} is told why in a receipt")


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise typer.BadParameter(f"expected a UUID, found {value!r}", param_hint="EVENT_ID") from None


def _given(**filters: str | None) -> dict[str, str]:
    from shared.events.receipts import QuarantineCode

    code, codes = filters.get("code"), get_args(QuarantineCode)
    if code is not None and code not in codes:
        raise typer.BadParameter(f"expected one of {', '.join(codes)}, found {code!r}", param_hint="--code")
    older_than = filters.get("older_than")
    try:
        if older_than is not None:
            span(older_than)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--older-than") from None
    return {name: value for name, value in filters.items() if value is not None}


def _items(data_dir: DataDir, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {**filters, "limit": _PAGE}
    while True:
        page = _ask(data_dir, "GET", "/v1/quarantine", params=query)
        yield from page["items"]
        if page["next"] is None:
            return
        query["after"] = page["next"]


def _retried(data_dir: DataDir, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {**filters, "limit": _PAGE}
    while True:
        answer = _ask(data_dir, "POST", "/v1/quarantine/retry", json=query)
        yield from answer["receipts"]
        if answer["next"] is None:
            return
        query["after"] = answer["next"]


def _by(number: int, items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    for item in items:
        page.append(item)
        if len(page) == number:
            yield page
            page = []
    if page:
        yield page


def _say_outcomes(receipts: list[dict[str, Any]]) -> None:
    for receipt in receipts[:_SHOWN]:
        if receipt["outcome"] == "recorded":
            typer.echo(f"{receipt['event_id']} is recorded at position {receipt['position']}")
        else:
            reason = receipt.get("reason", {})
            said = f"{reason.get('code')}: {reason.get('message')}"
            typer.echo(f"{receipt['event_id']} is {receipt['outcome']}: {said}")
    if len(receipts) > _SHOWN:
        typer.echo(f"… and {len(receipts) - _SHOWN:,} more")
    if len(receipts) != 1:
        outcomes = Counter(receipt["outcome"] for receipt in receipts)
        said = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.most_common())
        typer.echo(f"decided again: {said or 'nothing waits that matches'}")


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _ask(data_dir: DataDir, method: str, path: str, **options: Any) -> Any:
    import msgspec

    from deploy.cli.asking import ask, client

    addresses = locate(data_dir, ("registry_url",))
    with client(addresses.registry_url, addresses.key, timeout=60, ca=addresses.ca) as registry:
        return msgspec.json.decode(ask(registry, method, path, **options))
