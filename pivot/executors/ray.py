"""Stages on Ray: one remote call for each, in Ray's own worker processes.

Ray places calls by the resources that its machines have. It tells a worker to stop by what would be Ctrl-C.
"""

import contextlib
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import ray
from ray.exceptions import RayError, TaskCancelledError, WorkerCrashedError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pivot.errors import PivotError
from pivot.executors import node
from pivot.executors.carrier import cancelled, gone
from pivot.executors.message import Amounts, Begin, Carry, Expected
from pivot.model.task import Failure

_STORE = 96 << 20
"""Bytes of Ray's own object store on a cluster that is started here: only tasks and their results travel."""
_WAIT = 30.0
"""Seconds for all machines to answer."""
_NAMES = {"cpus": "CPU", "gpus": "GPU", "memory": "memory"}


class RayCarrier:
    """See `pivot.executors.carrier.Carrier`."""

    def __init__(self, begin: Begin) -> None:
        self._session = begin.session
        if begin.spec.address is None:
            self._start(begin)
        else:
            self._join(begin)
        machines = self._machines()
        self.slots = max(1, int(sum(machine.get("CPU", 0) for machine in machines.values())))
        self.has: tuple[Amounts, ...] = tuple(map(_plain, machines.values()))
        self._run = ray.remote(max_retries=0)(_run)
        self._lock = threading.Lock()
        self._tasks: dict[int, Any] = {}

    def prepare(self, preload: tuple[str, ...]) -> None:
        """See `Carrier`. Calls that last a while go to as many processes, each of which is a worker from then on."""
        call = ray.remote(max_retries=0)(node.prepare)
        for _ in range(self.slots):
            call.remote(self._session, preload, 1, wait=True)

    def carry(self, one: Carry, done: Callable[[bytes | Failure], None]) -> None:
        """See `Carrier`."""
        takes = dict(one.takes)
        call = self._run.options(
            name=one.title,
            num_cpus=takes.pop("cpus", 1),
            num_gpus=takes.pop("gpus", 0) or None,
            memory=int(takes.pop("memory", 0)) or None,
            resources=takes or None,
        )
        ref = call.remote(one.order)
        with self._lock:
            self._tasks[one.number] = ref
        ref.future().add_done_callback(lambda future: done(self._result(one.number, future)))

    def stop(self, number: int, *, hard: bool) -> None:
        """See `Carrier`."""
        with self._lock:
            ref = self._tasks.get(number)
        if ref is None:
            return
        ray.cancel(ref, force=False)
        if hard:  # two that come together would be one
            again = threading.Timer(2 * node.LOOK, ray.cancel, (ref,), {"force": False})
            again.daemon = True
            again.start()

    def verify(self, expected: Expected) -> tuple[str, ...]:
        """See `Carrier`."""
        look = ray.remote(num_cpus=0, max_retries=0)(node.problem)
        asked = {
            name: look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(name, soft=False)).remote(
                expected
            )
            for name in self._machines()
        }
        problems = []
        for name, ref in asked.items():
            try:
                problems.append(ray.get(ref, timeout=_WAIT))
            except RayError as error:
                problems.append(f"machine {name} does not answer: {error}".splitlines()[0])
        return tuple(filter(None, problems))

    def close(self) -> None:
        """See `Carrier`: the processes of a session end with it."""
        ray.shutdown()

    def _start(self, begin: Begin) -> None:
        ray.init(
            address="local",
            num_cpus=begin.spec.slots(begin.cores),
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=_STORE,
            _memory=begin.spec.memory,
            _temp_dir=begin.folder,
        )

    def _join(self, begin: Begin) -> None:
        try:
            ray.init(address=begin.spec.address, log_to_driver=False, namespace=begin.session)
        except Exception as error:
            if "AuthenticationError" in "".join(traceback.format_exception(error)):
                raise PivotError(
                    f"the Ray cluster at {begin.spec.address} takes nobody in without its token",
                    "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN where the token is not in ~/.ray/auth_token",
                ) from error
            raise PivotError(
                f"no Ray cluster answers at {begin.spec.address}: {error}".splitlines()[0],
                "start it (ray start --head), or mend executor: {kind: ray, address: …}",
            ) from error

    def _result(self, number: int, future: Any) -> bytes | Failure:
        with self._lock:
            self._tasks.pop(number, None)
        try:
            result: bytes = future.result()
        except TaskCancelledError:
            return cancelled()
        except WorkerCrashedError:
            return gone("its process died")
        except BaseException as error:  # noqa: BLE001 - of Ray's own: it must reach the driver in words
            return Failure("died", f"Ray failed: {type(error).__name__}: {error}".splitlines()[0])
        return result

    def _machines(self) -> dict[str, Mapping[str, float]]:
        return {one["NodeID"]: one["Resources"] for one in ray.nodes() if one["Alive"]}


def _plain(machine: Mapping[str, float]) -> Amounts:
    """What a machine has, in our words."""
    ours = {theirs: name for name, theirs in _NAMES.items()}
    return {
        ours.get(name, name): amount
        for name, amount in machine.items()
        if not name.startswith("node:") and name != "object_store_memory"
    }


def _run(order: bytes) -> bytes:
    """In a worker of Ray's, in its main thread."""
    with _told_to_stop() as wish:
        return node.run(order, 1, wish)


@contextlib.contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool | None]]:
    """How often Ray has said so: twice means at once. It must not break into what has just begun."""
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield lambda: len(heard) > 1 if heard else None
    finally:
        signal.signal(signal.SIGINT, before)
