"""Where stages run: what the engine asks of every executor."""

from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self

from pivot.model.stage import ObjectRef
from pivot.model.task import Task, TaskResult, TrialResult, TrialTask


class Executor(Protocol):
    """Runs tasks, each in a process that is as good as new. A context manager; leaving it closes it.

    Attributes:
        slots: how many tasks may run at once.
        ahead: how many more it may be given, which it begins in turn, as others end. None if `slots` may grow
            meanwhile: somebody may count on its being the most.
    """

    slots: int
    ahead: int

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run a stage. The future never raises: every failure is a value. `StaleWorker` is never a result."""
        ...

    def trial(self, task: TrialTask) -> TrialResult:
        """Evaluate a module's text in a process that is discarded, and wait for its values."""
        ...

    def call(self, function: ObjectRef, argument: bytes) -> bytes:
        """Call an importable function of Pivot's own in a fresh process, discard that, and give the answer.

        Raises:
            PivotError: as raised inside (of the very class), or because the process failed.
        """
        ...

    def interrupt(self, stage: str) -> None:
        """Stop the tasks of a stage, running or waiting: returns at once, their results are ``cancelled``."""
        ...

    def recall(self, stage: str) -> None:
        """Take the tasks of a stage back that still wait: ``cancelled``, too. One that runs goes on."""
        ...

    def close(self) -> None:
        """Stop everything and leave no process behind. May be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
