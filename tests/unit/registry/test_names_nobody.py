"""Events that name nobody but their own person: what is decided about them without asking for anybody else."""

from msgspec.structs import fields

from services.registry.rules.references import NAMES_NOBODY
from shared.events.catalogue import NEWEST

NAMING = {
    "organisation_id", "parent_id", "successor_id", "cell_id", "from_", "to", "sources", "allocations",
    "target_id", "other_person_id", "corrects",
}  # fmt: skip


def test_no_event_that_is_said_to_name_nobody_names_an_organisation_a_target_or_a_person_to_link() -> None:
    assert {data: named for data in NAMES_NOBODY if (named := NAMING & {each.name for each in fields(data)})} == {}


def test_only_events_about_persons_in_their_newest_version_name_nobody() -> None:
    about_persons = {entry.data for entry in NEWEST.values() if entry.subject == "person"}

    assert about_persons >= NAMES_NOBODY
