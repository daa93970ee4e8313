"""`profile`: who was admitted by attribute, as known at a position; small groups are hidden, and who is erased."""

from typing import Any

import pytest

from services.reporting.persons import store
from services.reporting.projector.running_sums import RunningSums
from services.reporting.reports import running
from tests.conftest import Database, fresh_database
from tests.given import admitted, corrected, event, identified, linked, new_uuid, organisation, root
from tests.integration.profiles_given import Registry, people, person_of
from tests.integration.reporting_given import RunningReporting, running_reporting

YEAR = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"
TREE = [
    root(),
    organisation("district", kind="intermediate_committee"),
    organisation("cell", parent="district"),
    organisation("other", parent="district"),
    organisation("third", parent="district"),
]


def beginning() -> list[dict[str, Any]]:
    return TREE


@pytest.fixture
def registry(reporting: RunningReporting) -> Registry:
    registry = Registry()
    registry.attach(reporting)
    return registry


async def profile(reporting: RunningReporting, organisation_id: str = "root", more: str = "") -> dict[str, Any]:
    found: dict[str, Any] = await reporting.get(f"{organisation_id}/profile?{YEAR}{more}")
    return found


def erased(person: str) -> dict[str, Any]:
    return event("PersonErased", f"person/{person}", "2023-01-01", {"request_ref": "YC-1"})


async def test_persons_admitted_are_counted_by_attribute(reporting: RunningReporting, registry: Registry) -> None:
    await reporting.project(
        *people(registry, 6, sex="female", birth_year=2004, categories=["worker", "youth_union_member"]),
        *people(registry, 7, sex="male", birth_year=1982, ethnic_minority=True, occupation="teacher"),
        *people(registry, 5, day="2023-01-05"),
    )
    await reporting.service.filling.fill()
    body = await profile(reporting)
    assert (body["admitted"], body["unread"], body["erased"]) == (13, 0, 0)
    assert body["by_sex"] == {"female": 6, "male": 7}
    assert body["by_age"] == {
        "under_18": 0, "18_30": 6, "31_40": 7, "41_50": 0, "51_60": 0, "over_60": 0,
    }  # fmt: skip
    assert body["by_ethnic_minority"] == {"yes": 7, "no": 6}
    assert body["by_occupation"] == {"farmer": 6, "teacher": 7}
    assert {name: number for name, number in body["by_category"].items() if number} == {
        "worker": 6, "youth_union_member": 6,
    }  # fmt: skip
    # What is true of everybody would say it of each.
    assert body["by_youth_union"] == {"yes": None, "no": None}
    assert (body["by_schooling"], body["withheld"]["schooling"]) == ({}, 13)
    assert body["admitted"] == (await reporting.get(f"root/attainment?{YEAR}"))["actuals"]["admissions"]


async def test_groups_of_fewer_than_five_are_withheld_and_so_is_what_would_tell_them(
    reporting: RunningReporting, registry: Registry
) -> None:
    await reporting.project(
        *people(registry, 20, sex="female", occupation="farmer", categories=["worker"]),
        *people(registry, 2, sex="male", occupation="monk", categories=["student"]),
        *people(registry, 9, sex="male", occupation="teacher"),
    )
    await reporting.service.filling.fill()
    body = await profile(reporting)
    assert body["by_sex"] == {"female": 20, "male": 11}
    assert body["by_occupation"] == {"farmer": 20}
    assert body["withheld"]["occupation"] == 11
    assert "monk" not in str(body)
    assert (body["by_category"]["worker"], body["by_category"]["student"]) == (20, None)


async def test_a_child_is_told_alike_beside_its_siblings_and_alone_and_nothing_is_left_to_subtract(
    reporting: RunningReporting, registry: Registry
) -> None:
    await reporting.project(
        *people(registry, 9, "cell", sex="female"), *people(registry, 3, "cell", sex="male"),
        *people(registry, 8, "other", sex="female"), *people(registry, 8, "other", sex="male"),
        *people(registry, 30, "third", sex="female"), *people(registry, 40, "third", sex="male"),
    )  # fmt: skip
    await reporting.service.filling.fill()
    district = await profile(reporting, "district", "&by=child")
    children = {child["organisation"]["id"]: child for child in district["children"]}
    assert district["by_sex"] == {"female": 47, "male": 51}
    assert children["cell"]["by_sex"] == {"female": None, "male": None}
    assert [child["by_sex"]["male"] for child in children.values()].count(None) == 2
    for name, child in children.items():
        alone = await profile(reporting, name)
        assert {key: alone[key] for key in child if key != "organisation"} == {
            key: child[key] for key in child if key != "organisation"
        }
    for hierarchy in ("as_was", "current"):
        again = await profile(reporting, "cell", f"&hierarchy={hierarchy}")
        assert again["by_sex"] == {"female": None, "male": None}
    assert sum(child["admitted"] for child in children.values()) == district["admitted"] == 98


@pytest.mark.parametrize("many", [0, 1_000], ids=["of whole tables", "of those who admitted"])
async def test_a_vast_tree_is_told_alike_whatever_is_looked_at(
    reporting: RunningReporting, registry: Registry, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    await reporting.project(
        *people(registry, 9, "cell", sex="female"), *people(registry, 6, "cell", sex="male"),
        *people(registry, 8, "other", sex="female"), *people(registry, 8, "third", sex="male"),
    )  # fmt: skip
    await reporting.service.filling.fill()
    asked = [
        (each, f"&by=child&hierarchy={tree}") for each in ("root", "district") for tree in ("as_was", "current")
    ]
    of_all = [await profile(reporting, *each) for each in asked]
    await RunningSums(reporting.service.engine, least_below=1).catch_up()
    monkeypatch.setattr(running, "VAST", 0)
    monkeypatch.setattr("services.reporting.reports.profile.MANY", many)

    assert [await profile(reporting, *each) for each in asked] == of_all
    assert of_all[0]["by_sex"] == {"female": 17, "male": 14}


async def test_the_latest_profile_by_the_day_counts_with_corrections_put_in_and_as_known_then(
    reporting: RunningReporting, registry: Registry
) -> None:
    crowd = people(registry, 6, sex="female") + people(registry, 6, sex="male")
    person = new_uuid()
    begin = registry.seal(identified(person, "2022-01-05"), sex="female")
    join = registry.seal(admitted(person, "2022-06-01"), sex="male")
    first = await reporting.project(*crowd, begin, admitted(new := new_uuid(), "2022-02-01"))
    assert new
    joined = await reporting.project(join)
    again = identified(new_uuid(), "2022-01-05")
    correction = registry.seal(
        corrected(join, {"data": {"organisation_id": "cell", "ceremony_on": "2022-06-01"}}), sex="female"
    )
    mended = await reporting.project(again, correction)
    retracted = await reporting.project(corrected(join, None))
    await reporting.service.filling.fill()
    found = {
        position: (await profile(reporting, "root", f"&known_at={position}"))["by_sex"]
        for position in (first, joined, mended, retracted)
    }
    assert found == {
        first: {"female": 6, "male": 6},
        joined: {"female": 6, "male": 7},
        mended: {"female": 7, "male": 6},
        retracted: {"female": 6, "male": 6},
    }


async def test_what_is_not_read_yet_is_said_and_read_when_the_registry_is_back(
    reporting: RunningReporting, registry: Registry
) -> None:
    crowd = people(registry, 7, sex="female") + people(registry, 6, sex="male")
    registry.away = True
    await reporting.project(*crowd)
    body = await profile(reporting)
    assert (body["admitted"], body["unread"], body["by_sex"]) == (13, 13, {"female": 0, "male": 0})
    tag = (await reporting.ask(f"root/profile?{YEAR}")).headers["ETag"]
    with pytest.raises(Exception, match="503"):
        await reporting.service.filling.fill()
    assert (await profile(reporting))["unread"] == 13

    registry.away = False
    registry.states = {crowd[0]["id"]: "closed", crowd[2]["id"]: "absent", crowd[4]["id"]: "erased"}
    await reporting.service.filling.fill()

    had = await reporting.ask(f"root/profile?{YEAR}", headers={"If-None-Match": tag})
    body = had.json()
    assert (body["unread"], body["erased"], body["unstated"]["sex"]) == (1, 1, 1)
    assert body["withheld"]["sex"] == 10
    now = (await reporting.ask(f"root/profile?{YEAR}")).headers["ETag"]
    await reporting.ask(f"root/profile?{YEAR}", 304, {"If-None-Match": now})


async def test_an_erasure_rewrites_every_known_at_and_nothing_brings_it_back(
    reporting: RunningReporting, registry: Registry, database: Database
) -> None:
    crowd = people(registry, 7, sex="female") + people(registry, 6, sex="male", occupation="zzq-occupation")
    before = await reporting.project(*crowd)
    await reporting.service.filling.fill()
    assert (await profile(reporting))["by_sex"] == {"female": 7, "male": 6}
    tag = (await reporting.ask(f"root/profile?{YEAR}&known_at={before}")).headers["ETag"]

    await reporting.project(erased(person_of(crowd[-1])))

    for more in ("", f"&known_at={before}"):
        body = await profile(reporting, "root", more)
        assert (body["admitted"], body["erased"], body["by_sex"]) == (13, 1, {"female": 7, "male": 5})
    await reporting.ask(f"root/profile?{YEAR}&known_at={before}", 200, {"If-None-Match": tag})
    # As after a rebuild: everything is made and asked for anew.
    await database.fetch("UPDATE reporting_person.progress SET position = 10000")
    await reporting.service.filling.fill()
    assert (await profile(reporting))["by_sex"] == {"female": 7, "male": 5}
    rows = await database.fetch("SELECT * FROM reporting_person.profile WHERE state = 'erased'")
    assert [row["occupation"] for row in rows] == [None]


async def test_an_erasure_between_the_question_and_the_answer_wins(
    reporting: RunningReporting, registry: Registry
) -> None:
    crowd = people(registry, 7, sex="female") + people(registry, 7, sex="male")
    await reporting.project(*crowd)
    filling = reporting.service.filling
    assert filling._unsealing is not None
    ask = filling._unsealing.at

    async def answered_before_the_erasure_was_projected(places: Any) -> Any:
        found = await ask(places)
        await reporting.project(erased(person_of(crowd[0])))
        return found

    filling._unsealing.at = answered_before_the_erasure_was_projected  # type: ignore[method-assign]
    await filling.fill()
    body = await profile(reporting)
    assert (body["erased"], body["unread"], body["by_sex"]) == (1, 0, {"female": 6, "male": 7})


async def test_who_is_erased_as_their_profile_comes_to_be_expected_is_asked_about_once(
    reporting: RunningReporting, registry: Registry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = people(registry, 7)
    await reporting.project(*crowd)
    put = store.put_admissions

    async def erased_before_that_is_committed(*asked: Any) -> None:
        await put(*asked)
        monkeypatch.undo()
        registry.states[crowd[0]["id"]] = "erased"  # its key went with the event, so before it was projected
        await reporting.project(erased(person_of(crowd[0])))

    monkeypatch.setattr(store, "put_admissions", erased_before_that_is_committed)
    await reporting.service.filling.fill()
    await reporting.project(organisation("another"))
    await reporting.service.filling.fill()

    assert registry.asked.count(crowd[0]["id"]) == 1
    rows = await database.fetch("SELECT state, count(*) FROM reporting_person.profile GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [("erased", 1), ("unsealed", 6)]


@pytest.mark.parametrize("order", ["link first", "erasure first"])
async def test_a_linked_id_is_erased_too(reporting: RunningReporting, registry: Registry, order: str) -> None:
    crowd = people(registry, 7, sex="female") + people(registry, 7, sex="male")
    await reporting.project(*crowd)
    await reporting.service.filling.fill()
    first, second = person_of(crowd[0]), person_of(crowd[2])
    events = [linked(first, second, "2022-12-01"), erased(second)]
    await reporting.project_one_by_one(*(events if order == "link first" else reversed(events)))
    body = await profile(reporting)
    assert (body["admitted"], body["erased"], body["by_sex"]) == (14, 2, {"female": 5, "male": 7})


async def test_a_batch_and_single_events_end_the_same(database: Database, postgres: Any) -> None:
    registry = Registry()
    crowd = people(registry, 8, sex="female") + people(registry, 8, sex="male")
    ids = [person_of(crowd[0]), person_of(crowd[2])]
    late = registry.seal(admitted(ids[0], "2022-05-01"), sex="male")
    events = [*TREE, *crowd, linked(ids[0], ids[1], "2022-12-01"), erased(ids[0]), late]
    async with running_reporting(database) as reporting:
        registry.attach(reporting)
        for event in events:
            await reporting.project(event)
            await reporting.service.filling.fill()
        step_by_step = await profile(reporting)
        rows = "SELECT source, event_id, person, state, sex FROM reporting_person.profile ORDER BY event_id"
        kept = await database.fetch(rows)

    async with fresh_database(postgres) as other, running_reporting(other) as reporting:
        registry.attach(reporting)
        await reporting.project(*events)
        await reporting.service.filling.fill()
        assert {**await profile(reporting), "known_at": None} == {**step_by_step, "known_at": None}
        assert await other.fetch(rows) == kept


async def test_what_a_crash_of_postgresql_empties_is_asked_for_again(
    reporting: RunningReporting, registry: Registry, database: Database
) -> None:
    crowd = people(registry, 7, sex="female") + people(registry, 7, sex="male")
    await reporting.project(*crowd, erased(person_of(crowd[0])))
    await reporting.service.filling.fill()
    before = await profile(reporting)
    assert (before["erased"], before["by_sex"]) == (1, {"female": 6, "male": 7})
    kind = "SELECT relpersistence::text FROM pg_class WHERE oid = 'reporting_person.profile'::regclass"
    assert [row[0] for row in await database.fetch(kind)] == ["u"]  # not in the write-ahead log
    await database.fetch("TRUNCATE reporting_person.profile")
    assert (await profile(reporting))["by_sex"] == {"female": 0, "male": 0}
    await reporting.service.filling.expect_missing()
    await reporting.service.filling.fill()
    assert await profile(reporting) == before


async def test_no_evidence_of_a_group_is_offered(reporting: RunningReporting, registry: Registry) -> None:
    await reporting.project(*people(registry, 7))
    path = f"root/evidence?{YEAR}&measure="
    for measure in ("by_sex.female", "profile.by_sex.female", "by_category.worker", "profile.withheld.sex"):
        refused = (await reporting.ask(path + measure, 400)).json()
        assert "would say who has an attribute" in refused["detail"]
    assert (await reporting.get(path + "profile.admitted"))["value"] == 7


async def test_no_profile_stands_readable_in_the_fact_table(
    reporting: RunningReporting, registry: Registry, database: Database
) -> None:
    await reporting.project(*people(registry, 1, occupation="zzq-occupation"))
    await reporting.service.filling.fill()
    (row,) = await database.fetch("SELECT count(*) FROM reporting.fact WHERE data::text LIKE '%zzq%'")
    assert row[0] == 0


async def test_before_anybody_is_admitted_all_is_nothing(reporting: RunningReporting) -> None:
    body = await profile(reporting, "root", "&by=child")
    assert (body["admitted"], body["by_sex"]) == (0, {"female": 0, "male": 0})
    body = await reporting.get("root/profile?from=2022-01-01&to=2022-12-31&as_of=2021-12-31")
    assert body["admitted"] == 0
