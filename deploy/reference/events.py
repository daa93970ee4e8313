"""The reference of all event types, `docs/events.md`: made from the catalogue, the schemas and `events.json`.

`python -m deploy.reference.events` prints it; `make reference` writes it.
"""

import sys
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from shared.events.catalogue import CATALOGUE, EventType
from shared.events.forms import CATEGORIES, WORDS
from shared.events.schema import schema


class Described(Struct, frozen=True, forbid_unknown_fields=True):
    """What the catalogue does not say of an event: its rules in words, and an example of each version."""

    examples: dict[str, tuple[str, str, dict[str, Any]]]
    """By version: subject, effectiveon, data."""
    rules: tuple[tuple[str, str], ...] = ()
    """Hard rules: the code of an event that breaks one, and what is expected."""
    findings: tuple[tuple[str, str], ...] = ()
    """Soft rules: the code of the finding, and what is expected."""
    text: str = ""


DESCRIBED = msgspec.json.decode(
    files("deploy.reference").joinpath("events.json").read_bytes(), type=dict[str, Described]
)

_KINDS = (("organisation", "Organisations"), ("place", "Places"), ("person", "Persons"), (None, "Any subject"))
_EVENT_ID = "01976c1e-0000-7000-8000-000000000005"
_HEAD = files("deploy.reference").joinpath("events_head.md").read_text(encoding="utf-8")


def example(entry: EventType) -> dict[str, Any]:
    """A whole made-up event of this type."""
    subject, effectiveon, data = DESCRIBED[entry.name].examples[str(entry.version)]
    return {
        "specversion": "1.0",
        "id": _EVENT_ID,
        "source": "my-province",
        "type": entry.type,
        "subject": subject,
        "time": f"{effectiveon}T09:00:00+07:00",
        "effectiveon": effectiveon,
        "datacontenttype": "application/json",
        "data": data,
    }


def reference() -> str:
    """The whole page."""
    lines = [_HEAD]
    for kind, title in _KINDS:
        lines.append(f"## {title}\n")
        for entry in CATALOGUE.values():
            if entry.subject == kind:
                lines.extend(_entry(entry))
    return "\n".join(lines).rstrip() + "\n"


def _entry(entry: EventType) -> Iterator[str]:
    described, whole = DESCRIBED[entry.name], schema(entry)
    yield f"### {entry.type}\n"
    yield f"{whole['description']}\n"
    if described.text:
        yield f"{described.text}\n"
    subject = (
        f"`{entry.subject}/{'UUID' if entry.subject == 'person' else 'ID'}`" if entry.subject else "of any kind"
    )
    first = ". May be the first fact about its subject" if entry.opens else ""
    yield f"Subject: {subject}{first}.\n"
    yield "| Member of `data` | Form | Means |\n|---|---|---|"
    yield from _members(whole["properties"]["data"], whole["$defs"])
    yield ""
    hard = list(described.rules)
    if entry.same_day:
        hard.append(("invalid-data", f"`{entry.same_day}` equals `effectiveon`"))
    for title, rules in (("Hard", hard), ("Soft", described.findings)):
        if rules:
            yield f"**{title}:** " + "; ".join(f"{said} (`{code}`)" for code, said in rules) + ".\n"
    text = msgspec.json.format(msgspec.json.encode(example(entry)["data"]), indent=0).decode()
    yield f'```json\n{{"subject": "{example(entry)["subject"]}", "data": {text}}}\n```\n'


def _members(shape: dict[str, Any], shapes: dict[str, Any], prefix: str = "") -> Iterator[str]:
    shape = _resolved(shape, shapes)
    for name, form in shape["properties"].items():
        optional = "" if name in shape.get("required", ()) else "?"
        yield f"| `{prefix}{name}`{optional} | {_form(form, shapes)} | {form['description']} |"
        inner = _inner(form, shapes)
        if inner is not None:
            yield from _members(inner, shapes, f"{prefix}{name}{'[]' if form.get('type') == 'array' else ''}.")


def _inner(form: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any] | None:
    """The object that a member is, or that its items are, if they are described."""
    for choice in form.get("anyOf", [form]):
        found = _resolved(choice.get("items", choice), shapes)
        if "properties" in found:
            return found
    return None


def _resolved(form: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in form:
        resolved: dict[str, Any] = shapes[form["$ref"].removeprefix("#/$defs/")]
        return resolved
    return form


def _form(form: dict[str, Any], shapes: dict[str, Any]) -> str:
    form = _resolved(form, shapes)
    if "anyOf" in form:
        return " or ".join(_form(each, shapes) for each in form["anyOf"])
    if "enum" in form:
        return " · ".join(f"`{each}`" for each in form["enum"])
    match form.get("type"):
        case "string":
            return _text(form)
        case "integer":
            return f"whole number, {form.get('minimum', '…'):,} to {form.get('maximum', '…'):,}"
        case "array":
            most = f"at most {form['maxItems']:,}" if "maxItems" in form else "any number"
            least = f"at least {form['minItems']}, " if form.get("minItems") else ""
            return f"list ({least}{most}) of {_form(form['items'], shapes)}"
        case "object":
            return "object"
        case "boolean":
            return "`true` · `false`"
        case "null":
            return "null"
        case kind:
            raise ValueError(f"the reference has no words for {kind!r}: add them to deploy/reference/events.py")


def _text(form: dict[str, Any]) -> str:
    if "format" in form:
        return {"date": "day, `YYYY-MM-DD`", "uuid": "UUID"}[form["format"]]
    if "minLength" in form:
        return f"text, {form['minLength']} to {form['maxLength']} characters"
    words = WORDS[form["pattern"].removesuffix("$") + r"\Z"]
    if words == CATEGORIES:
        return "one of " + " · ".join(f"`{each}`" for each in words.removeprefix("one of ").split(", "))
    return words.partition(" of ")[0].removeprefix("an ").removeprefix("a ")


if __name__ == "__main__":
    sys.stdout.write(reference())
