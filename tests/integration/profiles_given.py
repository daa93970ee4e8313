"""A stand-in for the registry's unsealing, over its real protocol, and people with profiles."""

import json
from typing import Any
from uuid import UUID

import httpx

from services.reporting.unsealing import Unsealing
from tests.given import admitted, identified, new_uuid
from tests.integration.reporting_given import RunningReporting

PROFILE = {
    "sex": "female",
    "birth_year": 1995,
    "ethnic_minority": False,
    "occupation": "farmer",
    "schooling": "12/12",
    "youth_union": True,
}


class Registry:
    """Unseals what it is told to hold; `state` of everything else is `absent`."""

    def __init__(self) -> None:
        self.profiles: dict[str, Any] = {}
        self.states: dict[str, str] = {}
        self.asked: list[str] = []
        self.away = False

    def attach(self, reporting: RunningReporting) -> None:
        """Let reporting ask here."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://registry")
        reporting.service.filling._unsealing = Unsealing("http://registry", "t" * 32, client)

    def seal(self, event: dict[str, Any], **profile: Any) -> dict[str, Any]:
        """The event as it is recorded, with a profile that only this registry opens."""
        self.profiles[event["id"]] = {**PROFILE, **profile}
        data = event["data"]
        inner = data["replacement"]["data"] if "replacement" in data else data
        inner["profile"] = f"sealed:v1:{event['id']}"
        return event

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            return httpx.Response(503)
        found = []
        for place in json.loads(request.content)["events"]:
            self.asked.append(place["event_id"])
            profile = self.profiles.get(place["event_id"])
            state = self.states.get(place["event_id"], "absent" if profile is None else "unsealed")
            found.append({**place, "state": state} | ({"profile": profile} if state == "unsealed" else {}))
        return httpx.Response(200, json={"profiles": found, "erased": []})


def person_of(event: dict[str, Any]) -> str:
    """The id of the person whom an event is about."""
    return str(UUID(event["subject"].removeprefix("person/")))


def people(
    registry: Registry, number: int, cell: str = "cell", day: str = "2022-06-01", **profile: Any
) -> list[dict[str, Any]]:
    """Candidates with a profile who are admitted on a day."""
    found = []
    for _ in range(number):
        person = new_uuid()
        begin = identified(person, "2022-01-05", cell)
        begin["data"]["categories"] = profile.get("categories", [])
        own = {name: value for name, value in profile.items() if name != "categories"}
        found += [registry.seal(begin, **own), admitted(person, day, cell)]
    return found
