"""How often the stages of a run are tried: which attempt it is, when the next is due.

begin → works ─→ done
          └ failed ─→ is it to be tried again? → a pause → due → begin …
"""

from pivot.model.event import StageRetried
from pivot.model.stage import Stage
from pivot.model.task import Failure, TaskResult

TRANSIENT = frozenset(("exception", "load", "died", "timeout"))
"""The kinds of failure that another attempt may not have."""


class Tries:
    """Those of one run. All times are seconds of one clock, which the caller reads."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def begin(self, stage: str) -> int:
        """An attempt begins; gives its number, from 1."""
        self._numbers[stage] = self._numbers.get(stage, 0) + 1
        return self._numbers[stage]

    def number(self, stage: str) -> int:
        """How many attempts have begun."""
        return self._numbers.get(stage, 0)

    def judged(self, stage: Stage, result: TaskResult) -> TaskResult:
        """A result, where one that was ended because it took too long says what can be done."""
        if not isinstance(result, Failure) or result.kind != "timeout" or stage.map is not None:
            return result
        message = f"{result.message} and was ended ({stage.place})"
        hint = "give it a longer timeout:, or let the stage do less; its log shows how far it came"
        return Failure("timeout", message, result.traceback, hint)

    def again(self, stage: Stage, failure: Failure, now: float) -> StageRetried | None:
        """A pause before the next attempt begins; ``None`` if there is none."""
        number, retries = self.number(stage.name), stage.retries
        if number > retries.times or failure.kind not in TRANSIENT or not retries.cover(failure.raised):
            return None
        self._due[stage.name] = now + retries.delay
        return StageRetried(stage.name, number, 1 + retries.times, failure.message, retries.delay)

    def take_due(self, now: float) -> tuple[str, ...]:
        """The stages whose pause is over; each once."""
        due = tuple(name for name, moment in self._due.items() if moment <= now)
        for name in due:
            del self._due[name]
        return due

    def drop(self, stage: str) -> bool:
        """The next attempt will not be; gives whether one was due."""
        return self._due.pop(stage, None) is not None

    @property
    def paused(self) -> tuple[str, ...]:
        """The stages that wait for their next attempt."""
        return tuple(self._due)
