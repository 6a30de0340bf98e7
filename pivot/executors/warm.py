"""Workers that stay warm from one run to the next, shared by all that a session of work does.

A run borrows the executor for itself: while it goes on, nobody ends it or puts another run on it. What needs a
process for a moment (a trial, a definition) visits whatever executor there is. One that is not wanted any more ends
with the last visit.
"""

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pivot.config.settings import Settings
from pivot.executors.base import Executor
from pivot.executors.cores import cores
from pivot.model.executor import LOCAL, ExecutorSpec
from pivot.model.resources import Resources
from pivot.store.store import Store

if TYPE_CHECKING:
    from pivot.executors.clusters import ClusterLoan, Clusters

Start = Callable[[int, Sequence[str]], Executor]


def start_forkserver(slots: int, preload: Sequence[str]) -> Executor:
    """Workers of our own; the arguments as of `pivot.executors.forkserver.ForkserverExecutor`."""
    from pivot.executors.forkserver import ForkserverExecutor  # lazy: start-up time of a no-op

    return ForkserverExecutor(slots, preload)


@dataclass(slots=True, eq=False)
class _Held:
    """An executor: what it has loaded, how many use it, and whether a run is among them."""

    executor: Executor
    preloaded: frozenset[str]
    users: int = 0
    lent: bool = False


class Workers:
    """At most one executor that is kept, and those that runs beside another run need. Safe in any thread.

    Args:
        start: starts an executor with so many slots and these libraries loaded.
        end: ends one.
        clusters: whether a cluster may take its place.
    """

    def __init__(
        self,
        start: Start = start_forkserver,
        end: Callable[[Executor], None] = lambda one: one.close(),
        *,
        clusters: bool = True,
    ) -> None:
        self._start = start
        self._end = end
        self._lock = threading.Lock()
        self._kept: _Held | None = None
        self._may_cluster = clusters
        self._clusters: Clusters | None = None

    @contextlib.contextmanager
    def visit(self, slots: int, preload: Collection[str]) -> Iterator[Executor]:
        """The executor that there is, to take a process of its own for a moment; else one with these `slots`."""
        with self._lock:
            held = self._kept
            if held is None:
                held = self._kept = self._started(slots, preload)
            held.users += 1
        try:
            yield held.executor
        finally:
            self._leave(held)

    @contextlib.contextmanager
    def lend(
        self, spec: ExecutorSpec = LOCAL, store: Store | None = None, settings: Settings | None = None
    ) -> "Iterator[Loan | ClusterLoan]":
        """For one run. After an exception the executor is not used again.

        Args:
            spec: what kind of executor.
            store, settings: of the project, which a cluster needs to know.
        """
        if self._may_cluster and not spec.is_local and store is not None and settings is not None:
            from pivot.executors.far import Home  # lazy: start-up time

            home, local = Home(store, settings), lambda: self.visit(cores(), ())
            with self._all_clusters().lend(spec, home, local) as of_cluster:
                yield of_cluster
            return
        with self._lock:
            earlier = self._kept
        loan = Loan(lambda slots, preload: self._lent(slots, preload, earlier))
        try:
            yield loan
        except BaseException:
            loan.spoilt = True
            raise
        finally:
            held = loan.held
            if held is not None:
                with self._lock:
                    held.lent = False
                    if loan.spoilt and self._kept is held:
                        self._kept = None
                self._leave(held)

    def close(self) -> None:
        """End what is kept, also what is in use. Can be used again afterwards."""
        if self._clusters is not None:
            self._clusters.close()
        with self._lock:
            held, self._kept = self._kept, None
        if held is not None:
            self._end(held.executor)

    def _all_clusters(self) -> "Clusters":
        from pivot.executors.clusters import Clusters  # lazy: start-up time

        with self._lock:
            self._clusters = self._clusters or Clusters()
            return self._clusters

    def _lent(self, slots: int, preload: Collection[str], earlier: _Held | None) -> _Held:
        unwanted = None
        with self._lock:
            held = self._kept
            if held is not None and held.lent:
                held = self._started(slots, preload)
            else:
                # new workers start faster than each imports what is new; but those that were started for the very
                # run, to read its definitions, go on
                if held is not None and (
                    held.executor.slots < slots
                    or (held is earlier and not held.preloaded.issuperset(preload))
                ):
                    unwanted = held if held.users == 0 else None
                    held = None
                if held is None:
                    held = self._started(slots, preload)
                self._kept = held
            held.lent = True
            held.users += 1
        if unwanted is not None:
            self._end(unwanted.executor)
        return held

    def _leave(self, held: _Held) -> None:
        with self._lock:
            held.users -= 1
            is_over = held.users == 0 and held is not self._kept
        if is_over:
            self._end(held.executor)

    def _started(self, slots: int, preload: Collection[str]) -> _Held:
        return _Held(self._start(slots, sorted(preload)), frozenset(preload))


class Loan:
    """What a run has of `Workers`; the executor is chosen when it is first asked for.

    Attributes:
        spoilt: the run was cut short, and nobody shall use the executor after it. To be set.
    """

    def __init__(self, take: Callable[[int, Collection[str]], _Held]) -> None:
        self._take = take
        self.held: _Held | None = None
        self.spoilt = False

    def executor(
        self, slots: int, preload: Collection[str], needs: Mapping[str, Resources] | None = None
    ) -> Executor:
        """An executor with at least so many slots. What stages take of this machine is the scheduler's business."""
        del needs
        if self.held is None:
            self.held = self._take(slots, preload)
        return self.held.executor


def given(executor: Executor) -> Workers:
    """One executor that somebody else made and will close."""
    return Workers(lambda _slots, _preload: executor, end=lambda _: None, clusters=False)
