"""The page of all event types says what the catalogue says, and the registry takes its examples."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from deploy.reference.events import DESCRIBED, example, reference
from services.registry.rules import findings
from shared.events.asyncapi import document
from shared.events.catalogue import CATALOGUE, NAMES
from shared.events.codec import read
from shared.events.receipts import QuarantineCode, RejectionCode
from shared.events.schema import schema

PAGE = Path(__file__).parents[3] / "docs" / "events.md"
ASYNCAPI = document()


def test_the_page_is_as_the_catalogue_makes_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "docs/events.md is not up to date: run `make reference`"
    )


def test_every_type_and_version_of_the_catalogue_is_described_and_nothing_else() -> None:
    assert set(DESCRIBED) == NAMES, "describe each type in deploy/reference/events.json"
    described = {f"{name}.v{version}" for name, each in DESCRIBED.items() for version in each.examples}
    assert described == set(CATALOGUE), "give each version an example in deploy/reference/events.json"


def test_the_codes_that_are_described_are_codes_of_the_contract() -> None:
    known = {*get_args(QuarantineCode), *get_args(RejectionCode)}
    assert {code for each in DESCRIBED.values() for code, _ in each.rules} <= known
    source = Path(findings.__file__).read_text(encoding="utf-8")
    for each in DESCRIBED.values():
        for code, _ in each.findings:
            assert f'"{code}"' in source, f"no finding {code} is given by services/registry/rules/findings.py"


@pytest.mark.parametrize("type_", CATALOGUE)
def test_an_example_is_taken_by_the_codec_and_by_both_schemas(type_: str) -> None:
    given = example(CATALOGUE[type_])
    found = read(json.dumps(given).encode(), "my-province", given["type"].partition(".")[0])
    assert found.fault is None
    payload = ASYNCAPI["components"]["messages"][type_]["payload"]
    for shape in (schema(CATALOGUE[type_]), {**payload, "components": ASYNCAPI["components"]}):
        validator = jsonschema.Draft202012Validator(shape)
        validator.validate(given)
        for broken in _broken(given):
            assert not validator.is_valid(broken)


def _broken(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**given, "data": {**given["data"], "full_name": "x"}},
        {**given, "type": "MemberPromoted.v1"},
        {name: value for name, value in given.items() if name != "data"},
        {name: value for name, value in given.items() if name != "subject"},
    ]


def test_a_correction_may_be_about_any_kind_of_subject() -> None:
    given = example(CATALOGUE["FactCorrected.v1"])
    validator = jsonschema.Draft202012Validator(schema(CATALOGUE["FactCorrected.v1"]))
    for subject in (given["subject"], "organisation/cell-1", "place/ban-1"):
        validator.validate({**given, "subject": subject})
        assert read(json.dumps({**given, "subject": subject}).encode(), "my-province").fault is None
    assert not validator.is_valid({**given, "subject": "target/t-1"})
    validator.validate({**given, "data": {**given["data"], "replacement": None}})
    assert not validator.is_valid({**given, "data": {"corrects": given["id"], "reason": "other"}})
