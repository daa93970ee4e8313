"""A made-up nation: 34 provinces under one root, as a log of recorded events that reporting projects.

Everything in it is invented, as in `benchmarks.province`; the same arguments give the same events. The provinces'
events take turns, so that all provinces come to about the same day at the same time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from benchmarks.province import Province
from shared.events.recorded import Recorded, read_recorded, write_batch, write_recorded

PROVINCES = 34
COMMUNES = 3_321
GRASSROOTS = 51_000
ROOT = "nation"
SOURCE = "nation"

_BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
_TURN = 20
"""Events of a province before it is the next one's turn."""


class Nation:
    """34 provinces of equal size, with 3,321 communes and 51,000 grassroots organisations in all.

    The grassroots organisations have cells under them, which makes about 140,000 organisations.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        provinces: int = PROVINCES,
        communes: int = COMMUNES,
        grassroots: int = GRASSROOTS,
    ) -> None:
        self.root = ROOT
        self.provinces = [
            Province(
                f"p{number:02}",
                seed=seed,
                communes=_share(communes, provinces, number),
                grassroots=_share(grassroots, provinces, number),
                parent=ROOT,
            )
            for number in range(provinces)
        ]

    def pages(self, number: int, size: int = 1_000) -> Iterator[list[Recorded]]:
        """The first `number` recorded events of a history that fills all years, in pages; call it once."""
        recorded = (
            write_recorded(event, position, _BEGAN + timedelta(milliseconds=position))
            for position, event in enumerate(islice(self._events(number), number), 1)
        )
        while page := list(islice(recorded, size)):
            yield read_recorded(write_batch(page))

    def _events(self, number: int) -> Iterator[bytes]:
        yield Province.national_root(SOURCE, ROOT)
        under_way = [province.events(number // len(self.provinces) + 1) for province in self.provinces]
        while under_way:
            for events in list(under_way):
                turn = list(islice(events, _TURN))
                yield from turn
                if len(turn) < _TURN:
                    under_way.remove(events)


def _share(whole: int, parts: int, number: int) -> int:
    return whole * (number + 1) // parts - whole * number // parts
