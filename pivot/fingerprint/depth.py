"""Room for code that is nested deeper than walking its tree may usually go: a chain of a thousand calls is legal."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_FRAMES = 50_000
"""More than the deepest tree needs that Python's own compiler accepts (some 6,000 levels, at most 6 frames each)."""

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Raises the limit of recursion, which all threads share, for a while."""
    with _ONE_AT_A_TIME:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(max(usual, _FRAMES))
        try:
            yield
        finally:
            sys.setrecursionlimit(usual)
