"""One place for one worker: its process group dies as a whole, and a new one is forked when needed."""

import contextlib
import os
import pickle
import select
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Pipe
from multiprocessing.util import Finalize

from pivot.executors.memory import KillCount, boot_time, is_named
from pivot.executors.processes import Server, WorkerProcess, search_path
from pivot.model.task import Failure
from pivot.worker.main import serve
from pivot.worker.wire import receive, send

Runner = Callable[[bytes], bytes]
_AT_ONCE = 1 << 15
"""Bytes that a socket takes without a wait."""


class WorkerDied(Exception):  # noqa: N818 - a past fact
    """The worker ended before it answered.

    Attributes:
        failure: how it ended, in words.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Slot:
    """A worker that is kept warm between calls.

    One thread calls `submit`, `result`, `replace` and `discard`; `send` may be called from any, and so may `hand`,
    while nothing is under way.

    Code that was edited once will be edited again, and then a worker that has imported it is of no use. So from the
    first time on a spare one is forked while its predecessor is at work, and has nothing imported yet.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._worker: _Worker | None = None
        self._lock = threading.Lock()
        self._spare: _Worker | None = None
        self._former: _Worker | None = None
        self._is_new = False
        self._before: int | None = (
            None  # how often the kernel had killed for want of memory before the last call
        )
        self._began = 0.0

    def submit(self, runner: Runner, data: bytes) -> None:
        """Begin a call in the worker, which is forked if there is none; its answer must be fetched by `result`.

        Raises:
            WorkerDied: no process could be started.
        """
        for chance in (1, 2):
            try:
                self._submit(runner, data)
            except (OSError, EOFError) as error:
                self.discard()
                if chance == 2:
                    failure = Failure("died", f"no worker could be started: {error}")
                    raise WorkerDied(failure) from error
                # the fork server, or a worker that was idle, died just now: there will be another one
            else:
                return

    @property
    def is_warm(self) -> bool:
        """Whether there is a worker."""
        return self._worker is not None

    def hand(self, runner: Runner, data: bytes) -> bool:
        """Begin a call in the worker that is there, at once; gives whether that could be done.

        What is long may have to wait until the worker has taken some of it, and so is refused.
        """
        if self._worker is None or len(data) > _AT_ONCE:
            return False
        try:
            self._submit(runner, data)
        except OSError:  # it died just now
            return False
        return True

    def stirs(self, alarm: int) -> bool:
        """Wait for the worker to say something or to end, or for `alarm`; gives whether it was the worker."""
        events = select.poll()
        for fd in (alarm, *(self._worker.ends if self._worker is not None else ())):
            events.register(fd, select.POLLIN)
        return any(fd != alarm for fd, _ in events.poll())

    def _submit(self, runner: Runner, data: bytes) -> None:
        worker = self._worker
        if worker is None:
            worker = _Worker(self._server)
            with self._lock:
                self._worker = worker
            worker.start()
        self._before, self._began = worker.kills.read(), boot_time()
        worker.send(pickle.dumps((runner, data)))

    def result(self, timeout: float | None = None) -> bytes:
        """Wait for the answer of the call that was begun last.

        Raises:
            WorkerDied: the process ended first.
            TimeoutError: there was no answer within ``timeout`` seconds; the worker goes on.
        """
        assert self._worker is not None
        if self._is_new:
            self._is_new = False
            self._provide()
        try:
            return self._worker.receive(timeout)
        except (EOFError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise WorkerDied(self._discard_dead()) from None

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the worker and, with ``group``, to the programs that its stage started."""
        with self._lock:
            if self._worker is not None:
                _send(self._worker.process, number, group=group)

    def replace(self) -> None:
        """As `discard`, but the next call waits for no end of the worker, nor for a new one if one is spare."""
        self.send(signal.SIGKILL)
        spare, self._spare = self._spare, None
        if spare is not None and not spare.is_up_to_date:
            spare.end()
            spare = None
        self._bury()
        with self._lock:
            self._former, self._worker = self._worker, spare
        self._is_new = True

    def discard(self) -> None:
        """End the worker, its spare one, and its stage's programs; the next call gets a fresh one."""
        self.send(signal.SIGKILL)
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.end()
        self._bury()

    def _provide(self) -> None:
        """Fork a spare worker; where that fails, whoever needs one will say so."""
        self._bury()
        spare = _Worker(self._server)
        try:
            spare.start()
        except (OSError, EOFError):
            spare.close()
        else:
            self._spare = spare

    def _bury(self) -> None:
        former, self._former = self._former, None
        if former is not None:
            former.close()

    def _discard_dead(self) -> Failure:
        assert self._worker is not None
        process, kills = self._worker.process, self._worker.kills
        code = None
        starved = False
        if process.pid is not None:
            process.join()
            code = process.exitcode
            if code == -signal.SIGKILL:
                starved = (kills.read() or 0) > (self._before or 0) or is_named(process.pid, self._began)
        self.discard()
        return death(code, starved=starved)


class _Worker:
    """A process and the way to talk to it."""

    def __init__(self, server: Server) -> None:
        self._own, self._its = Pipe()
        self.process = WorkerProcess(server, target=serve, args=(self._its,))
        self.kills = KillCount()
        self._events = select.poll()
        self._at_exit: Finalize | None = None
        self._path: list[str] = []

    @property
    def is_up_to_date(self) -> bool:
        """Whether a worker that is forked now would look for libraries in the same folders."""
        return self._path == search_path()

    def start(self) -> None:
        self._path = search_path()
        self.process.start()
        # a program that ends without closing its executor would wait for its children first, in vain
        self._at_exit = Finalize(None, _send, (self.process, signal.SIGKILL), exitpriority=0)
        self._its.close()
        self._events.register(self._own, select.POLLIN)
        self._events.register(self.process.sentinel, select.POLLIN)

    @property
    def ends(self) -> tuple[int, int]:
        """What can be read from once it says something, and once it has ended."""
        return self._own.fileno(), self.process.sentinel

    def send(self, message: bytes) -> None:
        send(self._own.fileno(), message)

    def receive(self, timeout: float | None) -> bytes:
        return receive(self._own.fileno(), lambda: self._await(timeout))

    def _await(self, timeout: float | None) -> None:
        """Wait for a piece of an answer; programs that the stage left may hold its end open after its death."""
        ready = [fd for fd, _ in self._events.poll(None if timeout is None else timeout * 1000)]
        if not ready:
            raise TimeoutError
        if self._own.fileno() not in ready:
            raise EOFError

    def end(self) -> None:
        """Kill it."""
        _send(self.process, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if self._at_exit is not None:
            self._at_exit.cancel()
        if self.process.pid is not None:
            self.process.join()
            self.process.close()
        for end in (self._own, self._its):
            end.close()
        self.kills.close()


def _send(process: WorkerProcess, number: signal.Signals, *, group: bool = True) -> None:
    """Send a signal to a worker and, with ``group``, to the programs that its stage started."""
    if process.pid is None:
        return
    if group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
            return
    if process.exitcode is None:  # it has not made its group yet, or only itself is meant
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


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
