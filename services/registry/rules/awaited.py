"""What a waiting event waits for, in words that an operator can act on."""

from msgspec import Struct

from shared.events.catalogue import CATALOGUE


class Awaited(Struct, frozen=True):
    """One thing that a waiting event could wait for: a fact about `kind` `id`."""

    kind: str
    """`organisation`, `place`, `person`, `target` or `event`."""
    id: str
    known: bool
    """Whether it is on record already, so that only another fact about it helps."""
    others: int
    """How many other events wait for the same."""
    message: str


def awaited(key: str, code: str, subject: str, *, known: bool, waiting: int) -> Awaited:
    """Explain one key of an event about `subject` that waits for the reason `code`.

    `waiting` is how many events wait for the key, this one included.
    """
    kind, _, id_ = key.partition("/")
    message = _known(key, kind, id_, subject) if known else _unknown(key, kind, id_, code, subject)
    return Awaited(kind, id_, known, max(0, waiting - 1), message)


def _unknown(key: str, kind: str, id_: str, code: str, subject: str) -> str:
    if kind == "target":
        return f"TargetAssigned with target_id {id_}, which is not on record"
    if key == subject and code != "unknown-subject":
        return f"an earlier fact about {key}, of which none is on record"
    openers = dict.fromkeys(each.name for each in CATALOGUE.values() if each.subject == kind and each.opens)
    first = _one_of(list(openers))
    if first:
        return f"the first fact about {key}, which is not on record: {first}"
    return f"{kind} {id_}, which is not on record"


def _known(key: str, kind: str, id_: str, subject: str) -> str:
    if kind == "event":
        return "a fact that makes the correction fit; what it corrects is on record"
    if kind == "target":
        return f"a fact that makes target {id_} fit; it is on record"
    if key == subject:
        return f"another fact about {key}, which is on record: the step between, or a correction"
    return f"another fact about {key}, which is on record: one that makes it fit on that day, or a correction"


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else " or ".join([", ".join(names[:-1]), *names[-1:]]) if names else ""
