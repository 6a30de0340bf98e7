"""Suggestions for words that nobody knows."""

import difflib
from collections.abc import Iterable, Sequence


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """``did you mean 'data'?``, else the known words, else ``None`` where there are none."""
    words = sorted(known)
    lower = {known.lower(): known for known in reversed(words)}
    close = difflib.get_close_matches(str(word).lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lower[close[0]]!r}?"
    return f"known: {listed(words)}" if words else None


def listed(names: Sequence[str], most: int = 12) -> str:
    """``a, b and 3 more``."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
