"""A made-up nation: 34 provinces under one root, as a log of recorded events that reporting projects.

Everything in it is invented, as in `benchmarks.province`; the same arguments give the same events. The provinces'
events take turns, so that all provinces come to about the same day at the same time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from benchmarks.province import Province
from shared.events.recorded import write_recorded

PROVINCES = 34
COMMUNES = 3_321
GRASSROOTS = 51_000
ROOT = "nation"
SOURCE = "nation"

MOST_MEMBERS = 94
"""Of a cell's opening balance: with what is published after it the nation comes to about 5.6 million."""

_BEGAN = datetime(2016, 1, 5, tzinfo=UTC)
_RECORDED_IN = timedelta(days=3_650)
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
        self.source = SOURCE
        self.root = ROOT
        self.provinces = [
            _Province(
                f"p{number:02}",
                seed=seed,
                communes=_share(communes, provinces, number),
                grassroots=_share(grassroots, provinces, number),
                most_members=MOST_MEMBERS,
                parent=ROOT,
            )
            for number in range(provinces)
        ]

    def recorded(self, number: int) -> Iterator[bytes]:
        """The first `number` recorded events of a history that fills all years, as JSON; call it once.

        What fills ten years was recorded in ten years too, so a past `known_at` lies in the midst of it.
        """
        step = _RECORDED_IN / number
        for position, event in enumerate(islice(self._events(number), number), 1):
            # A turn of the registry records many at one moment.
            yield write_recorded(event, position, _BEGAN + step * (position // _TURN * _TURN))

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


class _Province(Province):
    """As the log has it: what is told of a person is sealed, here by a placeholder as long as a sealed profile."""

    def _profile(self, day: date) -> str:
        return "sealed:v1:" + "made-up" * 30
