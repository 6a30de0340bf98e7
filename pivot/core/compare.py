"""What differs between two sides: values one by one, and stages by what their results rest on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pivot.core.reasons import changes
from pivot.core.values import Key, flatten
from pivot.model.decision import Change, ChangeKind
from pivot.model.record import StageRecord
from pivot.model.stored import shown_name


class Absent(Enum):
    """Stands where a side has no value; ``None`` is one."""

    ABSENT = ""


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Pair:
    """One single value on two sides.

    Attributes:
        where: the file (of a metric) or the stage (of a param) that it belongs to.
        key: the way to it.
        old, new: `ABSENT` where a side has none.
    """

    where: str
    key: Key
    old: Any
    new: Any

    @property
    def differs(self) -> bool:
        """Whether the sides say something else; NaN is NaN, 1 is 1.0, true is not 1."""
        return not _same(self.old, self.new)

    @property
    def change(self) -> int | float | None:
        """New minus old; ``None`` where these are no numbers, or there is nothing to tell."""
        if not (is_number(self.old) and is_number(self.new)) or not self.differs:
            return None
        try:
            found: int | float = self.new - self.old
        except OverflowError:
            return None
        return None if isinstance(found, float) and math.isnan(found) else found


@dataclass(frozen=True, slots=True)
class StageDifference:
    """How a stage differs between two sides.

    Attributes:
        what: ``added``, ``removed`` or ``changed``.
        changes: of a changed one: of what its result rests on, then of its outputs.
    """

    stage: str
    what: str
    changes: tuple[Change, ...] = ()


def is_number(value: Any) -> bool:
    """Whether it is a number to calculate with; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Pair]:
    """All single values of two sides, side by side.

    Args:
        old, new: file or stage → value, nested as it may be.

    Returns:
        in the order of the new side, what only the old one has being put where it was there.
    """
    found: list[Pair] = []
    for where in _merged(list(old), list(new)):
        before = flatten(old[where]) if where in old else {}
        after = flatten(new[where]) if where in new else {}
        found += [
            Pair(where, key, before.get(key, ABSENT), after.get(key, ABSENT))
            for key in _merged(list(before), list(after))
        ]
    return found


def stage_difference(stage: str, old: StageRecord | None, new: StageRecord | None) -> StageDifference | None:
    """How a stage differs; ``None`` if it does not.

    Args:
        old, new: its results on both sides; ``None`` where a side has no such stage.
    """
    if old is None or new is None:
        return None if old is new else StageDifference(stage, "added" if old is None else "removed")
    found = (*changes(old.inputs, new.inputs), *_output_changes(old, new))
    return StageDifference(stage, "changed", found) if found else None


def _output_changes(old: StageRecord, new: StageRecord) -> list[Change]:
    found = []
    for path in _merged(list(old.outputs), list(new.outputs)):
        before, after = old.outputs.get(path), new.outputs.get(path)
        if before is None or after is None or before.digest != after.digest:
            kind = ChangeKind.OUTPUT_MISSING if after is None else ChangeKind.OUTPUT_ALTERED
            digests = (before.digest if before else None, after.digest if after else None)
            found.append(Change(kind, path, *digests))
    for name in _merged(list(old.puts), list(new.puts)):
        one, other = old.puts.get(name), new.puts.get(name)
        if one != other:
            kind = ChangeKind.OUTPUT_MISSING if other is None else ChangeKind.OUTPUT_ALTERED
            digests = (one.digest if one else None, other.digest if other else None)
            found.append(Change(kind, f"key {shown_name(name)}", *digests))
    return found


def _same(one: Any, other: Any) -> bool:
    if is_number(one) and is_number(other):
        return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - NaN
    return type(one) is type(other) and bool(one == other)


def _merged(old: "list[Any]", new: "list[Any]") -> "list[Any]":
    """The items of both, each once; those of ``old`` alone right after what stood before them."""
    kept = set(new)
    merged: list[Any] = []
    waiting: dict[Any, list[Any]] = {}
    last: Any = ABSENT
    for item in old:
        if item in kept:
            last = item
        else:
            waiting.setdefault(last, []).append(item)
    merged += waiting.get(ABSENT, [])
    for item in new:
        merged += [item, *waiting.get(item, [])]
    return merged
