"""Tasks in this very process, one after the other: for tests, and for a debugger."""

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, cast

from pivot.model.stage import ObjectRef
from pivot.model.task import Task, TaskResult, TrialResult, TrialTask
from pivot.worker import modules
from pivot.worker.main import run_task, run_trial


class InlineExecutor:
    """Runs each task before `submit` returns, and forgets the project's modules after it.

    It cannot interrupt, survive a crash or enforce a timeout: the stage has this process to itself.
    """

    def __init__(self) -> None:
        self.slots = 1
        self.ahead = 0
        self._lock = threading.Lock()

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run the task now; the future is done."""
        future: Future[TaskResult] = Future()
        future.set_result(cast("TaskResult", pickle.loads(self._alone(run_task, pickle.dumps(task)))))
        return future

    def trial(self, task: TrialTask) -> TrialResult:
        """Evaluate the module's text now."""
        return cast("TrialResult", pickle.loads(self._alone(run_trial, pickle.dumps(task))))

    def call(self, function: ObjectRef, argument: bytes) -> bytes:
        """Call the function here; whatever it raises is raised."""
        return cast("Callable[[bytes], bytes]", modules.resolve(function))(argument)

    def interrupt(self, stage: str) -> None:
        """Nothing runs when this can be called."""

    def recall(self, stage: str) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is left to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _alone(self, runner: Callable[[bytes], bytes], data: bytes) -> bytes:
        with self._lock:  # descriptors, folder and environment belong to the whole process
            try:
                return runner(data)
            finally:
                modules.forget()
