"""Two versions of one event type side by side, from the source through the registry to reporting's figures."""

import json
from typing import Any

from shared.events.recorded import read_recorded
from tests.connected.conftest import RunningRegistry
from tests.given import event, identified, new_uuid, organisation, root
from tests.integration.reporting_given import running_reporting

YEAR = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"


def trained(person: str, day: str, version: int) -> dict[str, Any]:
    certificate = {"ref": "GCN-1", "issued_on": day}
    data = (
        {"certificate_ref": "GCN-1", "issued_on": day}
        if version == 1
        else {"certificate": {**certificate, "grade": "good"}}
    )
    return {
        **event("TrainingCompleted", f"person/{person}", day, data),
        "type": f"TrainingCompleted.v{version}",
    }


async def test_both_versions_are_recorded_as_written_and_count_alike(registry: RunningRegistry) -> None:
    source = await registry.source()
    first, second = new_uuid(), new_uuid()
    candidates = [identified(first, "2022-01-05"), identified(second, "2022-01-05")]
    old, new = trained(first, "2022-03-01", 1), trained(second, "2022-03-02", 2)
    await source.publish(root(), organisation("cell"), *candidates)

    receipts = await source.publish(old, new)
    # One event a message goes to the same subject, whatever its version.
    single = trained(first, "2022-04-01", 2)
    (alone,) = await source.outcomes(await source.send(json.dumps(single).encode(), "TrainingCompleted"))
    (repeated,) = await source.publish(old)

    outcomes = [receipt["outcome"] for receipt in (*receipts, alone, repeated)]
    assert outcomes == ["recorded", "recorded", "recorded", "duplicate"]
    log = (await registry.get("/v1/events"))["events"]
    assert [(each["type"], each["data"]) for each in log[4:]] == [
        (each["type"], each["data"]) for each in (old, new, single)
    ]
    page = await registry.get("/v1/events", type="TrainingCompleted.v1")
    assert [each["id"] for each in page["events"]] == [old["id"]]

    async with running_reporting(registry.database) as reporting:
        lines = (await registry.http.get("/v1/events", headers={"Accept": "application/x-ndjson"})).text
        await reporting.service.projector.project(read_recorded(f"[{','.join(lines.splitlines())}]".encode()))
        body = await reporting.get(f"root/attainment?{YEAR}")
        assert body["actuals"]["training_completions"] == 3
        totals = await reporting.get("root/totals?as_of=2022-12-31")
        assert totals["candidates"]["by_stage"]["trained"] == 2

        # A late fact folds the timeline again, from what reporting keeps of both versions.
        late = trained(first, "2022-02-01", 1)
        await source.publish(late)
        (line,) = (await registry.get("/v1/events", after=7))["events"]
        await reporting.service.projector.project(read_recorded(json.dumps([line]).encode()))
        body = await reporting.get(f"root/attainment?{YEAR}")
        assert body["actuals"]["training_completions"] == 4


async def test_schemas_of_both_versions_are_served(registry: RunningRegistry) -> None:
    listed = await registry.get("/v1/schemas")
    for version in (1, 2):
        type_ = f"TrainingCompleted.v{version}"
        assert listed[type_] == await registry.get(f"/v1/schemas/{type_}")
        assert type_ in (await registry.get("/asyncapi"))["channels"]["ingest"]["messages"]
