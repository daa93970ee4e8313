"""The goals of DESIGN.md's table, and a figure beside them."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class Figure(Struct, frozen=True, omit_defaults=True):
    """What was measured. `reference`: the peer's or the ceiling's figure in the same run, `ratio`: ours to it."""

    value: float
    unit: str
    reference: float | UnsetType = UNSET
    ratio: float | UnsetType = UNSET
    note: str | UnsetType = UNSET
    """Under which conditions, where these fall short of DESIGN.md's."""


class Goal(Struct, frozen=True):
    """What a figure must reach, and what we aim at."""

    what: str
    must: float
    aim: float
    of: Literal["value", "ratio"] = "value"
    at: Literal["least", "most"] = "least"

    def said(self, bound: float) -> str:
        """The bound as the table prints it: `≥ 0.4 ×`."""
        sign = "≥" if self.at == "least" else "≤"
        return f"{sign} {bound:,.10g}{' ×' if self.of == 'ratio' else ''}"

    def verdict(self, figure: Figure) -> str:
        """`aim`, `must` or `short`: what the figure reaches."""
        found = figure.ratio if self.of == "ratio" else figure.value
        assert not isinstance(found, UnsetType)
        sign = 1 if self.at == "least" else -1
        reached = [bound for bound in (self.must, self.aim) if sign * found >= sign * bound]
        return ("short", "must", "aim")[len(reached)]


GOALS: dict[str, Goal] = {
    "append_vs_copy": Goal("registry append ÷ bare COPY into the same table", 0.4, 0.6, "ratio"),
    "append_vs_eventsourcing": Goal("registry append ÷ `eventsourcing` in saves of 300", 2, 3, "ratio"),
    "whole_way_batch": Goal("published → visible in reporting, batches", 8_000, 15_000),
    "whole_way_single_vs_intake": Goal("the same, one a message, 8 sources ÷ intake alone", 0.5, 0.9, "ratio"),
    "freshness_p50": Goal("published → visible at 200 events/s, p50", 100, 40, at="most"),
    "freshness_p99": Goal("the same, p99", 300, 150, at="most"),
    "rebuild": Goal("rebuild of reporting", 80_000, 200_000),
    "rebuild_two_workers": Goal("two workers ÷ one", 1.5, 2, "ratio"),
    "totals_p99": Goal("`totals`, known_at now, on the server", 10, 3, at="most"),
    "attainment_p99": Goal("`attainment`, known_at now, on the server", 10, 3, at="most"),
    "additive_p99": Goal("other additive reports", 50, 10, at="most"),
    "other_p99": Goal("the rest, or a past known_at", 1_000, 200, at="most"),
    "memory_registry": Goal("memory of the registry under load", 256, 128, at="most"),
    "memory_reporting": Goal("memory of reporting under load", 256, 128, at="most"),
    "start_clean": Goal("`ketnap up` ready after a clean stop", 5, 3, at="most"),
    "start_after_kill": Goal("`ketnap up` ready after a kill", 20, 3, at="most"),
}
