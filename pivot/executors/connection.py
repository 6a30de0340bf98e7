"""The way from the driver to a cluster: a process of its own that is its client, and a socket to that.

Carry ─socket─→ client process ─→ cluster ─→ its worker: node.run ─→ stage
future ←─────── bytes ←──────────────────────────────────────────────┘
"""

import contextlib
import os
import pickle
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future

from pivot.errors import WorkerError
from pivot.executors.cores import cores
from pivot.executors.message import (
    Amounts,
    Begin,
    Carried,
    Carry,
    Delivered,
    Expected,
    Prepare,
    Ready,
    Refused,
    Stop,
    ToClient,
    ToDriver,
    Verified,
    Verify,
)
from pivot.model.executor import ExecutorSpec
from pivot.model.task import Failure, TaskResult
from pivot.worker.installed import library_folders
from pivot.worker.wire import receive, send

PATIENCE = 15.0
"""Seconds for the client process to end what it started, and for killed stages to be gone."""
_CLIENT = "pivot.executors.client"


class Connection:
    """A cluster that is started or joined now, through a process of its own that is its client.

    Raises:
        WorkerError: it cannot be had.

    Attributes:
        spec: which one it is.
        slots: how many stages it runs at once.
        has: what each of its workers or machines has, as far as it says so.
        folder: absolute, of this machine, for files that go with it.
    """

    def __init__(self, spec: ExecutorSpec) -> None:
        self.spec = spec
        self.session = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._answers: dict[int, Callable[[TaskResult | Delivered], None]] = {}
        self._verified: list[Future[tuple[str, ...]]] = []
        self._number = 0
        self._closed = self._over = False
        self.folder = tempfile.mkdtemp(prefix="pivot-")  # a short name: there will be sockets in it
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the client lives
        with theirs:
            self._client = subprocess.Popen(
                [sys.executable, "-P", "-m", _CLIENT, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                env=_environment(spec),
                start_new_session=True,  # Ctrl-C is for the driver alone
            )
        self.slots, self.has = self._begun()
        self._reader = threading.Thread(target=self._read, name="pivot-cluster", daemon=True)
        self._reader.start()

    def prepare(self, preload: tuple[str, ...]) -> None:
        """Tell the workers what tasks need that will come."""
        self._say(Prepare(preload))

    def carry(
        self, title: str, takes: Amounts, mark: Callable[[int], str], order: Callable[[int], bytes]
    ) -> tuple[int, Future[TaskResult | Delivered]]:
        """Send a task.

        Args:
            mark: gives the mark under a number.
            order: gives the pickled `Order`, likewise.

        Returns:
            Its number, and the future of its result, which never raises.
        """
        future: Future[TaskResult | Delivered] = Future()
        with self._lock:
            self._number += 1
            number = self._number
            self._answers[number] = future.set_result
        if not self._say(Carry(number, title, takes, mark(number), order(number))):
            self._answer(number, self._broken())
        return number, future

    def stop(self, number: int, *, hard: bool) -> None:
        """End a task, at once if `hard`; its future tells when it has."""
        self._say(Stop(number, hard))

    def verify(self, expected: Expected) -> tuple[str, ...]:
        """What is wrong with each worker that is not as expected."""
        future: Future[tuple[str, ...]] = Future()
        with self._lock:
            self._verified.append(future)
        if not self._say(Verify(expected)):
            return ("the connection is broken",)
        return future.result()

    def close(self) -> None:
        """End it, and the cluster with it if it was started here. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._reader.join(PATIENCE)
        if self._reader.is_alive():
            self._client.kill()
            self._reader.join()
        self._socket.close()
        self._output.close()

    @property
    def is_alive(self) -> bool:
        """Whether tasks can be sent."""
        return not self._closed and not self._over

    def _begun(self) -> tuple[int, tuple[Amounts, ...]]:
        said: ToDriver | None = None
        with contextlib.suppress(OSError, EOFError):
            self._say(Begin(self.spec, self.session, cores(), self.folder))
            said = self._hear()
        if isinstance(said, Ready):
            return said.slots, said.has
        self._socket.close()
        self._reap()
        last = self._last_words()
        self._output.close()
        if isinstance(said, Refused):
            raise WorkerError(f"executor {self.spec.kind}: {said.message}", said.hint)
        raise WorkerError(f"executor {self.spec.kind}: its client process ended at once", last or None)

    def _read(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                match self._hear():
                    case Carried(number, result):
                        self._answer(number, pickle.loads(result))
                    case Verified(problems):
                        self._verified.pop(0).set_result(problems)
        self._over = True
        self._reap()
        with self._lock:
            left, asked = list(self._answers), self._verified[:]
            self._verified.clear()
        for future in asked:
            future.set_result(("the connection is broken",))
        for number in left:
            self._answer(number, self._broken())

    def _reap(self) -> None:
        """Wait for the client's end, and end those of its group that it had no time to."""
        os.waitid(os.P_PID, self._client.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._client.pid, signal.SIGKILL)
        self._client.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _broken(self) -> Failure:
        if self._closed:
            return Failure("cancelled", "cancelled")
        return Failure(
            "died",
            f"the connection to {self.spec.title} broke",
            self._last_words(),
            "run it again: pivot repro",
        )

    def _answer(self, number: int, result: TaskResult | Delivered) -> None:
        with self._lock:
            take = self._answers.pop(number, None)
        if take is not None:
            take(result)

    def _say(self, message: ToClient) -> bool:
        data = pickle.dumps(message)
        try:
            with self._sending:
                send(self._socket.fileno(), data)
        except OSError:
            return False
        return True

    def _hear(self) -> ToDriver:
        message: ToDriver = pickle.loads(receive(self._socket.fileno(), lambda: None))
        return message

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            end = os.fstat(self._output.fileno()).st_size
            return os.pread(self._output.fileno(), 4096, max(0, end - 4096)).decode(errors="replace").strip()
        return ""


def _environment(spec: ExecutorSpec) -> dict[str, str]:
    """The client's: it finds the Pivot that runs here, and a cluster that it starts is closed to others."""
    environment = dict(os.environ)
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if here not in library_folders() and here not in paths:
        environment["PYTHONPATH"] = os.pathsep.join([*paths, here])
    if spec.kind == "ray":
        environment.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing goes out unasked
        if (
            spec.address is None
        ):  # Ray reads it when it is loaded, and would write a token into the home folder
            environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return environment
