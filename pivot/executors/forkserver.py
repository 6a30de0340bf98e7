"""Stages in warm processes forked from a server that has the libraries loaded.

submit ─→ queue ─→ one thread a slot ─→ its worker: run_task(bytes) → bytes ─→ future
                        │  StaleWorker: a fresh worker takes the task, once
                        └─ died, cancelled: the slot's process group is killed; the next task gets a fresh one
"""

import os
import pickle
import queue
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self, cast

from pivot.errors import PivotError, WorkerError
from pivot.executors.processes import Server, started_server
from pivot.executors.slot import Slot, WorkerDied
from pivot.model.stage import ObjectRef
from pivot.model.task import Failure, StaleWorker, Success, Task, TaskResult, TrialResult, TrialTask
from pivot.worker.main import run_call, run_task, run_trial

_PATIENCE = 5  # times what a trial may compute; one that only waits is given up after that
_REPEAT = 0.5  # seconds after which the worker is interrupted again: it may not have begun when first asked


class _Job:
    """A task on its way: who runs it, whether it is to stop. Guarded by the executor's lock."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.future: Future[TaskResult] = Future()
        self.slot: Slot | None = None
        self.stop = threading.Event()
        self.done = threading.Event()

    def finish(self, result: TaskResult) -> None:
        if not self.done.is_set():
            self.done.set()
            self.future.set_result(result)


class ForkserverExecutor:
    """Runs up to ``slots`` tasks at once, each in a process of its own.

    Args:
        slots: at least 1.
        preload: libraries (module names) that the fork server imports. Those that are not installed with the
            interpreter, or not fit to be forked, are left out.
        graces: seconds after an interrupt at which SIGTERM and SIGKILL follow.
        server: one that was started already, for as many slots; it is closed with the executor.
    """

    def __init__(
        self,
        slots: int,
        preload: Sequence[str] = (),
        *,
        graces: tuple[float, float] = (5.0, 8.0),
        server: Server | None = None,
    ) -> None:
        if slots < 1:
            raise ValueError(f"an executor needs at least 1 slot, not {slots}")
        self.slots = slots
        self._graces = graces
        self._server = server or started_server(slots, preload)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._jobs: list[_Job] = []
        self._stoppers: list[threading.Thread] = []
        self._passing: set[Slot] = set()
        self._closed = False
        self._slots = [Slot(self._server) for _ in range(slots)]
        self._threads = [
            threading.Thread(target=self._serve, args=(slot,), name=f"pivot-slot-{number}", daemon=True)
            for number, slot in enumerate(self._slots)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run a stage; see `Executor.submit`. Tasks beyond the number of slots wait."""
        job = _Job(task)
        with self._lock:
            self._refuse_if_closed()
            self._jobs.append(job)
            self._queue.put(job)
        return job.future

    def trial(self, task: TrialTask) -> TrialResult:
        """Evaluate a module's text in a process that is discarded; see `Executor.trial`."""
        slot = self._passing_slot()
        try:
            # the worker counts what it computes; on a busy machine that is less than what passes here
            slot.submit(run_trial, pickle.dumps(task))
            return cast("TrialResult", pickle.loads(slot.result(_PATIENCE * task.timeout)))
        except WorkerDied as death:
            return TrialResult(failure=death.failure)
        except TimeoutError:
            return TrialResult(failure=task.too_slow)
        finally:
            self._end(slot)

    def call(self, function: ObjectRef, argument: bytes) -> bytes:
        """Call a function of Pivot's own in a process that is discarded; see `Executor.call`."""
        slot = self._passing_slot()
        try:
            data = pickle.dumps((function, argument, os.getcwd(), dict(os.environ)))
            slot.submit(run_call, data)
            answer = pickle.loads(slot.result())
        except WorkerDied as death:
            raise WorkerError(death.failure.message, death.failure.hint) from None
        finally:
            self._end(slot)
        if isinstance(answer, PivotError):
            raise answer
        return cast("bytes", answer)

    def interrupt(self, stage: str) -> None:
        """Stop a stage and the programs it started: SIGINT now, SIGTERM and SIGKILL after the graces."""
        with self._lock:
            if self._closed:
                return
            for job in [job for job in self._jobs if job.task.stage == stage]:
                self._withdraw(job)

    def withdraw(self, future: Future[TaskResult], *, hard: bool = False) -> None:
        """Stop one task as `interrupt` stops those of a stage; `hard` kills it at once."""
        with self._lock:
            for job in [job for job in self._jobs if job.future is future]:
                self._withdraw(job)
                if hard and job.slot is not None:
                    job.slot.send(signal.SIGKILL)

    def close(self) -> None:
        """Kill what runs and the fork server; what had not ended is ``cancelled``. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for job in self._jobs:
                job.stop.set()
            for slot in (*self._slots, *self._passing):
                slot.send(signal.SIGKILL)
            for _ in self._threads:
                self._queue.put(None)
        for thread in (*self._threads, *self._stoppers):
            thread.join()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, slot: Slot) -> None:
        held = None
        while (job := self._queue.get()) is not None:
            # a module may have drawn or read something when it was imported
            held, before = (job.task.seed, job.task.environment), held
            if before not in (None, held):
                slot.discard()
            with self._lock:
                if job.stop.is_set():
                    self._finish(job, Failure("cancelled", "cancelled before it began"))
                    continue
                job.slot = slot
            try:
                result = self._run(job, slot)
            except Exception as error:  # noqa: BLE001 - the future must be fulfilled, whatever our fault is
                slot.discard()
                result = Failure("died", f"the executor failed: {type(error).__name__}: {error}")
            with self._lock:
                stopped, job.slot = job.stop.is_set(), None
            if stopped:  # whoever hears of its end may rely on it
                slot.discard()
            with self._lock:
                self._finish(job, _cancelled(result) if stopped else result)
            if job.task.libraries:
                slot.discard()
        slot.discard()

    def _run(self, job: _Job, slot: Slot) -> TaskResult:
        data = pickle.dumps(job.task)
        result = self._once(job, slot, data)
        if isinstance(result, StaleWorker) and not job.stop.is_set():
            slot.replace()
            result = self._once(job, slot, data)
        if isinstance(result, StaleWorker):
            message = f"module {result.modules[0]!r} of the project has the name of one that is loaded"
            return Failure("import", message, hint="give the project's module another name")
        return result

    def _once(self, job: _Job, slot: Slot, data: bytes) -> TaskResult:
        try:
            slot.submit(run_task, data)
            if job.stop.is_set():  # the signal may have come before there was a process
                slot.send(signal.SIGKILL)
            return cast("TaskResult", pickle.loads(slot.result()))
        except WorkerDied as death:
            return death.failure

    def _withdraw(self, job: _Job) -> None:
        if job.stop.is_set():
            return
        job.stop.set()
        if job.slot is None:
            self._finish(job, Failure("cancelled", "cancelled before it began"))
            return
        stopper = threading.Thread(target=self._stop, args=(job, job.slot), name="pivot-stop", daemon=True)
        self._stoppers = [thread for thread in self._stoppers if thread.is_alive()]
        self._stoppers.append(stopper)
        stopper.start()

    def _stop(self, job: _Job, slot: Slot) -> None:
        """Escalate until the job is done. Runs on a thread of its own."""
        terminate, kill = self._graces
        steps = [(0.0, signal.SIGINT, True), (terminate, signal.SIGTERM, True), (kill, signal.SIGKILL, True)]
        if terminate > _REPEAT:
            steps.insert(1, (_REPEAT, signal.SIGINT, False))
        passed = 0.0
        for at, number, group in steps:
            job.done.wait(at - passed)
            passed = at
            with self._lock:  # or the slot might run another job by now
                if job.slot is not slot:
                    return
                slot.send(number, group=group)

    def _finish(self, job: _Job, result: TaskResult) -> None:
        if job in self._jobs:
            self._jobs.remove(job)
        job.finish(result)

    def _passing_slot(self) -> Slot:
        with self._lock:
            self._refuse_if_closed()
            slot = Slot(self._server)
            self._passing.add(slot)
        return slot

    def _end(self, slot: Slot) -> None:
        slot.discard()
        with self._lock:
            self._passing.discard(slot)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise RuntimeError("the executor is closed")


def _cancelled(result: TaskResult) -> TaskResult:
    """The result of a task that was told to stop: what it finished counts, all else is its cancellation."""
    if isinstance(result, Success):
        return result
    if isinstance(result, Failure) and result.kind == "cancelled":
        return result
    return Failure("cancelled", "cancelled", result.traceback if isinstance(result, Failure) else "")
