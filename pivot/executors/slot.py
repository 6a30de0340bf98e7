"""One place for one worker: its process group dies as a whole, and a new one is forked when needed."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from pivot.executors.memory import boot_time, is_named, memory_kills
from pivot.executors.processes import Server, WorkerContext
from pivot.model.task import Failure
from pivot.worker.main import start

Runner = Callable[[bytes], bytes]


class WorkerDied(Exception):  # noqa: N818 - a past fact
    """The worker ended before it answered.

    Attributes:
        failure: how it ended, in words.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Slot:
    """A pool of one worker that is kept warm between calls.

    One thread calls `run` and `discard`; `send` may be called from any.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._context: WorkerContext | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._kills: int | None = None  # of the kernel, for want of memory, before the last call
        self._began = 0.0

    def submit(self, runner: Runner, data: bytes) -> Future[bytes]:
        """Begin a call in the worker, which is forked if there is none.

        Raises:
            WorkerDied: no process could be started, or it is gone already.
        """
        try:
            return self._submit(runner, data)
        except (OSError, EOFError):  # the fork server died just now; there will be another one
            self.discard()
        try:
            return self._submit(runner, data)
        except (OSError, EOFError) as error:
            self.discard()
            failure = Failure("died", f"no worker could be started: {error}")
            raise WorkerDied(failure) from error

    def _submit(self, runner: Runner, data: bytes) -> Future[bytes]:
        with self._lock:
            if self._pool is None:
                self._context = WorkerContext(self._server)
                self._pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=start)
            pool = self._pool
        self._kills, self._began = memory_kills(), boot_time()
        try:
            return pool.submit(runner, data)
        except BrokenProcessPool:
            raise WorkerDied(self._discard_dead()) from None

    def result(self, future: Future[bytes], timeout: float | None = None) -> bytes:
        """Wait for a call's answer.

        Raises:
            WorkerDied: the process ended first.
            TimeoutError: there was no answer within ``timeout`` seconds; the worker goes on.
        """
        try:
            return future.result(timeout)
        except BrokenProcessPool:
            raise WorkerDied(self._discard_dead()) from None

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the worker and, with ``group``, to the programs that its stage started."""
        with self._lock:
            worker = self._context.worker if self._context else None
            if worker is None or worker.pid is None:
                return
            if group:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(worker.pid, number)
                    return
            if worker.exitcode is None:  # it has not made its group yet, or only itself is meant
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, number)

    def discard(self) -> None:
        """End the worker and its stage's programs; the next call gets a fresh one."""
        self.send(signal.SIGKILL)
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            context, self._context = self._context, None
        if context is not None and context.worker is not None and context.worker.pid is not None:
            context.worker.join()
            context.worker.close()

    def _discard_dead(self) -> Failure:
        worker = self._context.worker if self._context else None
        code = None
        starved = False
        if worker is not None and worker.pid is not None:
            worker.join()
            code = worker.exitcode
            if code == -signal.SIGKILL:
                starved = (memory_kills() or 0) > (self._kills or 0) or is_named(worker.pid, self._began)
        self.discard()
        return death(code, starved=starved)


def death(code: int | None, *, starved: bool = False) -> Failure:
    """How a worker ended, from its exit code (negative: a signal).

    Args:
        starved: the kernel says that it killed for want of memory.
    """
    if code is None:
        return Failure("died", "worker ended before it could be asked")
    if code >= 0:
        what = f"worker exited with code {code} (something called os._exit({code}), or exited in C code)"
        return Failure("died", what, hint="raise an exception to fail a stage, return to end it")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        what = "worker was killed by SIGKILL (the system may have run out of memory)"
        if starved:
            what = "worker was killed by the kernel: out of memory"
        return Failure(
            "died", what, hint="run fewer stages at once (--jobs), or let the stage use less memory"
        )
    if name in {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"}:
        what = f"worker crashed in C code ({name})"
        return Failure("died", what, hint="the stage's log ends with the Python lines that led there")
    return Failure("died", f"worker was killed by {name}")
