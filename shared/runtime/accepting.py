"""Accept headers: which media types or languages a client takes, and how gladly."""

EXACTLY, ANY_SUBTYPE, ANYTHING = 2, 1, 0
"""How closely a range names a media type: RFC 9110 lets the closest one count."""


def weighed(header: str) -> list[tuple[float, str]]:
    """The ranges of an Accept header with their weights, the most wanted first; 0 refuses."""
    found = []
    for each in header.split(","):
        wanted, *more = (part.strip() for part in each.split(";"))
        weight = next((part[2:] for part in more if part.startswith("q=")), "1")
        try:
            quality = float(weight)
        except ValueError:
            quality = 0.0
        if wanted:
            found.append((quality if quality > 0 else 0.0, wanted.lower()))
    return sorted(found, key=lambda each: -each[0])


def any_like(media_type: str) -> str:
    """The range of all media types of the same kind: `text/*` of `text/csv`."""
    return f"{media_type.partition('/')[0]}/*"


def is_preferred(media_type: str, other: str, accept: str) -> bool:
    """Whether the header names `media_type` itself, and takes it as gladly as `other` at least."""
    ranges = weighed(accept)
    if not any(quality > 0 and each == media_type for quality, each in ranges):
        return False
    return _weight(media_type, ranges) >= _weight(other, ranges)


def _weight(media_type: str, ranges: list[tuple[float, str]]) -> float:
    """The weight of the closest range, 0 where none fits."""
    closeness = {media_type: EXACTLY, any_like(media_type): ANY_SUBTYPE, "*/*": ANYTHING}
    fitting = [(closeness[each], quality) for quality, each in ranges if each in closeness]
    return max(fitting)[1] if fitting else 0.0
