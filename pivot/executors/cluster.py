"""Stages on a cluster, as a run sees it.

    submit ─→ Task → bytes ─→ Connection ─→ client process ─→ cluster ─→ its worker: node.run ─→ stage
    future ←── TaskResult ←── bytes ←────────────────────────────────────────────────┘

A `Connection` is one cluster, kept warm between runs; a `ClusterExecutor` is what one run has of it.
"""

import contextlib
import glob
import os
import pickle
import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from pivot.errors import WorkerError
from pivot.executors.base import Executor
from pivot.executors.connection import PATIENCE, Connection
from pivot.executors.mark import take_back
from pivot.executors.message import Amounts, Expected, Order
from pivot.executors.node import expectation
from pivot.model.resources import Resources
from pivot.model.stage import ObjectRef
from pivot.model.task import Task, TaskResult, TrialResult, TrialTask
from pivot.store import atomic


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
        self.ahead = connection.slots if connection.spec.address is None else 0
        self._connection = connection
        self._local = local
        self._preload = tuple(sorted(preload))
        self._lock = threading.Lock()
        self._running: dict[int, tuple[str, Future[TaskResult]]] = {}
        self._expected: Expected | None = None
        self._marks = os.path.join(connection.folder, f"begun-{secrets.token_hex(8)}.")
        self._closed = False
        if connection.spec.address is not None:
            self._expected = self._agree(folder)
            self._marks = f"{self._expected.token}."
        else:
            connection.prepare(self._preload)

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
            raise WorkerError(
                f"stage '{stage}': no worker of {self._connection.spec.title} has room for {words}",
                "ask for less under resources:, or start workers that have it",
            )

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run a stage; see `Executor.submit`."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        data = pickle.dumps(task)

        def order(number: int) -> bytes:
            mark = f"{self._marks}{number}"
            one = Order(self._connection.session, number, data, mark, self._preload, self._expected)
            return pickle.dumps(one)

        takes = self._takes(task.resources)
        number, future = self._connection.carry(task.stage, takes, self._marks, order)
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
        for number in self._numbers(stage):
            self._connection.stop(number, hard=False)

    def recall(self, stage: str) -> None:
        """Take back what nobody has begun with; see `Executor.recall`."""
        for number in self._numbers(stage):
            if take_back(f"{self._marks}{number}"):
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
                future.result(PATIENCE)
            except TimeoutError:  # the cluster does not answer: what it runs must not go on for long
                self._connection.close()
        for path in glob.glob(f"{glob.escape(self._marks)}*"):
            atomic.discard(path)
        if self._expected is not None:
            atomic.discard(self._expected.token)

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

    def _numbers(self, stage: str) -> list[int]:
        with self._lock:
            return [number for number, (name, _) in self._running.items() if name == stage]

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
