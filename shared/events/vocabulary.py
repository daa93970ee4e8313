"""The words that event data is made of: identifiers, codes and the reference lists behind them."""

from importlib.resources import files
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

OUTER_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
PERSON_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SOURCE_NAME = r"[a-z0-9][a-z0-9-]{1,31}"

# `\Z`, not `$`: in Python `$` also matches before a final line break.
OuterId = Annotated[str, Meta(pattern=rf"^{OUTER_ID}\Z", description="id of an organisation, place or target")]
"""Identifier of an organisation, place or target; unique across all sources."""

SourceName = Annotated[str, Meta(pattern=rf"^{SOURCE_NAME}\Z", description="name of a registered source")]

Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a code, never free text")]
"""A code of a reference list that is open: codes not yet listed are recorded with a finding."""

Reference = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+\Z")]
"""Number of a decision, certificate or dossier, as its issuer writes it."""

WhyDiscarded = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+\Z")]
"""Why an operator drops a waiting event, on one line."""

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+\Z")]
"""Name of an organisation or place. Names of persons occur in no event."""

Tag = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=32)]
Count = Annotated[int, Meta(ge=0, le=100_000_000)]


class ReferenceLists(msgspec.Struct, frozen=True):
    """Codes that are extended as data, in `reference.json`, without code."""

    categories: tuple[str, ...]
    reasons: tuple[str, ...]
    refusals: tuple[str, ...]
    """Outcomes of a decision that refuse what it is about; any other one grants it."""


REFERENCE = msgspec.json.decode(
    files("shared.events").joinpath("reference.json").read_bytes(), type=ReferenceLists
)

Category = Annotated[
    str, Meta(pattern=rf"^({'|'.join(REFERENCE.categories)})\Z", description="a code of `categories`")
]
Categories = Annotated[tuple[Category, ...], Meta(max_length=16)]

OrganisationKind = Literal[
    "provincial_committee", "intermediate_committee", "grassroots_committee", "grassroots_cell", "cell"
]
Sector = Literal[
    "territorial",
    "private_enterprise",
    "state_enterprise",
    "public_service",
    "education",
    "armed_forces",
    "other",
]
FlowMetric = Literal[
    "admissions",
    "confirmations",
    "candidates_identified",
    "training_completions",
    "organisations_founded",
    "private_enterprise_organisations_founded",
]
LevelMetric = Literal["members", "places_without_members"]
Metric = Literal[FlowMetric, LevelMetric]
Basis = Literal["resolution", "assigned", "own"]
Comparison = Literal["at_least", "at_most", "exactly"]
TargetMerging = Literal["sum", "keep", "void"]
MembershipStatus = Literal["official", "probationary"]
MentorRole = Literal["mentor", "overseer"]
TransferKind = Literal["official", "temporary"]
EndReason = Literal["removed", "expelled", "resigned", "deceased", "transferred_out"]

FLOW_METRICS: tuple[FlowMetric, ...] = get_args(FlowMetric)
LEVEL_METRICS: tuple[LevelMetric, ...] = get_args(LevelMetric)
SECTORS: tuple[Sector, ...] = get_args(Sector)
ORGANISATION_KINDS: tuple[OrganisationKind, ...] = get_args(OrganisationKind)
