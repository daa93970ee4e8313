"""What a province that published through a fault asks of the services afterwards: its own count of everything."""

from typing import Any

from tests.faults.asked import Asked
from tests.faults.province import AS_OF, Province
from tests.faults.system import eventually


async def settled(asked: Asked, province: Province, messages: int, *, within: float = 40.0) -> None:
    """Wait until all messages of its stream are settled and none of its events waits."""

    async def look() -> dict[str, Any] | None:
        source = await asked.look("registry", f"/v1/sources/{province.source}")
        if source is None or source["settled"] < messages or source["outcomes"]["quarantined"]:
            return None
        return dict(source)

    source = await eventually(look, f"{messages} messages of {province.source} are settled", within)
    deliveries = messages * len(province.batches[0])
    expected = {"recorded": len(province.events), "duplicate": deliveries - len(province.events)}
    assert source["outcomes"] == dict.fromkeys(source["outcomes"], 0) | expected
    assert (source["lag"], source["lost"]) == (0, [])


async def log_is_complete(asked: Asked, province: Province) -> dict[str, int]:
    """Each event is there once, in a log without a gap; gives {event id: position}."""
    log = await asked.log()
    assert [event["position"] for event in log] == list(range(1, len(log) + 1))
    ours = [event for event in log if event["source"] == province.source]
    assert len(ours) == len(province.events)
    positions = {event["id"]: event["position"] for event in ours}
    assert set(positions) == {event["id"] for event in province.events}
    return positions


async def figures_are_right(asked: Asked, province: Province, position: int, *, within: float = 40.0) -> None:
    """Members, candidates and the target of its tree, as the province counts them itself."""
    path, query = f"/v1/organisations/{province.root}", {"as_of": AS_OF.isoformat(), "min_position": position}
    totals = await eventually(
        lambda: asked.look("reporting", f"{path}/totals", by="child", **query),
        f"position {position} is projected",
        within,
    )
    members = {child["organisation"]["id"]: child["members"]["total"] for child in totals["children"]}
    assert members == province.members()
    assert totals["members"]["total"] == sum(province.members().values())
    assert totals["candidates"]["open"] == province.open_candidates()
    attainment = await asked.get("reporting", f"{path}/attainment", **query)
    assert attainment["actuals"]["admissions"] == province.admissions()
    assert [goal["actual"] for goal in attainment["targets"]] == [province.admissions()]


async def the_goal_is_announced_once(asked: Asked, province: Province) -> None:
    """One alert that its goal is exceeded, whatever was repeated."""

    async def exceeded() -> list[dict[str, Any]] | None:
        page = await asked.look("notifier", "/v1/alerts", organisation=province.root, limit=1000)
        found = [alert for alert in page["alerts"] if alert["status"] == "exceeded"] if page else []
        return found or None

    alerts = await eventually(exceeded, "the alert that the goal is exceeded")
    assert [alert["target_id"] for alert in alerts] == [province.goal]
