"""Every command of `ketnap` that a page names is there, with the options that stand beside it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deploy.cli import application

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS: Any = typer.main.get_command(application())


def _named(text: str) -> Iterator[str]:
    """What follows `ketnap` in code of a page, up to where the command ends."""
    text = text.replace("\\\n", " ")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield from _after(line)
    for span in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        yield from _after(span)


def _after(code: str) -> Iterator[str]:
    for part in re.split(r"&&|[;|#>]", code):
        found = re.search(r"(?:^|[\s/])ketnap ((?:[a-z]+)\b.*)", part)
        if found and "mkdir" not in part:
            yield found[1]


def _wrong(usage: str) -> str | None:
    """What of a usage is not there. `rotate|drop` and `rotate/drop` name several."""
    words = usage.split()
    commands = [COMMANDS.commands.get(each) for each in words[0].split("/")]
    if None in commands:
        return words[0]
    options = {option for each in commands for parameter in each.params for option in parameter.opts}
    for group in (each for each in commands if hasattr(each, "commands")):
        names = re.split(r"[|/]", words[1]) if len(words) > 1 else []
        for name in (each for each in names if each not in ("…", "")):
            if name not in group.commands:
                return f"{words[0]} {name}"
            options |= {option for parameter in group.commands[name].params for option in parameter.opts}
    unknown = [each for each in re.findall(r"(?<=\s)--[a-z-]+", usage) if each not in options]
    return f"{usage}: {unknown}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    assert [wrong for usage in _named(page.read_text("utf-8")) if (wrong := _wrong(usage))] == []


def test_pages_name_nearly_all_commands() -> None:
    named = {usage.split()[0] for page in PAGES for usage in _named(page.read_text("utf-8"))}

    assert set(COMMANDS.commands) - named == set()
