"""Stages on a cluster, as the driver sees it.

    submit ─→ Task → bytes ─→ Connection ─socket─→ client process ─→ cluster ─→ its worker: node.run ─→ stage
    future ←── TaskResult ←── bytes ←───────────────────────────────────────────────────────┘

A `Connection` is one cluster, kept warm between runs; a `ClusterExecutor` is what one run has of it.
"""

import contextlib
import glob
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
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from pivot.errors import WorkerError
from pivot.executors.base import Executor
from pivot.executors.cores import cores
from pivot.executors.message import (
    Amounts,
    Begin,
    Carried,
    Carry,
    Expected,
    Order,
    Ready,
    Refused,
    Stop,
    ToClient,
    ToDriver,
    Verified,
    Verify,
)
from pivot.executors.node import expectation
from pivot.model.executor import ExecutorSpec
from pivot.model.resources import Resources
from pivot.model.stage import ObjectRef
from pivot.model.task import Failure, Task, TaskResult, TrialResult, TrialTask
from pivot.store import atomic
from pivot.worker.installed import library_folders
from pivot.worker.wire import receive, send

_PATIENCE = 15.0
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
    """

    def __init__(self, spec: ExecutorSpec) -> None:
        self.spec = spec
        self.session = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._answers: dict[int, Callable[[TaskResult], None]] = {}
        self._verified: list[Future[tuple[str, ...]]] = []
        self._number = 0
        self._closed = self._over = False
        self._folder = tempfile.mkdtemp(prefix="pivot-")  # a short name: there will be sockets in it
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

    def carry(
        self, title: str, takes: Amounts, order: Callable[[int], bytes]
    ) -> tuple[int, Future[TaskResult]]:
        """Send a task.

        Args:
            order: gives the pickled `Order` under a number.

        Returns:
            Its number, and the future of its result, which never raises.
        """
        future: Future[TaskResult] = Future()
        with self._lock:
            self._number += 1
            number = self._number
            self._answers[number] = future.set_result
        if not self._say(Carry(number, title, takes, order(number))):
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
        self._reader.join(_PATIENCE)
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
            self._say(Begin(self.spec, self.session, cores(), self._folder))
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
        shutil.rmtree(self._folder, ignore_errors=True)

    def _broken(self) -> Failure:
        if self._closed:
            return Failure("cancelled", "cancelled")
        return Failure(
            "died",
            f"the connection to {self.spec.title} broke",
            self._last_words(),
            "run it again: pivot repro",
        )

    def _answer(self, number: int, result: TaskResult) -> None:
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


class ClusterExecutor:
    """What a run has of a cluster; `close` leaves the cluster as it was.

    Args:
        connection: of the cluster.
        local: gives an executor of this machine, for what is no stage.
        preload: libraries that the stages use, by module name.
        folder: of the project, absolute, in which short-lived files may be made.

    Raises:
        WorkerError: a worker of the cluster would not give the results that this machine gives.
    """

    def __init__(
        self,
        connection: Connection,
        local: Callable[[], contextlib.AbstractContextManager[Executor]],
        preload: Collection[str],
        folder: str,
    ) -> None:
        self.slots = connection.slots
        self._connection = connection
        self._local = local
        self._preload = tuple(sorted(preload))
        self._lock = threading.Lock()
        self._running: dict[int, tuple[str, Future[TaskResult]]] = {}
        self._expected: Expected | None = None
        self._closed = False
        if connection.spec.address is not None:
            self._expected = self._agree(folder)

    def require(self, needs: Mapping[str, Resources]) -> None:
        """Find stages that no worker has room for; they would wait for ever.

        Args:
            needs: stage → what it takes.

        Raises:
            WorkerError: there are some.
        """
        has = self._connection.has
        for stage, resources in needs.items():
            asked = self._takes(resources, ("gpus",))
            if any(all(one.get(name, 0) >= amount for name, amount in asked.items()) for one in has):
                continue
            most = {name: max((one.get(name, 0) for one in has), default=0) for name in asked}
            lacks = [name for name in asked if asked[name] > most[name]] or list(asked)
            words = ", ".join(f"{name}: {asked[name]:g} (the most is {most[name]:g})" for name in lacks)
            where = "".join([f" ({place})" for name, place in resources.places if name in lacks][:1])
            raise WorkerError(
                f"stage '{stage}': no worker of {self._connection.spec.title} has room for {words}{where}",
                "ask for less under resources:, or start workers that have it",
            )

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run a stage; see `Executor.submit`."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        data = pickle.dumps(task)

        def order(number: int) -> bytes:
            one = Order(self._connection.session, number, data, self._preload, self._expected)
            return pickle.dumps(one)

        number, future = self._connection.carry(task.stage, self._takes(task.resources), order)
        with self._lock:
            self._running[number] = (task.stage, future)
        future.add_done_callback(lambda _: self._forget(number))
        return future

    def trial(self, task: TrialTask) -> TrialResult:
        """Evaluate a module's text on this machine; see `Executor.trial`."""
        with self._local() as executor:
            return executor.trial(task)

    def call(self, function: ObjectRef, argument: bytes) -> bytes:
        """Call a function of Pivot's own on this machine; see `Executor.call`."""
        with self._local() as executor:
            return executor.call(function, argument)

    def interrupt(self, stage: str) -> None:
        """Stop a stage wherever it runs or waits; see `Executor.interrupt`."""
        with self._lock:
            numbers = [number for number, (name, _) in self._running.items() if name == stage]
        for number in numbers:
            self._connection.stop(number, hard=False)

    def close(self) -> None:
        """Kill what runs; it is ``cancelled``. May be called twice."""
        self._closed = True
        with self._lock:
            left = list(self._running.items())
        for number, _ in left:
            self._connection.stop(number, hard=True)
        for _, (_, future) in left:
            try:
                future.result(_PATIENCE)
            except TimeoutError:  # the cluster does not answer: what it runs must not go on for long
                self._connection.close()
        if self._expected is not None:
            for path in glob.glob(f"{glob.escape(self._expected.token)}*"):
                atomic.discard(path)
            self._expected = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _takes(self, resources: Resources, certain: Collection[str] = ()) -> Amounts:
        """What the cluster is asked for: what its workers say that they have some of, and labels if they say all."""
        known = {name for one in self._connection.has for name in one} | set(certain)
        if self._connection.spec.address is not None:
            known |= set(dict(resources.labels))
        return {name: amount for name, amount in resources.amounts().items() if name in known}

    def _forget(self, number: int) -> None:
        with self._lock:
            self._running.pop(number, None)

    def _agree(self, folder: str) -> Expected:
        token, word = os.path.join(folder, f"cluster-{secrets.token_hex(8)}"), secrets.token_hex(16)
        os.makedirs(folder, exist_ok=True)
        with open(token, "w", encoding="ascii") as file:
            file.write(word)
        expected = expectation(token, word, self._preload)
        problems = self._connection.verify(expected)
        if problems:
            atomic.discard(token)
            raise WorkerError(
                f"{self._connection.spec.title}: {'; '.join(problems)}",
                "results must not depend on where a stage runs: mount the project at the same path on every worker "
                "and install the same versions there, or run with --executor local",
            )
        return expected


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
