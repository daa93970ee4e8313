"""`ketnap validate`: the dry run, which tells what publishing files of events would give."""

from collections import Counter
from collections.abc import Iterable, Iterator

import typer

from deploy.cli.publish import Files, show_outcomes
from deploy.cli.up import DataDir
from deploy.stack.errors import StackError
from deploy.stack.layout import locate

# What the registry takes in one request. Its dry run judges one array in order and forgets it, so an event that
# needs another one should travel with it: as few arrays as possible.
_MAX_EVENTS = 5000
_MAX_BYTES = 8 * 1024 * 1024
_BRACKET = 1
_SHOWN = 20


def validate(files: Files, data_dir: DataDir = None) -> None:
    """Ask the registry what it would do with FILEs; nothing is stored. Exit code 1 if any would be rejected."""
    import msgspec
    from rich.console import Console

    from deploy import event_lines
    from deploy.cli.asking import ask, client
    from shared.events.receipts import Receipt

    addresses = locate(data_dir, ("registry_url",))
    try:
        if not event_lines.check(files):
            raise StackError(f"no event in {', '.join(map(str, files))}: expected one a line")
    except event_lines.LineError as error:
        raise StackError(str(error)) from None
    outcomes: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    problems: list[tuple[int, Receipt]] = []
    moves: list[str] = []
    parts = first = 0
    console = Console()
    with (
        client(addresses.registry_url, addresses.key, timeout=120, ca=addresses.ca) as registry,
        console.status("asking the registry"),
    ):
        for part in arrays(event_lines.lines(files)):
            content = b"[%s]" % b",".join(part)
            answer = ask(registry, "POST", "/v1/validate", content=content)
            for index, receipt in enumerate(msgspec.json.decode(answer, type=list[Receipt]), start=first):
                outcomes[receipt.outcome] += 1
                moves += [each.message for each in receipt.findings if each.code == "moves"]
                findings.update({each.code for each in receipt.findings} - {"moves"})
                if receipt.outcome not in {"recorded", "duplicate"} and len(problems) < _SHOWN:
                    problems.append((index, receipt))
            first += len(part)
            parts += 1
    places = event_lines.places(files, [index for index, _ in problems])
    console.print("Nothing was stored. Publishing would give:")
    show_outcomes(console, outcomes, [(places[index], receipt) for index, receipt in problems], findings)
    for message in moves:
        console.print(f"Reorganisation {message}.", soft_wrap=True)
    if parts > 1:
        console.print(
            f"Judged in {parts} parts of at most {_MAX_EVENTS:,} events, each without those before it: an event "
            "that needs one of another part shows as quarantined here, and would be recorded when published."
        )
    if outcomes["rejected"]:
        raise typer.Exit(1)


def arrays(events: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The events in arrays that the registry takes, in order."""
    part: list[bytes] = []
    size = _BRACKET
    for event in events:
        if part and (len(part) == _MAX_EVENTS or size + len(event) + 1 > _MAX_BYTES):
            yield part
            part, size = [], _BRACKET
        part.append(event)
        size += len(event) + 1  # a comma, or the other bracket
    if part:
        yield part
