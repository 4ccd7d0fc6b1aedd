"""How tests wait: nothing is asserted about time, which a busy machine has, but what hangs comes to an end."""

import random
import time
from collections.abc import Callable

PATIENCE = 1800
"""Seconds after which something counts as hanging."""


def until(happened: Callable[[], object], shown: Callable[[], str] = str) -> None:
    """Waits until something has happened; what is `shown` goes with the failure of what never does."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, shown()
        time.sleep(0.05)


def at_random(seconds: float) -> None:
    """Waits for so long at most: what is done then happens to work at any place."""
    wait = random.uniform(0, seconds)
    print(f"after {wait:.3f} s")
    time.sleep(wait)
