"""The mapped stages of a run: whose an item is, and how far each stage is."""

from collections.abc import Callable

from pivot.core.orders import Ended, Spread
from pivot.engine.attempt import Attempt
from pivot.engine.fan import Fan
from pivot.errors import PivotError
from pivot.model.decision import Decision
from pivot.model.event import Event, Outcome, StageProgress
from pivot.model.task import Failure, Success, Task, TaskResult


class Fans:
    """The mapped stages that are under way.

    Args:
        emit: takes the events that say how far they are.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._fans: dict[str, Fan] = {}
        self._fan_of: dict[str, Fan] = {}  # by the name of an item
        self._at_work: dict[str, str] = {}  # item → stage

    def begin(self, attempt: Attempt, decision: Decision) -> Task | Spread | Failure:
        """What an attempt begins with, or why it cannot.

        The task of a stage that is not mapped; the items of one that is, or the task that finds them.
        """
        if attempt.stage.map is None:
            return attempt.task
        fan = self._fans[attempt.stage.name] = Fan(attempt, decision)
        try:
            return fan.begin() or self._spread(fan)
        except PivotError as error:
            return Failure("load", error.message, hint=error.hint)

    def is_split(self, stage: str) -> bool:
        """Whether a worker looks for the items of a stage."""
        return stage in self._fans and self._fans[stage].is_split

    def take_split(self, stage: str, result: TaskResult) -> TaskResult | Spread:
        """A worker has looked for the items."""
        fan = self._fans[stage]
        result = fan.take_split(result)
        return self._spread(fan) if isinstance(result, Success) else result

    def has_item(self, name: str) -> bool:
        """Whether it is the name of an item."""
        return name in self._fan_of

    def task(self, item: str) -> Task | Failure:
        """The task of an item, which is handed out now."""
        fan = self._fan_of[item]
        try:
            task = fan.task(item)
        except PivotError as error:
            return Failure("load", error.message, hint=error.hint)
        self._at_work[item] = fan.stage
        return task

    def take(self, item: str, result: TaskResult) -> Ended:
        """An item has ended; gives what the scheduler is told."""
        fan = self._fan_of.pop(item)
        self._at_work.pop(item, None)
        is_cancelled = isinstance(result, Failure) and result.kind == "cancelled"
        fan.take(item, result)
        self._tell(fan)
        if isinstance(result, Success):
            return Ended(item, Outcome.RAN, result.seconds)
        return Ended(item, Outcome.CANCELLED if is_cancelled else Outcome.FAILED)

    def at_work(self, stage: str) -> tuple[str, ...]:
        """The items of a stage that are at work, or wait for it where they were handed out to."""
        return tuple(item for item, whole in self._at_work.items() if whole == stage)

    def gather(self, stage: str, cause: str) -> tuple[Attempt, TaskResult]:
        """The stage as a whole, and how it ends; forgets it."""
        fan = self._fans[stage]
        self.close(stage)
        return fan.gather(cause)

    def close(self, stage: str) -> None:
        """Forget a stage and its items."""
        fan = self._fans.pop(stage, None)
        if fan is not None:
            self._fan_of = {item: one for item, one in self._fan_of.items() if one is not fan}

    def _spread(self, fan: Fan) -> Spread:
        """What the scheduler is told: the items that must be executed."""
        names = fan.pending()
        self._fan_of.update(dict.fromkeys(names, fan))
        self._tell(fan)
        return Spread(fan.stage, names, fan.map.max_parallel)

    def _tell(self, fan: Fan) -> None:
        done, total = fan.progress
        self._emit(StageProgress(fan.stage, done, total, "items", len(fan.failures)))
