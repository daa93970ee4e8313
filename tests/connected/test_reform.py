"""The reform of 1 July 2025 on a whole system: what is lost, what is doubled, and what it was a day before.

As published: communes merge, the district tier ends on the same day, and its grassroots organisations come under
commune committees. Names and numbers here are made up.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.faults.system import System, eventually
from tests.given import (
    balance,
    corrected,
    enrolled,
    event,
    identified,
    merged,
    new_uuid,
    organisation,
    root,
    split,
    target,
)

BEFORE, DAY = "2025-06-30", "2025-07-01"
ANA, BAO = new_uuid(), new_uuid()
PLACE = {"name": "Bản 1", "kind": "village", "organisation_id": "commune-1", "tags": []}
AIM = {"metric": "admissions", "basis": "assigned", "issuer_id": "root", "from_": "2025-01-01", "to": "2025-12-31"}

HISTORY = [
    root(),
    organisation("district", kind="intermediate_committee"),
    organisation("commune-1", kind="grassroots_committee", parent="district"),
    organisation("commune-2", kind="grassroots_committee", parent="district"),
    organisation("school", kind="grassroots_cell", sector="education", parent="district"),
    organisation("cell-1", parent="commune-1"),
    organisation("cell-2", parent="commune-2"),
    event("PlaceRegistered", "place/ban-1", "2024-01-01", PLACE),
    event("PlaceCovered", "place/ban-1", "2024-01-02", {"cell_id": "cell-1", "shared": False}),
    balance("cell-1", "2024-01-01", 21, 2),
    balance("cell-2", "2024-01-01", 34, 1),
    balance("commune-1", "2024-01-01", 3),
    balance("school", "2024-01-01", 13),
    enrolled(ANA, "2024-02-01", "commune-1"),
    identified(BAO, "2024-02-01", "commune-2"),
    target("commune-1", "2025-01-02", value=4, **AIM),
    target("commune-2", "2025-01-02", value=5, **AIM),
]
MERGER = merged("new-commune", DAY, "commune-1", "commune-2", targets="sum")
REFORM = [
    organisation("new-commune", DAY, kind="intermediate_committee", time=f"{DAY}T00:00:00+07:00"),
    MERGER,
    event("OrganisationReparented", "organisation/school", DAY, {"parent_id": "new-commune"}),
    event("OrganisationDissolved", "organisation/district", DAY),
]
EVERYBODY = 21 + 2 + 34 + 1 + 3 + 13 + 1


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A province before the reform."""
    system = System(tmp_path_factory.mktemp("reform"))
    system.start()
    try:
        system.add_source("dien-bien", "root")
        _publish(system, HISTORY)
        yield system
    finally:
        if system.running:
            system.stop()


def _file(system: System, events: list[dict[str, Any]]) -> str:
    file = system.directory / "events.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in events), encoding="utf-8")
    return str(file)


def _publish(system: System, events: list[dict[str, Any]]) -> None:
    credentials = system.directory / "dien-bien.creds"
    done = system.ketnap("publish", _file(system, events), "--source", "dien-bien", "--creds", credentials)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "quarantined" not in " ".join(line for line in done.stdout.split("\n") if " 0" not in line), done.stdout


async def _reports(system: System, position: int) -> dict[str, Any]:
    """Figures on both days, once this position is projected."""
    async with httpx.AsyncClient(base_url=f"{system.url('reporting')}/v1/organisations", timeout=30) as http:

        async def get(path: str) -> Any:
            answer = await http.get(f"{path}&min_position={position}")
            return answer.json() if answer.status_code == 200 else None

        async def members(path: str) -> Any:
            found = await eventually(lambda: get(path), path)
            return found["members"]["total"]

        found = {
            "before": await members(f"root/totals?as_of={BEFORE}"),
            "after": await members(f"root/totals?as_of={DAY}"),
            "district before": await members(f"district/totals?as_of={BEFORE}"),
            "district after": await members(f"district/totals?as_of={DAY}"),
            "commune after": await members(f"new-commune/totals?as_of={DAY}"),
            "commune's before": await members(f"new-commune/totals?as_of={BEFORE}&hierarchy=current"),
        }
        year = f"from=2025-01-01&to=2025-12-31&as_of={DAY}"
        movements = await eventually(lambda: get(f"new-commune/movements?{year}"), "movements")
        found["movements"] = {
            name: movements[name] for name in ("opening", "reorganised_in", "closing", "residual")
        }
        attainment = await eventually(lambda: get(f"new-commune/attainment?{year}"), "attainment")
        found["targets"] = [each["target"] for each in attainment["targets"]]
        found["places"] = attainment["actuals"]["places_without_members"]
        return found


def test_a_dry_run_says_what_the_merger_would_move(system: System) -> None:
    said = system.ketnap("validate", _file(system, REFORM))

    assert said.returncode == 0, said.stdout + said.stderr
    assert (
        "Reorganisation from commune-1, commune-2 to new-commune on 2025-07-01: 4 members, 1 open candidates, "
        "2 organisations, 1 places, 2 targets (added up where they agree); in all members 4 before and 4 after, "
        "open candidates 1 and 1."
    ) in " ".join(said.stdout.split())


async def test_nobody_is_lost_or_doubled_and_a_mistaken_merger_is_taken_back(
    system: System,
) -> None:
    _publish(system, REFORM)
    after = await _reports(system, len(HISTORY) + len(REFORM))
    assert after == {
        "before": EVERYBODY,
        "after": EVERYBODY,
        "district before": EVERYBODY,
        "district after": 0,
        "commune after": EVERYBODY,
        "commune's before": EVERYBODY,
        "movements": {"opening": 0, "reorganised_in": EVERYBODY, "closing": EVERYBODY, "residual": 0},
        "targets": [9],
        "places": 0,
    }

    only_one = corrected(MERGER, {"data": {"sources": ["commune-1"], "targets": "sum"}})
    _publish(system, [only_one, split("new-commune", "2025-08-01", **{"cell-2": [ANA]})])
    corrected_ = await _reports(system, len(HISTORY) + len(REFORM) + 2)
    # What hangs under a tier that has ended still hangs under the province.
    assert corrected_["after"] == EVERYBODY
    assert corrected_["commune after"] == 21 + 2 + 3 + 1 + 13
    assert corrected_["targets"] == [4]

    verified = system.ketnap("log", "verify")
    assert verified.returncode == 0, verified.stdout
