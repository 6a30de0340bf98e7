"""Worker processes forked from a fork server of our own.

They differ from the standard library's in three ways. The driver's ``__main__`` is not imported again (a
script needs no guard, the command line's entry script has no business in a worker). The server is not the one
that the user's own ``multiprocessing`` uses. And it starts with a fixed hash seed, which all workers inherit.
"""

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import context, popen_forkserver, process, reduction, resource_tracker, util
from multiprocessing.forkserver import ForkServer, read_signed
from typing import Any

from pivot.executors.cores import threads


class Server:
    """A fork server that is started when first needed, and again if it died.

    Args:
        environment: added to the driver's for the server and its children.
        preload: modules that the server imports; see `pivot.executors.preload`.
    """

    _starting = threading.Lock()
    """One for the whole process, whose environment and main module each start borrows."""

    def __init__(self, environment: Mapping[str, str], preload: Sequence[str]) -> None:
        self._environment = dict(environment)
        self._preload = list(preload)
        self._lock = threading.Lock()
        self._server: Any = None
        self._closed = False

    def start(self) -> None:
        """Start it, if it does not run; returns before the server is ready."""
        with self._lock:
            self._ensure()

    def connect(self, fds: Sequence[int]) -> tuple[int, int]:
        """Fork a child; the descriptors on which its status is read and its orders are written."""
        with self._lock:
            self._ensure()
            try:
                status, orders = self._server.connect_to_new_process(fds)
            except ConnectionError:  # it is dying, and not yet dead
                self._end()
                self._ensure()
                status, orders = self._server.connect_to_new_process(fds)
        return status, orders

    def close(self) -> None:
        """End the server for good. Its children are left alone."""
        with self._lock:
            self._closed = True
            self._end()

    def _ensure(self) -> None:
        if self._closed:
            raise OSError("the executor is closed")
        if self._server is not None and self._runs():
            return
        self._end()
        self._server = ForkServer()
        self._server.set_forkserver_preload(self._preload)
        with self._starting, _environment(self._environment), _whole_main():
            resource_tracker.ensure_running()
            with _deaf():
                self._server.ensure_running()

    def _runs(self) -> bool:
        if self._server._forkserver_pid is None:  # noqa: SLF001 - it could not be started
            return False
        try:
            return os.waitpid(self._server._forkserver_pid, os.WNOHANG) == (0, 0)  # noqa: SLF001
        except ChildProcessError:  # somebody else waited for it
            return False

    def _end(self) -> None:
        if self._server is None:
            return
        if self._runs():
            os.kill(self._server._forkserver_pid, signal.SIGKILL)  # noqa: SLF001
        with contextlib.suppress(ChildProcessError):
            self._server._stop()  # noqa: SLF001 - closes its pipe and waits for it
        self._server = None


def started_server(slots: int, preload: Sequence[str]) -> Server:
    """A server that begins to import libraries at once.

    Args:
        slots: how many of its workers will work at once.
        preload: modules that the server imports; see `pivot.executors.preload`.
    """
    environment = {
        # a preloaded BLAS reads its number of threads when it is loaded, not when a stage runs
        **threads(os.environ, slots),
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's thread must not run in the server
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",  # a project's random.py must not become the server's
        "PIVOT_PRELOAD": " ".join(preload),
    }
    server = Server(environment, ["pivot.executors.preload"])
    server.start()
    return server


class WorkerPopen(popen_forkserver.Popen):
    """Starts a process and asks for its exit code; the latter from any thread."""

    def __init__(self, process_obj: "WorkerProcess") -> None:
        self._poll_lock = threading.Lock()
        super().__init__(process_obj)

    def _launch(self, process_obj: "WorkerProcess") -> None:
        orders = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            reduction.dump(_preparation(process_obj), orders)
            reduction.dump(process_obj, orders)
        finally:
            context.set_spawning_popen(None)
        self.sentinel, write_end = process_obj.server.connect(self._fds)  # type: ignore[attr-defined]
        # the child sees the driver's death as the end of this pipe, so a second descriptor stays open
        kept = os.dup(write_end)
        self.finalizer = util.Finalize(self, util.close_fds, (kept, self.sentinel))  # type: ignore[attr-defined]
        with open(write_end, "wb") as file:
            file.write(orders.getbuffer())
        self.pid = read_signed(self.sentinel)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code, or ``None`` while it runs."""
        with self._poll_lock:
            return super().poll(flag)


class WorkerProcess(process.BaseProcess):
    """A process that is forked from a given `Server`."""

    _start_method = None  # a stage's own multiprocessing keeps its platform's default

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(**options)
        self.server = server

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "server"}

    @staticmethod
    def _Popen(process_obj: "WorkerProcess") -> WorkerPopen:  # noqa: N802 - the name that BaseProcess calls
        return WorkerPopen(process_obj)


def _preparation(process_obj: WorkerProcess) -> dict[str, object]:
    """What the child does before it unpickles the process; no ``init_main_from_…`` among it."""
    return {
        "name": process_obj.name,
        "authkey": process.current_process().authkey,
        "log_to_stderr": False,
        "sys_path": search_path(),
    }


def search_path() -> list[str]:
    """The folders in which a worker that is forked now looks for libraries."""
    return [entry or os.getcwd() for entry in sys.path]


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """What is started in here hears no Ctrl-C until it asks to: a server would die of it, aloud, while it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    # the fork server is started by code of the standard library that takes the environment from here
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _whole_main() -> Iterator[None]:
    # the standard library asks ``__main__`` for its ``__spec__``, which ``%reset`` in a notebook takes away
    main = sys.modules["__main__"]
    if hasattr(main, "__spec__"):
        yield
        return
    main.__spec__ = None
    try:
        yield
    finally:
        del main.__spec__
