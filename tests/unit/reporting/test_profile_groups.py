"""Groups of a profile: who of which age is in which band, and which figures are told without evidence."""

from services.reporting.reports.profile import GROUPS, Part, group_of, is_of_profile


def test_the_oldest_and_the_youngest_of_each_age_band_are_in_it() -> None:
    ages = (17, 18, 30, 31, 40, 41, 50, 51, 60, 61)

    assert [group_of("age", age) for age in ages] == [
        "under_18", "18_30", "18_30", "31_40", "31_40", "41_50", "41_50", "51_60", "51_60", "over_60",
    ]  # fmt: skip
    assert {group_of("age", age) for age in ages} == set(GROUPS["age"])


def test_no_figure_by_attribute_or_category_nor_what_is_left_of_one_has_evidence() -> None:
    figures = [*(f"by_{attribute}.one" for attribute in Part().attributes), "by_category.worker"]
    figures += [f"{rest}.{attribute}" for rest in ("unstated", "withheld") for attribute in GROUPS]

    assert [each for each in figures if not is_of_profile(each) or not is_of_profile(f"profile.{each}")] == []
    assert [each for each in ("admitted", "unread", "erased") if is_of_profile(each)] == []
