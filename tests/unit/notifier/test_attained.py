"""Rule A2: given a target and what was said of it, when a day's actual comes in, then what is said."""

from datetime import date
from typing import Any

import pytest

from services.notifier.rules.attained import Said, Target, Verdict, alert_id, judge
from shared.events.vocabulary import Comparison

MIDYEAR = date(2022, 6, 30)
END = date(2022, 12, 31)


def target(comparison: Comparison = "at_least", value: int = 10, **more: Any) -> Target:
    given: dict[str, Any] = {
        "target_id": "t",
        "organisation_id": "district",
        "since": date(2022, 1, 1),
        "metric": "admissions",
        "basis": "resolution",
        "issuer_id": "province",
        "first": date(2022, 1, 1),
        "last": END,
        "comparison": comparison,
        "value": value,
        "holder": "district",
        "until": date.max,
    }
    return Target(**given | more)


def verdict(given: Target, actual: int, *said: Said, on: date = MIDYEAR) -> Verdict:
    return judge(given.judged(actual, on).status, said)


ATTAINED, EXCEEDED = Said("attained", resolved=False), Said("exceeded", resolved=False)
ATTAINED_GONE, EXCEEDED_GONE = Said("attained", resolved=True), Said("exceeded", resolved=True)


def test_short_of_the_target_nothing_is_said() -> None:
    assert verdict(target(), 9) == Verdict()


def test_reaching_it_says_attained() -> None:
    assert verdict(target(), 10) == Verdict(raises="attained")


def test_staying_on_it_says_nothing_again() -> None:
    assert verdict(target(), 10, ATTAINED) == Verdict()


def test_going_over_it_after_attaining_it_says_exceeded_and_both_stand() -> None:
    assert verdict(target(), 11, ATTAINED) == Verdict(raises="exceeded")


def test_jumping_over_it_says_exceeded_only() -> None:
    assert verdict(target(), 12) == Verdict(raises="exceeded")


def test_going_further_over_says_nothing_again() -> None:
    assert verdict(target(), 300, EXCEEDED) == Verdict()


def test_a_correction_below_it_resolves_what_was_said() -> None:
    assert verdict(target(), 9, ATTAINED, EXCEEDED) == Verdict(resolves=("attained", "exceeded"))


def test_a_correction_down_to_it_resolves_exceeded_only() -> None:
    assert verdict(target(), 10, ATTAINED, EXCEEDED) == Verdict(resolves=("exceeded",))


def test_reaching_it_again_reopens_and_sends_nothing() -> None:
    assert verdict(target(), 10, ATTAINED_GONE) == Verdict(reopens=("attained",))


def test_jumping_over_it_again_reopens_both() -> None:
    assert verdict(target(), 11, ATTAINED_GONE, EXCEEDED_GONE) == Verdict(reopens=("attained", "exceeded"))


def test_what_is_resolved_and_stays_so_is_left_alone() -> None:
    assert verdict(target(), 9, ATTAINED_GONE) == Verdict()


@pytest.mark.parametrize(
    ("actual", "on", "raises"),
    [(8, MIDYEAR, None), (8, END, "attained"), (10, END, "attained"), (11, END, None), (11, MIDYEAR, None)],
)
def test_at_most_is_attained_when_the_period_is_over(actual: int, on: date, raises: str | None) -> None:
    assert verdict(target("at_most"), actual, on=on).raises == raises


def test_a_level_at_most_is_attained_as_soon_as_it_is_within() -> None:
    level = target("at_most", 3, metric="places_without_members")
    assert verdict(level, 4) == Verdict()
    assert verdict(level, 3) == Verdict(raises="attained")
    assert verdict(level, 4, ATTAINED) == Verdict(resolves=("attained",))


@pytest.mark.parametrize(("actual", "raises"), [(9, None), (10, "attained"), (11, None)])
def test_exactly_is_attained_on_the_spot_and_never_exceeded(actual: int, raises: str | None) -> None:
    assert verdict(target("exactly"), actual).raises == raises


def test_exactly_that_is_overshot_is_resolved() -> None:
    assert verdict(target("exactly"), 11, ATTAINED) == Verdict(resolves=("attained",))


def test_a_flow_counts_its_period_up_to_the_day_and_a_level_that_one_day() -> None:
    assert target().window(MIDYEAR) == (date(2022, 1, 1), MIDYEAR)
    assert target().window(date(2023, 5, 1)) == (date(2022, 1, 1), END)
    assert target(metric="members").window(MIDYEAR) == (MIDYEAR, MIDYEAR)
    assert target(metric="members").window(date(2023, 5, 1)) == (END, END)


def test_a_target_that_is_not_known_yet_or_not_begun_is_not_judged() -> None:
    assert not target(since=date(2022, 7, 1)).begun(MIDYEAR)
    assert not target(first=date(2022, 7, 1)).begun(MIDYEAR)
    assert target(since=MIDYEAR, first=MIDYEAR).begun(MIDYEAR)


def test_the_same_alert_has_the_same_identity_everywhere() -> None:
    assert str(alert_id("t", "attained")) == "a1e3a76b-e63c-5865-bb5d-a2eaf895bf4f"
    assert len({alert_id("t", "attained"), alert_id("t", "exceeded"), alert_id("u", "attained")}) == 3
