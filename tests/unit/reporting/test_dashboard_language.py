"""The dashboard's languages: every word in both, figures as each writes them."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.resources import files
from string import Formatter
from typing import get_args

import pytest

from services.reporting.dashboard.contents import GROUPS, OVERVIEW, PAGES
from services.reporting.dashboard.language import LANGUAGES, spoken
from services.reporting.dashboard.view import SIGNS
from services.reporting.dashboard.views.candidates import REASONS
from services.reporting.dashboard.views.movements import GAINS, LOSSES
from services.reporting.reports.coverage import FLAGS
from services.reporting.reports.figures import COVERAGE_COUNTS, ENTERPRISE_COUNTS
from services.reporting.reports.spans import STEPS
from shared.events.catalogue import NAMES
from shared.events.vocabulary import ORGANISATION_KINDS, SECTORS, Basis, Comparison, Metric
from shared.timeline.attainment import Status
from shared.timeline.person import STAGES

VI, EN = LANGUAGES["vi"], LANGUAGES["en"]
PACKAGE = files("services.reporting.dashboard")

FAMILIES: dict[str, tuple[str, ...]] = {
    "kind.": ORGANISATION_KINDS,
    "metric.": get_args(Metric),
    "basis.": get_args(Basis),
    "comparison.": get_args(Comparison),
    "status.": get_args(Status),
    "stage.": STAGES,
    "sector.": SECTORS,
    "event.": tuple(NAMES),
    "place_kind.": ("village", "residential_group", "private_enterprise"),
    "targets.": ("target", "actual", "percent", "difference", "expected", "remaining"),
    "structure.": ("by_kind", "by_sector"),
    "coverage.count_": COVERAGE_COUNTS,
    "enterprise.count_": ENTERPRISE_COUNTS,
    "flag.": FLAGS,
    "evidence.": ("link", "inputs"),
    "funnel.": ("went_on", "went_on_percent", "closed", "otherwise", "still"),
    "blocked.count_": ("cells", "with_candidates", "blocked", "candidates"),
    "reason.": REASONS,
    "timeliness.": ("due", "on_time", "missed", "on_time_percent", "late", "open", "overdue"),
    "deadline.": (
        "mentor_assignment",
        "decision_admission",
        "ceremony",
        "confirmation",
        "decision_confirmation",
        "transfer",
        "probation",
        "certificate",
        "mentor_report",
        "mentor_report_due",
        "mentor_load",
    ),
    "unit.": ("calendar_days", "working_days", "months", "persons"),
    "mentoring.": (
        "due",
        "in",
        "late",
        "without_candidates",
        "without_probationary",
        "has_1",
        "has_2",
        "has_3",
        "has_4_or_more",
    ),
    "training.": ("unused", "valid", "expired", "in_use"),
    "profile.": ("withheld", "unstated", "of_stated", "of_all"),
    "restatement.closed_": ("own", "above"),
    "series.": ("level", "flow"),
    "because.": ("recorded", "moved"),
    "format.": ("month", "quarter", "year"),
    "step.": STEPS,
    "order.": ("desc", "asc"),
    "group.": GROUPS,
    "question.": tuple(PAGES.keys() - {OVERVIEW}),
    "movement.": ("opening", *GAINS, *LOSSES, "residual", "closing"),
    "hierarchy.": ("as_was", "current"),
    "login.": ("refused", "away", "without_figures"),
    "quick.": ("month", "quarter", "year"),
    "error.hint_": ("day", "period", "known", "step"),
    "error.": tuple(
        f"{kind}.{part}"
        for kind in ("unknown", "unknown_then", "unreadable", "foreign", "without_figures", "failed")
        for part in ("title", "said", "next")
    ),
}
"""Keys that code puts together: how they begin, and all their ends."""


def said() -> Iterator[str]:
    """Every key that templates and code ask for."""
    folders = (PACKAGE, PACKAGE.joinpath("templates"), PACKAGE.joinpath("views"))
    sources = [each for folder in folders for each in folder.iterdir() if each.is_file()]
    for source in sources:
        if source.name.endswith((".html", ".py")):
            text = source.read_text(encoding="utf-8")
            yield from re.findall(r"""\b(?:t|text)\(\s*["']([a-z_.]+\.[a-z_0-9]+)["']""", text)
            yield from re.findall(r"""["'](format\.[a-z_]+)["']""", text)
    for beginning, ends in FAMILIES.items():
        yield from (beginning + end for end in ends)


def test_both_languages_say_all_that_is_asked_for_and_nothing_else() -> None:
    asked = set(said())
    assert set(VI.texts) == asked
    assert set(EN.texts) == asked


def test_no_text_is_empty_and_both_fill_in_the_same_values() -> None:
    def values(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for key, vietnamese in VI.texts.items():
        assert vietnamese, key
        assert EN.texts[key], key
        assert values(vietnamese) == values(EN.texts[key]), key


def test_every_status_has_a_sign_beside_its_colour() -> None:
    assert set(SIGNS) == set(get_args(Status))
    assert len(set(SIGNS.values())) == len(SIGNS)


@pytest.mark.parametrize(
    ("share", "vietnamese", "english"),
    [
        (155.0, "155,0\u00a0%", "155.0%"),
        (33.3, "33,3\u00a0%", "33.3%"),
        (0.0, "0,0\u00a0%", "0.0%"),
        (1234.5, "1.234,5\u00a0%", "1,234.5%"),
        (None, "–", "–"),
    ],
)
def test_shares(share: float | None, vietnamese: str, english: str) -> None:
    assert VI.percent(share) == vietnamese
    assert EN.percent(share) == english


@pytest.mark.parametrize(
    ("share", "vietnamese", "english"),
    [
        (55.0, "+55,0\u00a0%", "+55.0%"),
        (-12.5, "−12,5\u00a0%", "−12.5%"),
        (0.0, "0,0\u00a0%", "0.0%"),
        (None, "–", "–"),
    ],
)
def test_differences_carry_their_sign(share: float | None, vietnamese: str, english: str) -> None:
    assert VI.difference(share) == vietnamese
    assert EN.difference(share) == english


def test_numbers_days_and_times() -> None:
    noon = datetime(2022, 11, 30, 5, tzinfo=UTC)
    assert (VI.number(6101), EN.number(6101)) == ("6.101", "6,101")
    assert (VI.number(283.7), EN.number(283.7)) == ("283,7", "283.7")
    assert (VI.number(183.0), EN.number(183.0)) == ("183,0", "183.0")
    assert (VI.day(date(2022, 11, 3)), EN.day(date(2022, 11, 3))) == ("03/11/2022", "3 Nov 2022")
    assert (VI.moment(noon), EN.moment(noon)) == ("12:00:00 30/11/2022", "12:00:00, 30 Nov 2022")


@pytest.mark.parametrize(
    ("asked", "accepted", "found"),
    [
        (None, "", "vi"),
        (None, "fr, de;q=0.9", "vi"),
        (None, "en-US,en;q=0.9,vi;q=0.8", "en"),
        (None, "en;q=0.5, vi-VN;q=0.9", "vi"),
        (None, "en;q=0", "vi"),
        (None, "en;q=x, ;;,*", "vi"),
        ("en", "vi", "en"),
        ("vi", "en", "vi"),
        ("fr", "en", "en"),
    ],
)
def test_the_address_decides_the_language_then_the_browser(asked: str | None, accepted: str, found: str) -> None:
    assert spoken(asked, accepted).code == found
