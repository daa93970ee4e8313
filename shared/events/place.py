"""Data of the events whose subject is a place: a village or a residential group."""

from msgspec import Struct

from shared.events.vocabulary import Code, Name, OuterId, Tags


class PlaceRegistered(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A place belongs to an organisation, whether or not a cell covers it yet."""

    name: Name
    kind: Code
    organisation_id: OuterId
    tags: Tags = ()


class PlaceCovered(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A cell covers the place, alone or shared with other places; null ends the coverage."""

    cell_id: OuterId | None = None
    shared: bool
