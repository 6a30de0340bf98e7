"""What reaches the driver of a run from other threads."""

from dataclasses import dataclass

from pivot.model.task import TaskResult

INTERRUPTED = "interrupted"
"""Why something was cancelled, if a person stopped it."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A worker gave a stage back, or an item of one."""

    name: str
    result: TaskResult


@dataclass(frozen=True, slots=True)
class Stop:
    """A person wants the run to stop; `hard` kills at once."""

    hard: bool
