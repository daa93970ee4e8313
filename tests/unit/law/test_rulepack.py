"""The rule pack: what the law said on a day, and how an operator adds what it says next, without code."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from holidays.countries import Vietnam

from shared.events.data import LATEST
from shared.law.calendar import LISTED, is_working_day, months_after, working_days_after
from shared.law.rulepack import LARGEST, RulePack, RulePackError

MADE_UP = {"regulation": "made up", "regulation_vi": "minh hoạ"}
SHORTER = {"rule": "probation", "value": 6, "unit": "months", "from": "2027-07-01", "to": None, **MADE_UP}
CLOSED = {"rule": "holiday", "from": "2027-07-05", "to": "2027-07-06", **MADE_UP}
OPEN = {"rule": "working_day", "from": "2027-07-10", "to": "2027-07-10", **MADE_UP}


def with_added(*entries: dict[str, Any]) -> RulePack:
    return RulePack.with_added(json.dumps(entries))


def probation(pack: RulePack, day: str) -> int | None:
    value = pack.on("probation", date.fromisoformat(day))
    return value.value if value else None


def test_a_value_that_is_added_ends_the_one_before_it() -> None:
    pack = with_added(SHORTER)
    assert [probation(pack, day) for day in ("2027-06-30", "2027-07-01", "2199-12-31")] == [12, 6, 6]
    assert [(value.from_, value.to, value.value) for value in pack.all("probation")] == [
        (date(2011, 1, 19), date(2027, 6, 30), 12),
        (date(2027, 7, 1), None, 6),
    ]
    for_a_while = with_added({**SHORTER, "to": "2027-12-31"}, {**SHORTER, "from": "2028-01-01", "value": 9})
    assert [probation(for_a_while, day) for day in ("2027-12-31", "2028-01-01")] == [6, 9]


def test_a_value_from_the_same_day_on_takes_the_others_place() -> None:
    pack = with_added(SHORTER, {**SHORTER, "value": 8})
    assert probation(pack, "2027-07-01") == 8
    assert len(pack.all("probation")) == 2


def test_every_value_that_is_shipped_is_its_rules_only_one_on_each_of_its_days_and_names_its_regulation() -> None:
    shipped = json.loads(Path("shared/law/rulepack.json").read_text(encoding="utf-8"))
    pack = RulePack.shipped()
    for each in shipped:
        for day in (each["from"], each["to"] or "2199-12-31"):
            found = pack.on(each["rule"], date.fromisoformat(day))
            assert found is not None
            assert (found.value, found.regulation) == (each["value"], each["regulation"])
        assert each["regulation"]
        assert each["regulation_vi"]


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("no JSON", "expected a JSON array of values and days"),
        ("{}", "Expected `array`, got `object`"),
        ([{**SHORTER, "rule": "patience"}], "Invalid enum value 'patience'"),
        ([{**SHORTER, "value": "6"}], "Expected `int`, got `str`"),
        ([{**SHORTER, "unit": "years"}], "expected probation in months, found years"),
        ([{**SHORTER, "to": "2027-06-30"}], "expected `to` of probation on or after 2027-07-01"),
        ([{**SHORTER, "value": -1}], "expected a value of probation of 0 or more"),
        ([{"rule": "probation", "value": 6, "unit": "months", "from": "2027-07-01", "to": None}], "regulation"),
        ([{**CLOSED, "to": None}], "Expected `date`"),
        ([{**CLOSED, "value": 1}], "unknown field `value`"),
        ([{**SHORTER, "value": 10_000}], "at most 9,999"),
        ([{**SHORTER, "rule": "mentor_report", "value": 0}], "mentor_report of 1 or more"),
        ([{**CLOSED, "to": "2028-07-05"}], "at most 366 days of holiday"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_expected(added: Any, said: str) -> None:
    with pytest.raises(RulePackError) as refused:
        RulePack.with_added(added if isinstance(added, str) else json.dumps(added))
    assert said in str(refused.value)


def test_the_largest_value_that_is_taken_leads_to_a_day_of_the_calendar() -> None:
    assert months_after(LATEST, LARGEST) < date.max
    assert working_days_after(LATEST, LARGEST) < date.max


def test_the_days_off_that_are_listed_are_those_that_the_calendar_of_vietnam_has() -> None:
    published = Vietnam(years=LISTED)
    day, differing = date(LISTED[0], 1, 1), []
    while day.year in LISTED:
        if is_working_day(day) != (day.weekday() < 5 and day not in published):
            differing.append(day)
        day += timedelta(days=1)
    assert not differing


@pytest.mark.parametrize(
    ("day", "works"), [("2010-09-02", False), ("2010-09-03", True), ("2036-09-02", False), ("2036-09-08", True)]
)
def test_days_off_of_years_that_are_not_listed_are_worked_out(day: str, works: bool) -> None:
    assert is_working_day(date.fromisoformat(day)) == works


ASKED = """
from datetime import date
from shared.law.calendar import is_working_day, working_days_after
from shared.law.rulepack import law
print(law().on("probation", date(2027, 7, 1)).value, working_days_after(date(2027, 7, 2), 5))
"""


def asked(**environment: str) -> str:
    """What a process says of the law that is given these settings."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("KETNAP_")} | environment
    run = subprocess.run([sys.executable, "-c", ASKED], env=given, capture_output=True, text=True, check=False)
    return run.stdout.strip() or run.stderr.strip().splitlines()[-1]


def test_a_setting_or_the_file_that_it_names_adds_values_and_days(tmp_path: Path) -> None:
    added = json.dumps([SHORTER, CLOSED, OPEN])
    file = tmp_path / "rules.json"
    file.write_text(added, encoding="utf-8")
    assert asked() == "12 2027-07-09"
    assert asked(KETNAP_RULE_PACK=added) == "6 2027-07-12"
    assert asked(KETNAP_RULE_PACK_FILE=str(file)) == "6 2027-07-12"
    assert "KETNAP_RULE_PACK: expected a JSON array" in asked(KETNAP_RULE_PACK="[")
    assert "KETNAP_RULE_PACK_FILE: cannot read" in asked(KETNAP_RULE_PACK_FILE=str(tmp_path / "absent"))


@pytest.mark.parametrize("service", ["registry", "reporting"])
def test_a_service_does_not_begin_with_a_rule_pack_that_makes_no_sense(service: str) -> None:
    settings = {
        "KETNAP_RULE_PACK": json.dumps([{**SHORTER, "unit": "years"}]),
        "KETNAP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "KETNAP_REGISTRY_URL": "http://127.0.0.1:1",
        "KETNAP_CONTENT_KEY": "00" * 32,
        "KETNAP_MASTER_KEY": "00" * 32,
    }
    given = {name: value for name, value in os.environ.items() if not name.startswith("KETNAP_")} | settings
    run = subprocess.run(
        [sys.executable, "-m", f"services.{service}"], env=given, capture_output=True, text=True, check=False
    )
    said = f"ketnap {service}: KETNAP_RULE_PACK: expected probation in months, found years\n"
    assert (run.returncode, run.stderr) == (2, said)
