"""Inside a worker of a cluster: stages run as they do at home, in processes forked from a fork server of Pivot's own.

So isolation, observation, logs and the ways to die are the same everywhere; the cluster only carries bytes. A worker
keeps one `ForkserverExecutor` for each driver that sends it tasks: what two drivers do shares nothing.
"""

import contextlib
import functools
import importlib.metadata
import multiprocessing.process
import os
import pickle
import platform
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from pivot.errors import PivotError
from pivot.executors.forkserver import ForkserverExecutor
from pivot.executors.mark import began
from pivot.executors.message import WAY_OUT, Delivered, Expected, Order, Supplies
from pivot.executors.outpost import SCRATCH, Outpost, reach
from pivot.fingerprint.packages import Packages
from pivot.model.fingerprint import ModuleText
from pivot.model.stage import ObjectRef
from pivot.model.task import Failure, Task, TaskResult
from pivot.worker.installed import library_folders

IDLE = 60.0
"""Seconds after which what is kept warm for a driver ends if it sends nothing: it may be gone without a word."""
LOOK = 0.25
"""Seconds between two looks at whether a task is still wanted."""
_NOTHING = ObjectRef("builtins", "bytes")
"""What a process of a fork server can do as soon as there is one."""


@dataclass(slots=True, eq=False)
class _Room:
    """What is kept for one driver. Guarded by the lock of `_Rooms`.

    Attributes:
        running: by number.
        stopped: tasks that are not to begin any more, or to end: number → at once.
        outpost: what is here of the driver's project, if its folder is not.
    """

    pool: ForkserverExecutor
    preloaded: frozenset[str]
    running: dict[int, Future[TaskResult]] = field(default_factory=dict)
    stopped: dict[int, bool] = field(default_factory=dict)
    uses: int = 0
    end: threading.Timer | None = None
    outpost: Outpost | None = None

    def close(self) -> None:
        """End what is kept."""
        self.pool.close()
        if self.outpost is not None:
            self.outpost.close()


class _Rooms:
    """The rooms of all drivers that this worker serves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        self._stopped: dict[tuple[str, int], bool] = {}
        self._wrong: dict[Expected, str] = {}

    def run(self, order: Order, slots: int, wish: Callable[[], bool | None]) -> TaskResult | Delivered:
        """Run a task; see `run`."""
        task: Task = pickle.loads(order.task)
        if (expected := order.expected) is not None and (wrong := self._problem(expected)):
            return Failure("died", wrong, hint=WAY_OUT)
        if order.mark and (failure := began(order.mark)) is not None:
            return failure
        if order.texts:
            task = replace(task, modules=_texts(order.texts))
        room = self._enter(order.session, order.preload, slots)
        try:
            if order.supplies is None or order.expected is None:
                return self._awaited(order, room, task, wish)
            return self._away(order, room, task, order.supplies, wish)
        except PivotError as error:
            return Failure("died", error.message, hint=error.hint or WAY_OUT)
        finally:
            self._leave(order, room)

    def _awaited(self, order: Order, room: _Room, task: Task, wish: Callable[[], bool | None]) -> TaskResult:
        future = room.pool.submit(task)
        with self._lock:
            room.running[order.number] = future
            hard = self._stopped.pop((order.session, order.number), None)
        if hard is not None:
            room.pool.withdraw(future, hard=hard)
        return _awaited(room.pool, future, wish)

    def _away(
        self,
        order: Order,
        room: _Room,
        task: Task,
        supplies: Supplies,
        wish: Callable[[], bool | None],
    ) -> TaskResult | Delivered:
        """Run a task where the project's folder is not."""
        assert order.expected is not None
        with self._lock:
            if room.outpost is None:
                room.outpost = Outpost(order.session)
            outpost = room.outpost
        if (failure := outpost.began(order.expected, order.number)) is not None:
            return failure
        with outpost.site(task, order.expected, supplies) as site:
            return site.delivered(self._awaited(order, room, site.task, wish))

    def prepare(self, session: str, preload: Sequence[str], slots: int, *, wait: bool) -> None:
        """Keep warm what a driver will need; see `prepare`."""
        with self._lock:
            if session in self._rooms:
                return
        room = self._enter(session, preload, slots)
        if wait:
            with contextlib.suppress(PivotError):  # whoever has a task will hear of it
                room.pool.call(_NOTHING, b"")
        with self._lock:
            room.uses -= 1

    def stop(self, session: str, number: int, *, hard: bool) -> bool:
        """Stop a task; gives whether it runs here."""
        with self._lock:
            room = self._rooms.get(session)
            future = room.running.get(number) if room else None
            if room is None or future is None:
                self._stopped[session, number] = hard
                return False
        room.pool.withdraw(future, hard=hard)
        return True

    def close(self, session: str) -> None:
        """End what is kept for a driver."""
        with self._lock:
            room = self._rooms.pop(session, None)
            self._stopped = {key: hard for key, hard in self._stopped.items() if key[0] != session}
        if room is not None:
            if room.end is not None:
                room.end.cancel()
            room.close()

    def _problem(self, expected: Expected) -> str:
        with self._lock:
            known = self._wrong.get(expected)
        if known is None:
            known = problem(expected)
            with self._lock:
                self._wrong[expected] = known
        return known

    def _enter(self, session: str, preload: Sequence[str], slots: int) -> _Room:
        unwanted = None
        with self._lock:
            room = self._rooms.get(session)
            if room is not None and room.uses == 0 and not room.preloaded.issuperset(preload):
                unwanted, room = room, None
            if room is None:
                room = self._rooms[session] = _Room(ForkserverExecutor(slots, preload), frozenset(preload))
                if unwanted is not None:
                    room.outpost, unwanted.outpost = unwanted.outpost, None
            if room.end is not None:
                room.end.cancel()
                room.end = None
            room.uses += 1
        if unwanted is not None:
            unwanted.close()
        return room

    def _leave(self, order: Order, room: _Room) -> None:
        with self._lock:
            room.running.pop(order.number, None)
            room.uses -= 1
            if room.uses == 0 and order.expected is not None and self._rooms.get(order.session) is room:
                room.end = threading.Timer(IDLE, self._expire, (order.session, room))
                room.end.daemon = True
                room.end.start()

    def _expire(self, session: str, room: _Room) -> None:
        with self._lock:
            if room.uses or self._rooms.get(session) is not room:
                return
        self.close(session)


def run(order: bytes, slots: int, wish: Callable[[], bool | None]) -> bytes:
    """Run a task in a process of its own.

    Args:
        order: a pickled `Order`.
        slots: how many tasks this worker of the cluster may run at once.
        wish: whether the task is to end: ``None`` no, ``False`` yes, ``True`` at once; asked a few times a second.

    Returns:
        A pickled `pivot.model.task.TaskResult`, or `Delivered`.
    """
    _permit_children()
    return pickle.dumps(_rooms().run(pickle.loads(order), slots, wish))


def prepare(session: str, preload: Sequence[str], slots: int, wait: bool = False) -> None:
    """Begin to load what tasks of a driver will need.

    Args:
        preload: libraries, by module name.
        slots: how many tasks this worker of the cluster may run at once.
        wait: return when that is done.
    """
    _permit_children()
    _rooms().prepare(session, preload, slots, wait=wait)


def stop(session: str, number: int, hard: bool) -> bool:
    """Stop a task of a driver, or see to it that it does not begin; gives whether it runs here."""
    return _rooms().stop(session, number, hard=hard)


def close(session: str) -> None:
    """End what this worker keeps for a driver."""
    _rooms().close(session)


def problem(expected: Expected) -> str:
    """What is wrong with this worker in the eyes of a driver; empty if it is as it must be."""
    here = f"worker {socket.gethostname()} (process {os.getpid()})"
    if far := reach(expected) if expected.remote else _blind(expected):
        return f"{here} {far}"
    found = expectation(expected.token, expected.word, tuple(name for name, _ in expected.libraries))
    has = {"Pivot": found.pivot, "Python": found.python, **dict(found.libraries)}
    needs = {"Pivot": expected.pivot, "Python": expected.python, **dict(expected.libraries)}
    different = [
        f"{name} {has.get(name, '(none)')}, not {wanted}"
        for name, wanted in needs.items()
        if has.get(name) != wanted
    ]
    return f"{here} has {'; '.join(different)}" if different else ""


def _blind(expected: Expected) -> str:
    """Why this machine cannot work in the project's folder; empty if it can."""
    if os.environ.get(SCRATCH):
        return f"works in folders of its own ({SCRATCH})"
    try:
        with open(expected.token, encoding="ascii") as file:
            word = file.read()
    except OSError:
        word = ""
    if word == expected.word:
        return ""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(expected.token)))
    return f"does not see the project folder {folder}"


def expectation(token: str, word: str, libraries: Sequence[str]) -> Expected:
    """What this process has in common with others like it; see `Expected`."""
    packages = Packages(library_folders())
    return Expected(
        token=token,
        word=word,
        pivot=_version(),
        python=".".join(platform.python_version_tuple()[:2]),
        libraries=tuple(
            (name, ", ".join(f"{package.name} {package.version}" for package in found))
            for name in sorted({library.partition(".")[0] for library in libraries})
            if (found := packages.of(name))
        ),
    )


def _version() -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("pivot")
    return ""


def _awaited(
    pool: ForkserverExecutor, future: Future[TaskResult], wish: Callable[[], bool | None]
) -> TaskResult:
    told: bool | None = None
    while True:
        try:
            return future.result(LOOK)
        except TimeoutError:
            now = wish()
            if now is not None and (told is None or now > told):
                told = now
                pool.withdraw(future, hard=now)


def _permit_children() -> None:
    # the nanny of a Dask worker makes it a daemon, which may have no children: ours end when it does
    multiprocessing.process.current_process()._config["daemon"] = False  # type: ignore[attr-defined]  # noqa: SLF001


@functools.lru_cache(maxsize=8)
def _texts(path: str) -> tuple[ModuleText, ...]:
    """What a driver has written down once for many tasks; no two files have the same path."""
    with open(path, "rb") as file:
        texts: tuple[ModuleText, ...] = pickle.load(file)
    return texts


@functools.cache
def _rooms() -> _Rooms:
    return _Rooms()
