"""The mapped stages of a run: whose an item is, and how far each stage is."""

from collections.abc import Callable

from pivot.core.schedule import Spread
from pivot.engine.attempt import Attempt
from pivot.engine.fan import Fan
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
        self._at_work: dict[str, str] = {}  # items that were submitted, with their stage

    def open(self, attempt: Attempt, decision: Decision) -> Task | None:
        """Begin a stage; gives the task that finds its items, where only a worker can.

        Raises:
            PivotError: there is nothing to go through item by item.
        """
        fan = self._fans[attempt.stage.name] = Fan(attempt, decision)
        return fan.begin()

    def is_split(self, stage: str) -> bool:
        """Whether a worker looks for the items of a stage."""
        return stage in self._fans and self._fans[stage].is_split

    def take_split(self, stage: str, result: TaskResult) -> TaskResult:
        """A worker has looked for the items."""
        return self._fans[stage].take_split(result)

    def spread(self, stage: str) -> Spread:
        """What the scheduler is told: the items that must be executed."""
        fan = self._fans[stage]
        names = fan.pending()
        self._fan_of.update(dict.fromkeys(names, fan))
        self._tell(fan)
        return Spread(stage, names, fan.map.max_parallel)

    def has_item(self, name: str) -> bool:
        """Whether it is the name of an item."""
        return name in self._fan_of

    def task(self, item: str) -> Task:
        """The task of an item, which is at work from now on.

        Raises:
            PivotError: it cannot be made.
        """
        fan = self._fan_of[item]
        task = fan.task(item)
        self._at_work[item] = fan.stage
        return task

    def take(self, item: str, result: TaskResult) -> Outcome:
        """An item has ended; gives how."""
        fan = self._fan_of.pop(item)
        self._at_work.pop(item, None)
        fan.take(item, result)
        self._tell(fan)
        if isinstance(result, Success):
            return Outcome.RAN
        return (
            Outcome.CANCELLED
            if isinstance(result, Failure) and result.kind == "cancelled"
            else Outcome.FAILED
        )

    def at_work(self, stage: str) -> tuple[str, ...]:
        """The items of a stage that are at work."""
        return tuple(item for item, whose in self._at_work.items() if whose == stage)

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

    def _tell(self, fan: Fan) -> None:
        done, total = fan.progress
        self._emit(StageProgress(fan.stage, done, total, "items"))
