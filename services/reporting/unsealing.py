"""Asks the registry to unseal profiles, in batches; what is answered is for the caller to keep, and to erase."""

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

import httpx
import msgspec
from msgspec import UNSET, Struct, UnsetType

from shared.events.person import Profile
from shared.runtime.tls import trusting

BATCH = 500
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
TOKEN_HEADER = "Ketnap-Unseal-Token"  # noqa: S105 - the name of the header, not what it holds


class UnsealingUnavailable(Exception):
    """The registry does not unseal now; try again."""


class UnsealingRefused(Exception):
    """The registry does not unseal for this token: trying again changes nothing."""


class ProfilePlace(Struct, frozen=True):
    """A recorded event about a person that may bring a profile."""

    person: UUID
    source: str
    event_id: UUID


class UnsealedProfile(Struct, frozen=True):
    """What there is at a place; `profile` only where `state` is `unsealed`.

    `erased`: the person is, whatever was there. `absent`: no profile is. `closed`: the person's key is missing.
    """

    person: UUID
    source: str
    event_id: UUID
    state: Literal["unsealed", "erased", "absent", "closed"]
    profile: Profile | UnsetType = UNSET


class _Answer(Struct):
    profiles: list[UnsealedProfile]
    erased: list[UUID]


_ANSWER = msgspec.json.Decoder(_Answer)


class Unsealing:
    """The registry's unsealing over HTTP."""

    def __init__(
        self, registry_url: str, token: str, client: httpx.AsyncClient | None = None, *, ca: str | None = None
    ) -> None:
        """`token` is the registry's KETNAP_UNSEAL_TOKEN; `ca` certifies an `https://` address (PEM).

        `client` is for tests; it is closed with this.
        """
        self._headers = {TOKEN_HEADER: token}
        self._client = client or httpx.AsyncClient(
            base_url=registry_url, timeout=TIMEOUT, trust_env=False, verify=trusting(ca)
        )

    async def at(self, places: Sequence[ProfilePlace]) -> list[UnsealedProfile]:
        """What there is at each place, in their order. Raises UnsealingUnavailable, UnsealingRefused."""
        found: list[UnsealedProfile] = []
        for batch in _batches(places):
            found += (await self._ask({"events": batch})).profiles
        return found

    async def of(self, persons: Sequence[UUID]) -> tuple[list[UnsealedProfile], list[UUID]]:
        """All profiles of these persons in log order, and who of them is erased. Raises as `at` does."""
        found: list[UnsealedProfile] = []
        erased: list[UUID] = []
        for batch in _batches(persons):
            answer = await self._ask({"persons": batch})
            found += answer.profiles
            erased += answer.erased
        return found, erased

    async def _ask(self, wanted: dict[str, Sequence[ProfilePlace] | Sequence[UUID]]) -> _Answer:
        try:
            response = await self._client.post(
                "/v1/profiles/unseal", content=msgspec.json.encode(wanted), headers=self._headers
            )
        except httpx.TransportError as error:
            where = self._client.base_url
            raise UnsealingUnavailable(f"the registry does not answer at {where}: {error!r}") from error
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise UnsealingRefused(
                f"the registry answered {response.status_code}; KETNAP_UNSEAL_TOKEN must be the same for it and "
                "for reporting"
            )
        if response.status_code != httpx.codes.OK:
            # The answer's text is not repeated: of a success it would be profiles.
            raise UnsealingUnavailable(f"the registry answered {response.status_code}")
        return _ANSWER.decode(response.content)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _batches(wanted: Sequence[ProfilePlace] | Sequence[UUID]) -> Iterator[Sequence[ProfilePlace] | Sequence[UUID]]:
    for start in range(0, len(wanted), BATCH):
        yield wanted[start : start + BATCH]
