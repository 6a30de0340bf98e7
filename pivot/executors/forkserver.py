"""Stages in warm processes forked from a server that has the libraries loaded.

submit ─┬─ a warm worker is idle: it gets the task at once ───────────┐
        └─ queue ─→ one thread a slot ─→ a worker, perhaps a new one ─┴→ run_task(bytes) → bytes ─→ future
                        │  StaleWorker: a fresh worker takes the task, once
                        │  too late: it is stopped
                        └─ died, cancelled: the slot's process group is killed; the next task gets a fresh one

A thread that must be woken to pass a task on costs more than many a stage. So whoever submits hands it over, and the
slot's thread only waits for the answer.
"""

import contextlib
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Self, cast

from pivot.core.state import duration
from pivot.errors import PivotError, WorkerError
from pivot.executors.processes import Server, started_server
from pivot.executors.slot import Slot, WorkerDied
from pivot.model.stage import ObjectRef
from pivot.model.task import Failure, StaleWorker, Success, Task, TaskResult, TrialResult, TrialTask
from pivot.worker.main import run_call, run_task, run_trial

_PATIENCE = 5  # times what a trial may compute; one that only waits is given up after that
_REPEAT = 0.5  # seconds after which the worker is interrupted again: it may not have begun when first asked


class _Job:
    """A task on its way: who runs it, whether it is to stop. Guarded by the executor's lock.

    Attributes:
        is_late: whether it is since it took too long.
        data: the task, pickled, once it is.
        handed: whether a worker has got it from whoever submitted it.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.future: Future[TaskResult] = Future()
        self.slot: Slot | None = None
        self.stop = self.is_late = False
        self.data: bytes | None = None
        self.handed = False

    @property
    def conditions(self) -> "_Conditions":
        """What a module may have drawn or read when it was imported."""
        return self.task.seed, self.task.environment

    def finish(self, result: TaskResult) -> None:
        if not self.future.done():
            self.future.set_result(result)


_Conditions = tuple[int | None, Mapping[str, str]]


class _Lane:
    """A slot and what its thread is at. Guarded by the executor's lock, but for `sleep`.

    Attributes:
        job: what it is at; ``None``: it is idle.
        held: the conditions of the tasks that its worker has had.
    """

    def __init__(self, server: Server) -> None:
        self.slot = Slot(server)
        self.job: _Job | None = None
        self.held: _Conditions | None = None
        self._heard, self._bell = os.pipe()

    def take(self, job: _Job) -> None:
        """Let its thread, or its worker at once, have a job."""
        self.job = job
        # the thread is the one that watches the time
        if self.held == job.conditions and self.slot.is_warm and job.task.timeout is None:
            with contextlib.suppress(Exception):  # the thread will meet it again, and say it
                job.data = pickle.dumps(job.task)
                job.handed = self.slot.hand(run_task, job.data)
        if job.handed:
            job.slot = self.slot
        else:
            self.wake()

    def wake(self) -> None:
        """End its thread's sleep."""
        os.write(self._bell, b"!")

    def sleep(self) -> bool:
        """Wait for `wake`, or for the worker to stir, by an answer or its end; gives whether it did that."""
        if not self.slot.stirs(self._heard):
            os.read(self._heard, 4096)
            return False
        return True

    def close(self) -> None:
        """Give the bell back."""
        os.close(self._heard)
        os.close(self._bell)


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
        self.slots = self.ahead = slots
        self._graces = graces
        self._server = server or started_server(slots, preload)
        self._queue: deque[_Job] = deque()
        self._lock = threading.RLock()
        self._jobs: list[_Job] = []
        self._stoppers: list[threading.Thread] = []
        self._passing: set[Slot] = set()
        self._closed = False
        self._lanes = [_Lane(self._server) for _ in range(slots)]
        self._threads = [
            threading.Thread(target=self._serve, args=(lane,), name=f"pivot-slot-{number}", daemon=True)
            for number, lane in enumerate(self._lanes)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run a stage; see `Executor.submit`. Tasks beyond the number of slots wait."""
        job = _Job(task)
        with self._lock:
            self._refuse_if_closed()
            self._jobs.append(job)
            idle = [lane for lane in self._lanes if lane.job is None]
            if idle and not self._queue:  # else its thread is about to take what came before
                min(idle, key=lambda lane: not lane.slot.is_warm).take(job)
            else:
                self._queue.append(job)
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

    def recall(self, stage: str) -> None:
        """Take the tasks of a stage back that still wait; see `Executor.recall`."""
        with self._lock:
            for job in [job for job in self._jobs if job.task.stage == stage and job.slot is None]:
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
                job.stop = True
            for slot in (*(lane.slot for lane in self._lanes), *self._passing):
                slot.send(signal.SIGKILL)
            for lane in self._lanes:
                lane.wake()
        for thread in (*self._threads, *self._stoppers):
            thread.join()
        for lane in self._lanes:
            lane.close()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, lane: _Lane) -> None:
        slot = lane.slot
        while (job := self._next(lane)) is not None:
            with self._lock:
                if job.stop and not job.handed:
                    lane.job = None
                    self._finish(job, Failure("cancelled", "cancelled before it began"))
                    continue
                job.slot = slot
            if lane.held not in (None, job.conditions):
                slot.discard()
            lane.held = job.conditions
            try:
                result = self._run(job, slot)
            except Exception as error:  # noqa: BLE001 - the future must be fulfilled, whatever our fault is
                slot.discard()
                result = Failure("died", f"the executor failed: {type(error).__name__}: {error}")
            with self._lock:
                stopped, job.slot = job.stop, None
            if stopped:  # whoever hears of its end may rely on it
                slot.discard()
            with self._lock:
                if not job.task.libraries:
                    lane.job = None  # whoever hears of its end may hand over the next one
                self._finish(job, _stopped(job, result) if stopped else result)
            if job.task.libraries:
                slot.discard()
                with self._lock:
                    lane.job = None
        slot.discard()

    def _next(self, lane: _Lane) -> _Job | None:
        """What the slot is to do next; ``None``: no more."""
        while True:
            with self._lock:
                if lane.job is None and self._queue:
                    lane.job = self._queue.popleft()
                if lane.job is not None or self._closed:
                    return lane.job
            if lane.sleep():
                with self._lock:
                    if lane.job is None:
                        lane.slot.discard()  # it died with nothing to do

    def _run(self, job: _Job, slot: Slot) -> TaskResult:
        data = job.data or pickle.dumps(job.task)
        result = self._once(job, slot, data, handed=job.handed)
        if isinstance(result, StaleWorker) and not job.stop:
            slot.replace()
            result = self._once(job, slot, data)
        if isinstance(result, StaleWorker):
            message = f"module {result.modules[0]!r} of the project has the name of one that is loaded"
            return Failure("import", message, hint="give the project's module another name")
        return result

    def _once(self, job: _Job, slot: Slot, data: bytes, *, handed: bool = False) -> TaskResult:
        try:
            if not handed:
                slot.submit(run_task, data)
                if job.stop:  # the signal may have come before there was a process
                    slot.send(signal.SIGKILL)
            with self._watched(job):
                return cast("TaskResult", pickle.loads(slot.result()))
        except WorkerDied as death:
            return death.failure

    @contextlib.contextmanager
    def _watched(self, job: _Job) -> Iterator[None]:
        """Meanwhile a job that takes too long is stopped."""
        if job.task.timeout is None:
            yield
            return
        watch = threading.Timer(job.task.timeout, self._end_late, (job,))
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _end_late(self, job: _Job) -> None:
        with self._lock:
            if job.slot is not None and not job.stop and not self._closed:
                job.is_late = True
                self._withdraw(job)

    def _withdraw(self, job: _Job) -> None:
        if job.stop:
            return
        job.stop = True
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
            wait([job.future], at - passed)
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


def _stopped(job: _Job, result: TaskResult) -> TaskResult:
    """The result of a task that was told to stop: what it finished counts, all else is why it was stopped."""
    if isinstance(result, Success):
        return result
    traceback = result.traceback if isinstance(result, Failure) else ""
    if job.is_late:
        return Failure("timeout", f"took longer than {duration(job.task.timeout or 0)}", traceback)
    if isinstance(result, Failure) and result.kind == "cancelled":
        return result
    return Failure("cancelled", "cancelled", traceback)
