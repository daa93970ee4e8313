"""What waits fits on 80 columns, whole: no id is cut, and every line says something."""

import io
import re
from typing import Any

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deploy.cli.quarantine import app
from deploy.cli.quarantine_view import age, rehearsal, waiting_table
from services.registry.api.quarantine import Discard

PERSON = "7f3c2f6e-6d0b-4c1a-9f44-0d3c5a1b2e01"
EVENT = "01976c1e-0000-7000-8000-000000000005"
ITEM: dict[str, Any] = {
    "source": "mot-tinh-rat-dai-ten-va-con-dai-",
    "event_id": EVENT,
    "age_seconds": 11_000,
    "event": {"type": "MentorReportSubmitted.v1", "effectiveon": "2022-06-01", "subject": f"person/{PERSON}"},
    "reason": {
        "code": "unknown-subject",
        "message": f"expected person/{PERSON} to be on record, found no fact about it",
    },
    "waits_for": [
        {
            "kind": "person",
            "id": PERSON,
            "known": False,
            "others": 1234,
            "message": f"the first fact about person/{PERSON}, which is not on record: CandidateIdentified",
        }
    ],
}


def printed(what: Any) -> list[str]:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_no_line_is_longer_than_80_and_no_id_is_cut() -> None:
    lines = printed(waiting_table([ITEM, ITEM]))
    assert max(map(len, lines)) <= 80
    whole = "\n".join(lines)
    assert whole.count(f"{ITEM['source']} {EVENT}") == 2
    assert whole.count(PERSON) == 6
    assert re.search(r"^3 h +MentorReportSubmitted", whole, re.MULTILINE)
    assert "1,234 more wait for it" in " ".join(whole.split())


def test_a_rehearsal_shows_each_course_with_its_figures() -> None:
    other = {"type": "MemberAdmitted.v1", "event_id": EVENT, "effectiveon": "2022-06-01", "outcome": "recorded"}
    change = {"organisation": "o" * 24, "measure": "members.probationary", "day": "2022-06-01", "change": -1200}
    waits = {"outcome": "quarantined", "reason": ITEM["reason"], "findings": [], "releases": [], "changes": []}
    found = {
        **ITEM,
        "now": waits,
        "supposed": [
            {"type": "CandidateIdentified.v1", "subject": f"person/{PERSON}", "effectiveon": "2022-06-01"}
        ],
        "if_it_came": {
            **waits,
            "outcome": "recorded",
            "reason": None,
            "releases": [other] * 25,
            "changes": [change],
        },
        "if_discarded": {"strands": [other], "changes": []},
        "complete": True,
    }
    lines = printed(rehearsal(found))
    assert max(map(len, lines)) <= 80
    whole = "\n".join(lines)
    assert "25 other events would be released with it" in whole
    assert "… and 5 more" in whole
    assert re.search(r"o{24} +members\.probationary +2022-06-01 +-1,200", whole)
    assert "1 other events would go on waiting" in whole

    unknown = " ".join(
        " ".join(printed(rehearsal({**found, "if_it_came": None, "supposed": [], "complete": False}))).split()
    )
    assert "cannot be told from the event alone" in unknown
    assert "lists and figures are a part only" in unknown


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (200_000, "2 d")]
)
def test_an_age_is_said_in_its_largest_unit(seconds: int, said: str) -> None:
    assert age(seconds) == said


@pytest.mark.parametrize("command", ["list", "retry"])
def test_a_code_that_nothing_waits_for_is_wrong_usage_and_not_an_empty_list(command: str) -> None:
    refused = CliRunner().invoke(app, [command, "--code", "unknown-subjects"])
    assert (refused.exit_code, "unknown-subjects" in refused.output) == (2, True)


def test_an_id_that_is_none_is_named_as_the_help_names_it() -> None:
    refused = CliRunner().invoke(app, ["retry", "dien-bien", "17"])
    assert (refused.exit_code, "EVENT_ID: expected a UUID, found '17'" in refused.output) == (2, True), (
        refused.output
    )


@pytest.mark.parametrize("reason", ["", "a\nb", "a\n", "a\0", "x" * 301, "sai mã", "x" * 300, " ", "\x7f"])
def test_a_reason_that_the_registry_would_not_take_is_wrong_usage(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("deploy.cli.quarantine._ask", lambda *_, **options: asked.append(options["json"]))
    said = CliRunner().invoke(app, ["discard", "dien-bien", EVENT, "--reason", reason])
    try:
        msgspec.convert({"reason": reason}, Discard)
    except msgspec.ValidationError:
        assert (said.exit_code, asked) == (2, [])
    else:
        assert (said.exit_code, asked) == (0, [{"reason": reason}])
