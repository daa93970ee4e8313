"""Facts and folds for tests of the rules: given facts, when another comes, then this."""

import json
from collections.abc import Iterable
from typing import Any

from shared.events.codec import read
from shared.timeline import fold
from shared.timeline.fact import Fact, Refusal
from shared.timeline.lineage import Lineage


def fact(submitted: dict[str, Any]) -> Fact:
    """The fact that a made-up event states; the event must be readable."""
    event = read(json.dumps(submitted).encode(), submitted["source"])
    assert event.fault is None, event.fault
    return Fact.of_submitted(event)


def folded(events: Iterable[dict[str, Any]], lineage: Lineage | None = None) -> fold.Folded:
    """The fold of the subject that all these events are about."""
    facts = [fact(event) for event in events]
    return fold.fold(fold.kind_of(facts[0].subject), facts, lineage or Lineage())


def refused(given: Iterable[dict[str, Any]], when: dict[str, Any]) -> Refusal | None:
    """What the subject's timeline says to `when` after `given`."""
    facts = [fact(event) for event in given]
    new = fact(when)
    kind = fold.kind_of(new.subject)
    return fold.refusal(kind, fold.state_before(kind, facts, new, Lineage()), new, Lineage())
