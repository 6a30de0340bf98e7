"""Stages that are executed item by item: which items of each are still to be begun, and which were."""

from collections import deque
from collections.abc import Sequence

BRIEF = 1.0
"""Seconds of work up to which an item is over in a moment."""


class Spreads:
    """The items of stages, from when a stage is known to have some to the last one's end."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[str]] = {}
        self._begun: dict[str, set[str]] = {}
        self._stage: dict[str, str] = {}  # of each item that was begun
        self._brief: dict[str, bool] = {}  # whether the stage's last item was

    def open(self, stage: str, items: Sequence[str], most: int | None) -> list[str]:
        """Takes a stage's items; gives those to begin with, at most `most`."""
        self._waiting[stage] = deque(items)
        self._begun[stage] = set()
        return self._next(stage, len(items) if most is None else most)

    def stage_of(self, item: str) -> str | None:
        """The stage of an item that was begun; ``None`` of all else."""
        return self._stage.get(item)

    def is_brief(self, name: str) -> bool:
        """Whether it is an item, and such as take only a moment, judged by the last one of its stage."""
        return self._brief.get(self._stage.get(name, ""), False)

    def end(self, item: str, seconds: float | None) -> list[str]:
        """An item ended, or will not be executed; gives what takes its place.

        Args:
            seconds: that it worked; ``None`` where nobody knows.
        """
        stage = self._stage.pop(item)
        if seconds is not None:
            self._brief[stage] = seconds <= BRIEF
        self._begun[stage].discard(item)
        return self._next(stage, 1)

    def stop(self) -> None:
        """Begin no more items of any stage."""
        for waiting in self._waiting.values():
            waiting.clear()

    def close_if_over(self, stage: str) -> bool:
        """Whether no item of a stage is at work or to come; then it is forgotten."""
        if self._begun[stage] or self._waiting[stage]:
            return False
        del self._begun[stage], self._waiting[stage]
        self._brief.pop(stage, None)
        return True

    def _next(self, stage: str, count: int) -> list[str]:
        waiting = self._waiting[stage]
        items = [waiting.popleft() for _ in range(min(count, len(waiting)))]
        self._begun[stage].update(items)
        self._stage.update(dict.fromkeys(items, stage))
        return items
