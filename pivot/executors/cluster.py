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
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Self, cast

from pivot.errors import WorkerError
from pivot.executors.agreement import Agreement, agree
from pivot.executors.base import Executor
from pivot.executors.connection import PATIENCE, Connection
from pivot.executors.far import Far, Home
from pivot.executors.mark import take_back
from pivot.executors.message import Amounts, Delivered, Order, Supplies
from pivot.model.fingerprint import ModuleText
from pivot.model.resources import Resources
from pivot.model.stage import ObjectRef
from pivot.model.task import Task, TaskResult, TrialResult, TrialTask
from pivot.store import atomic

_FEW = 16 << 10
"""Characters of module texts up to which they go with each task."""


class ClusterExecutor:
    """What a run has of a cluster; `close` leaves the cluster as it was.

    Args:
        connection: of the cluster.
        local: gives an executor of this machine, for what is no stage.
        preload: libraries that the stages use, by module name.
        folder: of the project, absolute, in which short-lived files may be made.
        home: the project, for workers that do not see its folder; ``None``: then they are no good.

    Raises:
        WorkerError: a worker of the cluster would not give the results that this machine gives.
    """

    def __init__(
        self,
        connection: Connection,
        local: Callable[[], contextlib.AbstractContextManager[Executor]],
        preload: Collection[str],
        folder: str,
        home: Home | None = None,
    ) -> None:
        self.slots = connection.slots
        self.ahead = connection.slots if connection.spec.address is None else 0
        self._connection = connection
        self._local = local
        self._preload = tuple(sorted(preload))
        self._lock = threading.Lock()
        self._running: dict[int, tuple[str, Future[TaskResult | Delivered]]] = {}
        self._far: Far | None = None
        self._agreed: Agreement | None = None
        self._marks = os.path.join(connection.folder, f"begun-{secrets.token_hex(8)}.")
        self._texts: dict[tuple[ModuleText, ...], str] = {}
        self._closed = False
        if connection.spec.address is not None:
            title, depot = connection.spec.title, home.depot if home and home.has_remote else None
            self._agreed = agree(title, connection.verify, self._preload, folder, depot)
            self._marks = self._agreed.marks
            if home is not None and self._agreed.depot is not None:
                self._far = Far(home, self._agreed.depot, self._carried)
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
            where = "".join([f" ({place})" for name, place in resources.places if name in lacks][:1])
            raise WorkerError(
                f"stage '{stage}': no worker of {self._connection.spec.title} has room for {words}{where}",
                "ask for less under resources:, or start workers that have it",
            )

    def submit(self, task: Task) -> Future[TaskResult]:
        """Run a stage; see `Executor.submit`."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        if self._far is not None:
            return self._far.submit(task)
        return cast("Future[TaskResult]", self._carried(task))

    def _carried(self, task: Task, supplies: Supplies | None = None) -> Future[TaskResult | Delivered]:
        texts = self._written_down(task.modules)
        data = pickle.dumps(replace(task, modules=()) if texts else task)

        def order(number: int) -> bytes:
            expected = self._agreed.expected if self._agreed is not None else None
            session, mark = self._connection.session, self._mark(number)
            one = Order(session, number, data, mark, self._preload, expected, supplies, texts)
            return pickle.dumps(one)

        number, future = self._connection.carry(task.stage, self._takes(task.resources), self._mark, order)
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
        if self._far is not None:
            self._far.interrupt(stage)
        for number in self._numbers(stage):
            self._connection.stop(number, hard=False)

    def recall(self, stage: str) -> None:
        """Take back what nobody has begun with; see `Executor.recall`."""
        if self._far is not None:
            self._far.interrupt(stage)
        for number in self._numbers(stage):
            if self._marks and take_back(self._mark(number)):
                self._connection.stop(number, hard=False)

    def close(self) -> None:
        """Kill what runs; it is ``cancelled``. May be called twice."""
        self._closed = True
        if self._far is not None:
            self._far.stop()
        with self._lock:
            left = list(self._running.items())
        for number, _ in left:
            self._connection.stop(number, hard=True)
        for _, (_, future) in left:
            try:
                future.result(PATIENCE)
            except TimeoutError:  # the cluster does not answer: what it runs must not go on for long
                self._connection.close()
        if self._far is not None:
            self._far.close()
        for path in glob.glob(f"{glob.escape(self._marks)}*") if self._marks else ():
            atomic.discard(path)
        if self._agreed is not None:
            self._agreed.withdraw()

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

    def _written_down(self, modules: tuple[ModuleText, ...]) -> str:
        """A file with texts that many tasks have in common, for workers to read once; empty: they go with each."""
        if not self._marks or sum(len(module.text) for module in modules) < _FEW:
            return ""
        with self._lock:
            path = self._texts.get(modules)
            if path is None:
                path = f"{self._marks}texts-{len(self._texts)}"
                try:
                    with open(path, "wb") as file:
                        pickle.dump(modules, file)
                except OSError:
                    path = ""
                self._texts[modules] = path
        return path

    def _mark(self, number: int) -> str:
        """See `pivot.executors.mark`; empty where worker and driver have no folder in common."""
        return f"{self._marks}{number}" if self._marks else ""

    def _numbers(self, stage: str) -> list[int]:
        with self._lock:
            return [number for number, (name, _) in self._running.items() if name == stage]

    def _forget(self, number: int) -> None:
        with self._lock:
            self._running.pop(number, None)
