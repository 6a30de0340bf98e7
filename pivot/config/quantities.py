"""Amounts as people write them: ``8GB``, ``10m``, ``1.5``."""

import math
import re
from typing import Any

_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]i?)?b", re.IGNORECASE)
_POWERS: dict[str, int] = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_LEAST_BYTES = 1 << 20  # a bare number below that was meant to have a unit
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

MEMORY_FORM = "an amount with its unit, such as 8GB (8·1000³ bytes) or 500MiB (500·1024² bytes)"
SPAN_FORM = "a time such as 90s, 10m or 1h30m, or a number of seconds"


def memory_of(given: Any) -> int | None:
    """Bytes: ``8GB``, ``1.5 GiB``, ``500mb``, or a whole number from 1 MiB on; ``None`` for anything else."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given if given >= _LEAST_BYTES else None
    match = _BYTES.fullmatch(given.strip()) if isinstance(given, str) else None
    if match is None:
        return None
    unit = (match[2] or "").lower()
    base = 1024 if unit.endswith("i") else 1000
    return int(float(match[1]) * base ** _POWERS[unit[:1]])


def seconds_of(given: Any) -> float | None:
    """Seconds: ``90s``, ``10m``, ``1h30m``, ``500ms``, ``2d``, or a number; ``None`` for anything else."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given) if math.isfinite(given) and given >= 0 else None
    if not isinstance(given, str) or not given.strip():
        return None
    text, found, at = given.strip(), 0.0, 0
    while at < len(text):
        match = _SPAN.match(text, at)
        if match is None:
            return None
        found += float(match[1]) * _SECONDS[match[2]]
        at = match.end()
    return found


def amount_of(given: Any) -> float | None:
    """A number that is not negative; ``None`` for anything else."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if math.isfinite(given) and given >= 0 else None


def span_text(seconds: float) -> str:
    """``90 s`` → ``1m30s``: as `seconds_of` reads it."""
    rest, words = seconds, []
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _SECONDS[unit])
        words += [f"{count:.0f}{unit}"] if count else []
    return "".join([*words, f"{rest:.10g}s"] if rest or not words else words)
