"""Negotiation: in which form an answer is wanted, and in which language its headings."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal, cast, get_args

from services.reporting.api.parameters import one_of, refuse
from shared.runtime.accepting import any_like, weighed
from shared.runtime.http import Problem

Format = Literal["json", "csv", "xlsx"]
Language = Literal["vi", "en"]

MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def format_of(query: Mapping[str, str], accept: str) -> Format:
    """What `format` says, else what the Accept header likes best, else JSON. Raises Problem 400, 406."""
    asked = query.get("format")
    if asked is not None:
        if asked not in MEDIA_TYPES:
            raise refuse("format", "json, csv or xlsx", asked[:200])
        return cast(Format, asked)
    ranges = weighed(accept)
    if not ranges:
        return "json"
    refused = {wanted for quality, wanted in ranges if quality == 0}
    for quality, each in ranges:
        for name, media_type in MEDIA_TYPES.items():
            if quality and media_type not in refused and each in (media_type, any_like(media_type), "*/*"):
                return name
    offered = ", ".join(MEDIA_TYPES.values())
    raise Problem(HTTPStatus.NOT_ACCEPTABLE, f"expected Accept with one of {offered}; found {accept[:200]}")


def language_of(query: Mapping[str, str], accept_language: str) -> Language:
    """What `lang` says, else what the Accept-Language header likes best of the two, else Vietnamese."""
    asked = one_of(query, "lang", get_args(Language), None)
    if asked is not None:
        return cast(Language, asked)
    for each in _preferred(accept_language):
        spoken = each.partition("-")[0].lower()
        if spoken in ("vi", "en"):
            return cast(Language, spoken)
    return "vi"


def _preferred(header: str) -> list[str]:
    """The ranges of an Accept header, the most wanted first, those refused left out."""
    return [wanted for quality, wanted in weighed(header) if quality > 0]
