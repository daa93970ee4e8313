"""How often Python looks for cycles, in processes that make many objects at a time."""

import gc


def calm_the_collector() -> None:
    """Let Python look for cycles less often than by default."""
    # A batch makes tens of thousands of objects that live as long as its turn. By default each turn's garbage
    # is searched for cycles many times over, for a third of the time that it takes.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()  # a service that starts has it off
