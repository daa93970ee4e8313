"""Reporting: whatever is asked of it, in and out of what its OpenAPI document allows, it never fails.

schemathesis makes up the questions, from the document that the service shows. So that they reach the figures and
not only the first check, ids, days and positions of those that it allows are narrowed to those of a made-up
province. Passed over: `/v1/live`, which does not end, and what is not about organisations (health, metrics, the
document itself).
"""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from services.reporting.reports.made_of import figures_of
from services.reporting.reports.question import Organisation, Question
from tests.conftest import Database
from tests.integration.reporting_given import TODAY, running_reporting
from tests.integration.test_reporting_every_figure import history

EXAMPLES = {GenerationMode.POSITIVE: 15, GenerationMode.NEGATIVE: 5}
"""Questions for each call; those that the document does not allow take longer to make up."""


def one_of(values: list[str]) -> dict[str, Any]:
    return {"type": "string", "enum": values}


def measures() -> list[str]:
    nobody = Organisation("root", "", "cell")
    question = Question(nobody, "root", TODAY, 1, None, "as_was", TODAY, TODAY, TODAY)
    return sorted({f"{report}.{path}" for report, path, _ in figures_of(question)})


def narrowed(document: dict[str, Any], positions: int) -> dict[str, Any]:
    """The calls about organisations, asked without a key and mostly about what is there."""
    moments = [*map(str, range(1, positions, 7)), "2022-01-01T00:20:00+07:00"]
    forms = {
        "organisation_id": one_of(["root", "district", "commune", "cell", "emptied", "factory"]),
        "measure": one_of([*measures(), "attainment_percent"]),
        "known_at": one_of(moments),
        "since": one_of(["1", "2022-01-01T00:01:00+07:00"]),
        "report": one_of(["totals", "movements", "coverage,structure", "enterprise"]),
        "as_of": one_of(["2022-02-15", "2022-10-01", "2022-12-31", "2025-07-01"]),
        "from": one_of(["2022-01-01", "2022-06-30"]),
        "to": one_of(["2022-06-30", "2022-12-31"]),
        "min_position": one_of([str(number) for number in range(positions)]),
        "after": one_of(["0", "WzAsImJhbi0xIl0="]),
    }
    paths = {path: item for path, item in document["paths"].items() if path.startswith("/v1/organisations")}
    for item in paths.values():
        for parameter in item["get"]["parameters"]:
            parameter["schema"] = forms.get(parameter["name"], parameter["schema"])
            parameter["required"] = parameter["name"] in ("organisation_id", "as_of", "from", "to")
    return {**document, "paths": paths, "security": []}


def made_up(document: dict[str, Any], mode: GenerationMode) -> list[schemathesis.Case]:
    """Questions for every call of the document."""
    found: list[schemathesis.Case] = []
    for operation in schemathesis.openapi.from_dict(document).get_all_operations():

        @settings(
            max_examples=EXAMPLES[mode],
            database=None,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(operation.ok().as_strategy(generation_mode=mode))
        def gather(case: schemathesis.Case) -> None:
            found.append(case)

        gather()
    return found


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_question_makes_it_fail(
    database: Database, monkeypatch: pytest.MonkeyPatch, mode: GenerationMode
) -> None:
    monkeypatch.setattr("services.reporting.api.routes.PATIENCE", 0.01)
    async with running_reporting(database) as reporting:
        position = await reporting.project(*history())
        document = (await reporting.http.get("/schema/openapi.json")).json()
        cases = made_up(narrowed(document, position), mode)

        answered: Counter[int] = Counter()
        for case in cases:
            asked = case.as_transport_kwargs(base_url="http://localhost")
            response = await reporting.http.get(asked["url"], params=asked["params"])
            problem = response.status_code == 503 and "min_position" in asked["params"]
            assert response.status_code < 500 or problem, (asked["url"], asked["params"], response.text)
            answered[response.status_code] += 1

    assert len(cases) >= 30
    if mode is GenerationMode.POSITIVE:
        assert answered[200] >= len(cases) / 2, answered  # or the figures were hardly reached
