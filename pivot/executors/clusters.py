"""The clusters that a session has started or joined: warm from one run to the next, and shared by runs at once."""

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pivot.executors.base import Executor
from pivot.model.executor import ExecutorSpec
from pivot.model.resources import Resources

if TYPE_CHECKING:
    from pivot.executors.cluster import ClusterExecutor
    from pivot.executors.connection import Connection
    from pivot.executors.far import Home

Local = Callable[[], AbstractContextManager[Executor]]


@dataclass(slots=True, eq=False)
class _Held:
    connection: "Connection"
    users: int = 0


class Clusters:
    """At most one cluster that is kept, and those that runs of other ones are still using. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Held | None = None

    @contextlib.contextmanager
    def lend(self, spec: ExecutorSpec, home: "Home", local: Local) -> Iterator["ClusterLoan"]:
        """For one run. After an exception the cluster is not used again; see `pivot.executors.cluster`."""
        loan = ClusterLoan(lambda: self._take(spec), home, local)
        try:
            yield loan
        except BaseException:
            loan.spoilt = True
            raise
        finally:
            if (one := loan.taken) is not None:
                one.close()
            if (held := loan.held) is not None:
                self._leave(held, spoilt=loan.spoilt)

    def close(self) -> None:
        """End what is kept, also what is in use. Can be used again afterwards."""
        with self._lock:
            held, self._kept = self._kept, None
        if held is not None:
            held.connection.close()

    def _take(self, spec: ExecutorSpec) -> _Held:
        from pivot.executors.connection import Connection  # lazy: start-up time

        with self._lock:  # also while it starts: whoever wants it, too, waits for it
            held, unwanted = self._kept, None
            if held is not None and (held.connection.spec != spec or not held.connection.is_alive):
                unwanted = held if held.users == 0 else None
                held = self._kept = None
            if unwanted is not None:
                unwanted.connection.close()
            if held is None:
                held = self._kept = _Held(Connection(spec))
            held.users += 1
        return held

    def _leave(self, held: _Held, *, spoilt: bool) -> None:
        with self._lock:
            held.users -= 1
            if spoilt and self._kept is held:
                self._kept = None
            is_over = held.users == 0 and held is not self._kept
        if is_over:
            held.connection.close()


class ClusterLoan:
    """What a run has of a cluster, which is started or joined when it is first asked for.

    Attributes:
        spoilt: the run was cut short, and nobody shall use the cluster after it. To be set.
    """

    def __init__(self, take: Callable[[], _Held], home: "Home", local: Local) -> None:
        self._take = take
        self._home = home
        self._local = local
        self.held: _Held | None = None
        self.taken: ClusterExecutor | None = None
        self.spoilt = False

    def executor(
        self, slots: int, preload: Collection[str], needs: Mapping[str, Resources] | None = None
    ) -> Executor:
        """What the run has of the cluster; how large that is was said when it was started.

        Args:
            preload: libraries that the stages use, by module name.
            needs: stage → what it takes.

        Raises:
            WorkerError: there is no such cluster, its workers are not as this machine is, or have too little room.
        """
        from pivot.executors.cluster import ClusterExecutor  # lazy: start-up time

        del slots
        if self.taken is None:
            self.held = self._take()
            folder = self._home.store.layout.scratch
            self.taken = ClusterExecutor(self.held.connection, self._local, preload, folder, self._home)
            self.taken.require(needs or {})
        return self.taken
