"""What pages name is there: pages and their headings, files, make targets, settings."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
OF_TODAY = [page for page in PAGES if page.parent.name != "adr" and page.name != "CHANGELOG.md"]
"""Decisions and the changelog tell of their own day."""
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_page_of_today = pytest.mark.parametrize("page", OF_TODAY, ids=lambda page: page.name)


def prose(page: Path) -> str:
    """The page without its blocks of code, in which `#` begins a comment."""
    return re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def headings(page: Path) -> set[str]:
    """Anchors of the page, as they are made from its headings."""
    found = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


@each_page
def test_every_link_leads_to_a_page_and_heading_that_are_there(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        name, _, heading = target.partition("#")
        found = (page.parent / name) if name else page
        if not found.exists() or (heading and heading not in headings(found)):
            lost.append(target)

    assert lost == []


@cache
def files() -> tuple[str, ...]:
    """Every file of ours, as a path from the checkout."""
    parts = ("shared", "services", "deploy", "tests", "benchmarks", "docs", ".ci")
    found = [path for part in parts for path in (ROOT / part).rglob("*") if "__pycache__" not in path.parts]
    return tuple(str(path.relative_to(ROOT)) for path in [*found, *ROOT.glob("*")])


@each_page_of_today
def test_every_file_that_is_named_is_there(page: Path) -> None:
    lost = []
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        named = re.fullmatch(
            r"[\w.*/-]+\.(?:py|sql|json|md|html|po|yml)|(?:deploy|services|shared|tests)/[\w./*-]+", code
        )
        if named is None or "KETNAP" in code or "NAME" in code:
            continue
        wanted = "[^/]*".join(re.escape(part) for part in code.rstrip("/").split("*"))
        pattern = re.compile(rf"(?:.*/)?{wanted}")
        if not any(map(pattern.fullmatch, files())):
            lost.append(code)

    assert [each for each in lost if each not in EXPLAINED] == []


EXPLAINED = {
    ".bench/results.json",
    "access/keys.json",
    "keys.json",
    "stack.json",
    "cluster/compose.yaml",
}
"""Files that an installation or a run makes, not the checkout."""


@each_page_of_today
def test_every_target_of_make_that_is_named_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", page.read_text("utf-8"), flags=re.MULTILINE))

    assert named - targets == set()


@cache
def settings() -> frozenset[str]:
    """Every `KETNAP_…` that code, containers, tests or make read."""
    suffixes = (".py", ".yaml", ".sh", ".toml", "Makefile", "Dockerfile", "build", "with-engine", ".yml")
    lower_case = re.compile(r"^    ([a-z][a-z0-9_]+): ", re.MULTILINE)  # members of structs of settings
    texts = [
        (ROOT / each).read_text("utf-8") for each in files() if each.endswith(suffixes) and (ROOT / each).is_file()
    ]
    text = "\n".join(texts)
    members = {f"KETNAP_{each.upper()}" for each in lower_case.findall(text)}
    return frozenset(re.findall(r"KETNAP_[A-Z0-9_]*[A-Z0-9]", text)) | members


@each_page_of_today
def test_every_setting_that_is_named_is_read(page: Path) -> None:
    named = set(re.findall(r"KETNAP_[A-Z0-9_]*[A-Z0-9](?!_…)\b", page.read_text("utf-8")))

    assert {each for each in named if not {each, each.removesuffix("_FILE")} & settings()} == set()


def test_a_setting_that_a_page_names_for_containers_is_handed_to_them() -> None:
    table = (ROOT / "docs/install.md").read_text("utf-8").partition("## Settings")[2].partition("\n## ")[0]
    tokens = (ROOT / "docs/access.md").read_text("utf-8").partition("## Tokens")[2].partition("\n## ")[0]
    named = " ".join(re.findall(r"^\| (`KETNAP_.*?) \|", table, flags=re.MULTILINE))
    wanted = set(re.findall(r"KETNAP_[A-Z_]*[A-Z](?!_…)\b", named)) | set(
        re.findall(r"KETNAP_OIDC_[A-Z_]*[A-Z]", tokens)
    )

    handed = "\n".join(path.read_text("utf-8") for path in (ROOT / "deploy").glob("compose*.yaml"))
    assert len(wanted) > 20
    assert {each for each in wanted if f"${{{each}:" not in handed} == set()
