"""Stages on Dask: one task of the cluster for each.

The scheduler places tasks by its workers' threads and by the resources that workers declare. A worker that has more
than it can run begins with the next as soon as one ends. One that dies fails the stages that it had begun with, which
is told by the marks that they leave behind (`pivot.executors.mark`); those that waited are carried once more.
"""

import threading
from collections.abc import Callable
from typing import Any

import dask.config
from distributed import Client, Future, KilledWorker, LocalCluster, get_worker

from pivot.errors import PivotError
from pivot.executors import mark, node
from pivot.executors.carrier import cancelled, gone
from pivot.executors.message import Amounts, Begin, Carry, Expected
from pivot.model.executor import ExecutorSpec
from pivot.model.task import Failure

_CHANCES = 4
"""How many workers may die under tasks that are handed out, until one that waits for its turn is given up."""
_UNWANTED = frozenset({"cancelled", "released", "forgotten"})
"""States of a task in its worker once no client wants it."""


class DaskCarrier:
    """See `pivot.executors.carrier.Carrier`."""

    def __init__(self, begin: Begin) -> None:
        spec, self._session = begin.spec, begin.session
        self._own = _started(spec, begin.cores) if spec.address is None else None
        try:
            self._client = Client(self._own or spec.address, set_as_default=False, timeout="5s")
        except (OSError, ValueError) as error:
            raise PivotError(
                f"no Dask scheduler answers at {spec.address}: {error}",
                "start it, or mend executor: {kind: dask, address: …}",
            ) from error
        workers = self._workers()
        if not workers:
            raise PivotError(f"the Dask cluster at {spec.address} has no workers", "start some: dask worker")
        self.slots = sum(worker["nthreads"] for worker in workers.values())
        self.has: tuple[Amounts, ...] = tuple(dict(worker["resources"]) for worker in workers.values())
        self._declared = frozenset(name for one in self.has for name in one)
        self._lock = threading.Lock()
        self._tasks: dict[int, Future] = {}

    def prepare(self, preload: tuple[str, ...]) -> None:
        """See `Carrier`."""
        threads = max(1, self.slots // len(self.has))
        self._client.run(node.prepare, self._session, preload, threads, on_error="ignore")

    def carry(self, one: Carry, done: Callable[[bytes | Failure], None]) -> None:
        """See `Carrier`."""
        self._carry(one, done, _CHANCES)

    def _carry(self, one: Carry, done: Callable[[bytes | Failure], None], chances: int) -> None:
        takes = {name: amount for name, amount in one.takes.items() if name in self._declared}
        key = f"{one.title}-{self._session}-{one.number}-{chances}"
        future = self._client.submit(
            _run, one.order, key=key, pure=False, retries=0, resources=takes or None, priority=-one.number
        )
        with self._lock:
            self._tasks[one.number] = future

        def ended(_: Future) -> None:
            result = self._result(one.number, future)
            if isinstance(result, KilledWorker):
                if (
                    chances > 1 and one.mark and not mark.has_begun(one.mark)
                ):  # it waited where another one ran
                    self._carry(one, done, chances - 1)
                    return
                result = gone(str(result.last_worker.address if result.last_worker else "unknown"))
            done(result)

        future.add_done_callback(ended)

    def stop(self, number: int, *, hard: bool) -> None:
        """See `Carrier`."""
        with self._lock:
            future = self._tasks.get(number)
        if future is None:
            return
        runs = self._client.run(node.stop, self._session, number, hard, on_error="ignore")
        if not any(runs.values()):
            future.cancel()

    def verify(self, expected: Expected) -> tuple[str, ...]:
        """See `Carrier`."""
        found = self._client.run(node.problem, expected, on_error="return")
        return tuple(f"{address}: {what}" for address, what in sorted(found.items()) if what)

    def close(self) -> None:
        """See `Carrier`."""
        if self._own is None:
            self._client.cancel(list(self._tasks.values()), force=True)
            self._client.run(node.close, self._session, on_error="ignore")
        self._client.close(timeout=5)
        if self._own is not None:
            self._own.close(timeout=5)

    def _result(self, number: int, future: Future) -> bytes | Failure | KilledWorker:
        with self._lock:
            self._tasks.pop(number, None)
        if future.status == "cancelled":
            return cancelled()
        try:
            result: bytes = future.result()
        except KilledWorker as error:
            return error
        except BaseException as error:  # noqa: BLE001 - of Dask's own: it must reach the driver in words
            return Failure("died", f"Dask failed: {type(error).__name__}: {error}".splitlines()[0])
        return result

    def _workers(self) -> dict[str, Any]:
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers


def _started(spec: ExecutorSpec, cores: int) -> LocalCluster:
    workers = spec.workers or 1
    threads = (spec.slots(cores) or cores) // workers
    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": 0,
            "distributed.worker.daemon": False,
            # a hundred times a second, for a dashboard that there is not
            "distributed.worker.profile.enabled": False,
            "distributed.admin.tick.interval": "1s",
        }
    )
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=spec.memory or "auto",
        resources={"cpus": threads, **({"memory": spec.memory} if spec.memory else {})},
    )


def _run(order: bytes) -> bytes:
    """In a worker of Dask's."""
    worker = get_worker()
    key = worker.get_current_task()

    def wish() -> bool | None:
        # the driver is gone, or does not want it any more, if the scheduler took the task back
        task = worker.state.tasks.get(key)
        return False if task is None or task.state in _UNWANTED else None

    return node.run(order, worker.state.nthreads, wish)
