"""How long work beside something more urgent rests, so that it takes no more than its share of the time."""

from time import monotonic


def rest(begin: float, share: float) -> float:
    """Seconds to rest after work that began at `begin` (`monotonic`) and may take `share` of the time, 0 to 1."""
    return (monotonic() - begin) * (1 / share - 1)
