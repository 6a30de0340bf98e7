"""Whether a value of the kernel is what its source gives: comparison by structure, not by identity."""

import dataclasses
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from pivot.model.portrait import Portrait, portrait_of

_SCALARS = (str, bytes, int, bool, complex, type(None))

_Known = dict[tuple[int, int], tuple[object, object]]
"""Pairs that were met: those on the way are taken to be alike, so that values may hold themselves."""


def is_immutable(value: object) -> bool:
    """Whether nothing can have changed the value since it was made: scalars, paths, patterns, tuples of such."""
    if type(value) in (tuple, frozenset):
        assert isinstance(value, (tuple, frozenset))
        return all(is_immutable(item) for item in value)
    return type(value) in (*_SCALARS, float) or isinstance(value, (pathlib.PurePath, re.Pattern, range))


def same(live: object, other: object) -> bool | None:
    """Whether two values have the same types, structure and content.

    Args:
        other: may hold portraits of what no pickle can carry.

    Returns:
        ``None`` where nothing in the values says so: no equality of their own, no fields, no equal pickles.
    """
    try:
        return _same(live, other, {})
    except Exception:  # noqa: BLE001 - a foreign __eq__ may raise anything; then there is no answer
        return None


def _same(live: Any, other: Any, known: _Known) -> bool | None:
    if live is other or (id(live), id(other)) in known:
        return True
    if isinstance(other, Portrait):
        known[id(live), id(other)] = live, other
        return _same_portrait(portrait_of(live), other, known)
    if isinstance(live, type) or (callable(live) and hasattr(live, "__qualname__")):
        return _name(live) == _name(other)
    if type(live) is not type(other):
        return False
    if isinstance(live, _SCALARS):
        return bool(live == other)
    if isinstance(live, float):
        return live == other or (live != live and other != other)  # noqa: PLR0124 - nan
    known[id(live), id(other)] = live, other  # kept, so that nothing else gets their ids
    if isinstance(live, (list, tuple)):
        return len(live) == len(other) and _all(_same(a, b, known) for a, b in zip(live, other, strict=True))
    if isinstance(live, dict):
        # the order of keys is seen by whoever iterates
        return list(live) == list(other) and _all(_same(live[key], other[key], known) for key in live)
    library = _same_in_library(live, other)
    return _same_object(live, other, known) if library is None else library


def _same_portrait(live: Portrait | None, other: Portrait, known: _Known) -> bool | None:
    if live is None or live.facts != other.facts or len(live.parts) != len(other.parts):
        return False
    return _all(_same(a, b, known) for a, b in zip(live.parts, other.parts, strict=True))


def _name(value: object) -> tuple[object, object]:
    return (getattr(value, "__module__", None), getattr(value, "__qualname__", None))


def _all(answers: Iterable[bool | None]) -> bool | None:
    """False if any is False, else None if any is unknown, else True."""
    unknown = False
    for answer in answers:
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def _same_in_library(live: Any, other: Any) -> bool | None:
    """The equality that arrays and tables of the usual libraries have; ``None`` for everything else."""
    home = type(live).__module__.partition(".")[0]
    if home == "numpy" and hasattr(live, "dtype"):
        import numpy as np

        if live.dtype != other.dtype or live.shape != other.shape:
            return False
        return bool(np.array_equal(live, other, equal_nan=live.dtype.kind in "fcmM"))
    if home == "pandas" and hasattr(live, "equals"):
        names = ("names", "columns", "index", "name")
        return bool(live.equals(other)) and all(
            _same_labels(getattr(live, n, None), getattr(other, n, None)) for n in names
        )
    if home in {"polars", "pyarrow"} and hasattr(live, "equals"):
        return bool(live.equals(other))
    return None


def _same_labels(a: Any, b: Any) -> bool:
    return bool(a.equals(b)) if hasattr(a, "equals") else bool(a == b)


def _same_object(live: Any, other: Any, known: _Known) -> bool | None:
    if dataclasses.is_dataclass(live):
        fields = [field.name for field in dataclasses.fields(live)]
        return _all(_same(getattr(live, f), getattr(other, f), known) for f in fields)
    equality: object = type(live).__eq__
    if equality is not object.__eq__:
        answer = live == other
        return answer if isinstance(answer, bool) else None
    try:
        mine, others = live.__reduce_ex__(4), other.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - any class may refuse to be pickled in its own way
        return None
    if isinstance(mine, str) or isinstance(others, str):
        return bool(mine == others)
    # how to make it, its state, and the items of a container
    parts = zip(_parts(mine), _parts(others), strict=True)
    return _all(_same(a, b, known) for a, b in parts)


def _parts(reduced: tuple[Any, ...]) -> list[Any]:
    full = (*reduced, None, None, None, None)[:5]
    return [*full[:3], *(None if items is None else list(items) for items in full[3:])]
