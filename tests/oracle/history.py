"""A history: the world on every evening on which something happened, as known at a position."""

from copy import deepcopy
from datetime import date
from itertools import groupby
from typing import Any

from tests.oracle.facts import facts
from tests.oracle.world import World


class History:
    """Recorded events (JSON objects with `position`, in log order) up to `known_at`, gone through day by day."""

    def __init__(self, events: list[Any], known_at: int) -> None:
        self.evenings: list[tuple[date, World]] = []
        world = World()
        for day, said in groupby(facts(events, known_at), key=lambda fact: fact["day"]):
            world = deepcopy(world)
            world.happened = []
            world.went_on = []
            for fact in said:
                world.apply(fact)
            self.evenings.append((day, world))

    def evening(self, day: date) -> World:
        """The world at the end of a day."""
        found = World()
        for each, world in self.evenings:
            if each <= day:
                found = world
        return found
