"""`retention`: of those admitted in a year, how many memberships have ended, and why."""

from typing import Any

from tests.given import admitted, corrected, enrolled, event, identified, linked, new_uuid, organisation, root
from tests.integration.reporting_given import RunningReporting

ANH, BINH, CHI = (new_uuid() for _ in range(3))


def ended(person: str, day: str, reason: str) -> dict[str, Any]:
    return event("MembershipEnded", f"person/{person}", day, {"reason": reason})


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("cell"),
        organisation("cell-2"),
    ]


async def retention(reporting: RunningReporting, asked: str = "root", query: str = "as_of=2024-12-31") -> Any:
    return await reporting.get(f"{asked}/retention?{query}")


async def test_a_cohort_is_a_year_of_ceremonies_and_its_losses_have_reasons(reporting: RunningReporting) -> None:
    for person, day in ((ANH, "2021-12-31"), (BINH, "2022-01-01"), (CHI, "2022-06-01")):
        await reporting.project(identified(person, "2021-05-01"), admitted(person, day))
    await reporting.project(ended(ANH, "2023-02-01", "deceased"), ended(CHI, "2024-02-01", "transferred_out"))

    body = await retention(reporting)

    assert [
        (each["cohort"], each["admitted"], each["ended"], each["still_members"]) for each in body["cohorts"]
    ] == [
        (2021, 1, 1, 0),
        (2022, 2, 0, 1),
    ]
    assert body["cohorts"][0]["ended_percent"] == 100.0
    assert body["cohorts"][1]["by_reason_percent"]["transferred_out"] == 50.0
    assert (body["admitted"], body["ended"], body["ended_percent"]) == (3, 1, 33.3)
    earlier = await retention(reporting, query="as_of=2023-01-31")
    assert (earlier["ended"], earlier["still_members"]) == (0, 3)


async def test_a_loss_counts_where_the_admission_does_wherever_the_person_went(
    reporting: RunningReporting,
) -> None:
    sent = {"from": "cell", "to": "cell-2", "kind": "official"}
    came = {"organisation_id": "cell-2", "presented_on": "2023-01-10"}
    await reporting.project(
        identified(ANH, "2022-01-01"),
        admitted(ANH, "2022-05-01"),
        event("TransferInitiated", f"person/{ANH}", "2023-01-01", sent),
        event("TransferAccepted", f"person/{ANH}", "2023-01-10", came),
    )
    moved = await retention(reporting, "cell")
    await reporting.project(ended(ANH, "2024-01-01", "expelled"))

    there, here = await retention(reporting, "cell-2"), await retention(reporting, "cell")

    assert (moved["still_members"], moved["ended"]) == (1, 0)
    assert (there["admitted"], there["cohorts"]) == (0, [])
    assert (here["still_members"], here["by_reason"]["expelled"]) == (0, 1)


async def test_a_second_id_is_no_loss_and_an_enrolled_member_in_no_cohort(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANH, "2022-01-01"),
        identified(BINH, "2022-01-01"),
        admitted(ANH, "2022-05-01"),
        admitted(BINH, "2022-05-01"),
        linked(ANH, BINH, "2023-01-01"),
        enrolled(CHI, "2022-02-01"),
        ended(CHI, "2022-03-01", "resigned"),
    )

    body = await retention(reporting)

    assert (body["admitted"], body["by_reason"]["linked"], body["ended"], body["still_members"]) == (2, 1, 0, 1)


async def test_who_comes_back_is_a_loss_of_the_first_admission_and_in_the_cohort_of_the_second(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANH, "2020-01-01"),
        admitted(ANH, "2020-05-01"),
        ended(ANH, "2021-01-01", "removed"),
        identified(ANH, "2022-01-01"),
        admitted(ANH, "2023-05-01"),
    )

    cohorts = (await retention(reporting))["cohorts"]

    assert [(each["cohort"], each["ended"], each["still_members"]) for each in cohorts] == [
        (2020, 1, 0),
        (2023, 0, 1),
    ]


async def test_a_retracted_loss_is_one_only_as_known_before(reporting: RunningReporting) -> None:
    loss = ended(ANH, "2023-01-01", "resigned")
    before = await reporting.project(identified(ANH, "2022-01-01"), admitted(ANH, "2022-05-01"), loss)
    await reporting.project(corrected(loss, None))

    then = await retention(reporting, query=f"as_of=2024-12-31&known_at={before}")
    now = await retention(reporting)

    assert (then["ended"], now["ended"]) == (1, 0)


async def test_evidence_opens_a_cohort(reporting: RunningReporting) -> None:
    last = await reporting.project(
        identified(ANH, "2022-01-01"), admitted(ANH, "2022-05-01"), ended(ANH, "2023-01-01", "resigned")
    )
    asked = "root/evidence?as_of=2024-12-31&measure="

    found = {}
    for path in ("cohorts.2022.admitted", "cohorts.2022.by_reason.resigned", "cohorts.2022.still_members"):
        body = await reporting.get(f"{asked}retention.{path}")
        found[path] = (body["value"], [(each["position"], each["change"]) for each in body["events"]])

    assert found == {
        "cohorts.2022.admitted": (1, [(last - 1, 1)]),
        "cohorts.2022.by_reason.resigned": (1, [(last, 1)]),
        "cohorts.2022.still_members": (0, [(last - 1, 1), (last, -1)]),
    }
    assert (await reporting.get(f"{asked}cohorts.2021.admitted"))["value"] == 0
    await reporting.ask(f"{asked}cohorts.2021.happy", 400)
