"""What waits as tables that are readable on 80 columns."""

from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

_SHOWN = 20
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def waiting_table(items: Iterable[dict[str, Any]]) -> Table:
    """Waiting events, each with its age, its identity, why it waits, and what would help."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 1, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in items:
        table.add_row(age(item["age_seconds"]), _told(item))
    return table


def rehearsal(found: dict[str, Any]) -> Group:
    """One waiting event, and what a retry, its missing cause or a discard would do."""
    parts: list[RenderableType] = [waiting_table([found]), "[bold]If it is decided again now[/]"]
    parts += _course(found["now"])
    if found["if_it_came"] is not None:
        parts.append("\n[bold]If what it waits for came[/], supposing")
        parts += [
            escape(f"  {each['type']} of {each['subject']}, effective on {each['effectiveon']}")
            for each in found["supposed"]
        ]
        parts += _course(found["if_it_came"])
    elif found["now"]["outcome"] == "quarantined":
        parts.append("\nWhat would have to come cannot be told from the event alone; try with `ketnap validate`.")
    parts.append("\n[bold]If it is discarded[/], its id is free again, and")
    strands = found["if_discarded"]["strands"]
    parts.append(f"  {len(strands):,} other events would go on waiting for want of it")
    parts += _events(strands)
    if not found["complete"]:
        parts.append("\nMore waits for the same than is looked at here: lists and figures are a part only.")
    return Group(*parts)


def age(seconds: int) -> str:
    """`3 h` of 11,000 seconds."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"


def _told(item: dict[str, Any]) -> str:
    event, reason = item["event"], item["reason"]
    lines = [
        f"[bold]{escape(event['type'])}[/] effective on {event['effectiveon']}",
        escape(event["subject"]),
        escape(f"{item['source']} {item['event_id']}"),
        f"[yellow]{escape(reason['code'])}[/]: {escape(reason['message'])}",
    ]
    for each in item["waits_for"]:
        others = f"; {each['others']:,} more wait for it" if each["others"] else ""
        lines.append(escape(f"waits for {each['message']}{others}"))
    return "\n".join(lines)


def _course(course: dict[str, Any]) -> list[RenderableType]:
    said = course["outcome"]
    if course["reason"] is not None:
        said = f"{said}: {course['reason']['code']}: {course['reason']['message']}"
    parts: list[RenderableType] = [escape(f"  it is {said}")]
    parts += [escape(f"  finding {each['code']}: {each['message']}") for each in course["findings"]]
    if course["outcome"] == "quarantined":
        return parts
    parts.append(f"  {len(course['releases']):,} other events would be released with it")
    parts += _events(course["releases"])
    if course["changes"]:
        table = Table("organisation", "measure", "day", box=box.SIMPLE_HEAD)
        table.add_column("change", justify="right")
        for each in course["changes"][:_SHOWN]:
            table.add_row(escape(each["organisation"]), each["measure"], each["day"], f"{each['change']:+,}")
        parts.append(table)
        parts += _more(len(course["changes"]))
    else:
        parts.append("  no figure of members, candidates or organisations changes")
    return parts


def _events(events: list[dict[str, Any]]) -> list[RenderableType]:
    lines: list[RenderableType] = [
        escape(f"    {each['type']} {each['event_id']}, {each['effectiveon']}") for each in events[:_SHOWN]
    ]
    return lines + _more(len(events))


def _more(number: int) -> list[RenderableType]:
    return [f"    … and {number - _SHOWN:,} more"] if number > _SHOWN else []
