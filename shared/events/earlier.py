"""Data of event types in versions that a newer one has followed: accepted and read for ever, as they always were.

Only `upcasting.py` knows what they become; folds, rules and reports see the newest version and nothing of these.
A shape here never changes again: the log holds events that were written in it.
"""

from datetime import date

from msgspec import Struct

from shared.events.vocabulary import Reference


class TrainingCompletedV1(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An awareness class; without `expires_on` the rule pack says how long the certificate is valid."""

    class_id: Reference | None = None
    certificate_ref: Reference
    issued_on: date
    expires_on: date | None = None
