"""Upcasting: data of an earlier version becomes that of the newest one when it is read.

The log keeps what was written, in the version it was written in. Each earlier version has one step, to the version
after it, so a new version adds one step and changes none. A step is pure, always succeeds, and invents nothing:
what the earlier version could not say is None in the next one.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from shared.events.earlier import TrainingCompletedV1
from shared.events.person import Certificate, TrainingCompleted


def _training_completed(data: TrainingCompletedV1) -> TrainingCompleted:
    """Version 2 puts what belongs to the certificate together, and may say its grade."""
    certificate = Certificate(ref=data.certificate_ref, issued_on=data.issued_on, expires_on=data.expires_on)
    return TrainingCompleted(class_id=data.class_id, certificate=certificate)


STEPS: dict[type[Struct], Callable[[Any], Struct]] = {
    TrainingCompletedV1: _training_completed,
}
"""From the data of each earlier version to that of the next one."""


def newest(data: Struct) -> Struct:
    """The same fact in the newest version of its type; data of the newest version comes back as it is."""
    while (step := STEPS.get(type(data))) is not None:
        data = step(data)
    return data
