"""Tasks for workers that do not see the project's folder, as the driver sends them out and takes them back.

    submit ─→ what the stage needs ─→ remote ─→ Order with supplies ─→ … node: outpost
    future ←── checked against home ←── outputs where they belong ←── remote ←── Delivered

A result counts only if all that the stage looked at there is just so at home.
"""

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from pivot.config.settings import Settings
from pivot.errors import PivotError
from pivot.executors.carrier import cancelled
from pivot.executors.message import Delivered, Freight, Supplies
from pivot.executors.outpost import FEW, MOST
from pivot.model.digest import Digest, digest_bytes
from pivot.model.observation import ABSENT, Seen
from pivot.model.stored import Entry
from pivot.model.task import Afar, Failure, Success, Task, TaskResult
from pivot.paths import absolute
from pivot.remote.address import choose, folder_of
from pivot.remote.depot import Depot
from pivot.remote.transfer import DamagedError
from pivot.store import atomic
from pivot.store.contents import contents
from pivot.store.flush import Flusher
from pivot.store.hashing import hash_file
from pivot.store.index import StateDb, StatIndex
from pivot.store.keytable import entries
from pivot.store.layout import Layout
from pivot.store.objects import ObjectStore
from pivot.store.states import state_now
from pivot.store.store import Store

_MOVERS = 8
"""Threads that move files: they wait for the other side, not for a core."""
_NAMED = 3
"""Paths that an error names."""

_OF_THE_STAGE = frozenset(("exception", "import", "load", "result"))
"""Kinds of failures that may come from something that was lacking."""

Carry = Callable[[Task, Supplies], "Future[TaskResult | Delivered]"]


@dataclass(frozen=True, slots=True)
class Home:
    """The project whose stages go out."""

    store: Store
    settings: Settings

    @property
    def has_remote(self) -> bool:
        """Whether it is clear which remote is meant where none is named."""
        return self.settings.default_remote is not None

    def depot(self) -> Depot:
        """The remote by which files come and go.

        Raises:
            PivotError: there is none, or it cannot be used.
        """
        name = choose(self.settings.remotes, self.settings.default_remote, None)
        return Depot(folder_of(self.settings.remotes[name], self.store.root), create=True)


@dataclass(slots=True, eq=False)
class _Trip:
    """A task that is not carried yet. Guarded by the lock of `Far`."""

    task: Task
    future: "Future[TaskResult]" = field(default_factory=Future)
    stopped: bool = False


class Far:
    """All tasks of one run that go out.

    Args:
        carry: hands a task to the cluster.
    """

    def __init__(self, home: Home, depot: Depot, carry: Carry) -> None:
        self._home = home
        self._depot = depot
        self._carry = carry
        self._movers = ThreadPoolExecutor(_MOVERS, "pivot-freight")
        self._lock = threading.Lock()
        self._waiting: set[_Trip] = set()

    def submit(self, task: Task) -> "Future[TaskResult]":
        """Run a stage; see `Executor.submit`. What it needs is read now; it is sent by and by."""
        trip = _Trip(task)
        try:
            table = tuple(entries(self._home.store.layout))
            supplies, heavy = self._supplies(task)
        except (PivotError, OSError) as error:
            said = error.message if isinstance(error, PivotError) else str(error)
            trip.future.set_result(Failure("load", said))
            return trip.future
        with self._lock:
            self._waiting.add(trip)
        self._movers.submit(self._guarded, trip, self._depart, trip, table, supplies, heavy)
        return trip.future

    def interrupt(self, stage: str) -> None:
        """Stop those tasks of a stage that have not been carried yet."""
        with self._lock:
            for trip in self._waiting:
                trip.stopped |= trip.task.stage == stage

    def stop(self) -> None:
        """Carry nothing more."""
        with self._lock:
            for trip in self._waiting:
                trip.stopped = True

    def close(self) -> None:
        """Carry nothing more, and wait for what is on its way back."""
        self.stop()
        self._depot.stop()
        self._movers.shutdown()

    def _guarded(self, trip: _Trip, act: Callable[..., object], *given: object) -> None:
        """The future is fulfilled, whatever goes wrong."""
        try:
            act(*given)
        except PivotError as error:
            trip.future.set_result(Failure("died", error.message, hint=error.hint))
        except Exception as error:  # noqa: BLE001 - somebody waits for the future
            trip.future.set_result(
                Failure("died", f"its files do not travel: {type(error).__name__}: {error}")
            )

    def _depart(
        self, trip: _Trip, table: tuple[Entry, ...], supplies: Supplies, heavy: Mapping[str, Digest]
    ) -> None:
        try:
            if not trip.stopped:
                self._send_values(trip.task, table)
            for path, digest in heavy.items():
                if not trip.stopped:
                    self._depot.send(path, digest)
        except BaseException:
            with self._lock:
                self._waiting.discard(trip)
            raise
        task = replace(trip.task, afar=Afar(self._depot.address, table))
        with self._lock:  # whoever stops it finds it either here or at the cluster
            self._waiting.discard(trip)
            carried = None if trip.stopped else self._carry(task, supplies)
        if carried is None:
            trip.future.set_result(cancelled())
            return
        carried.add_done_callback(lambda done: self._returned(trip, done.result()))

    def _returned(self, trip: _Trip, answer: TaskResult | Delivered) -> None:
        if not isinstance(answer, Delivered):
            trip.future.set_result(answer)
            return
        try:
            self._movers.submit(self._guarded, trip, self._arrive, trip, answer)
        except RuntimeError:  # the run is over
            trip.future.set_result(cancelled())

    def _arrive(self, trip: _Trip, answer: Delivered) -> None:
        task = trip.task
        if answer.log:
            self._keep_log(answer.log, task.log)
        result = judged(task, answer.result)
        if isinstance(result, Success):
            self._unpack(answer)
        trip.future.set_result(result)

    def _keep_log(self, log: bytes | Digest, path: str) -> None:
        with contextlib.suppress(OSError, PivotError), open(path, "ab") as file:
            if isinstance(log, bytes):
                file.write(log)
                return
            part = f"{path}.{atomic.token()}"
            try:
                self._depot.fetch(log, part)
                with open(part, "rb") as whole:
                    shutil.copyfileobj(whole, file)
            finally:
                atomic.discard(part)

    def _unpack(self, answer: Delivered) -> None:
        for folder in answer.folders:
            shutil.rmtree(folder, ignore_errors=True)
            atomic.make_folder(folder)
        for one in answer.files:
            atomic.make_folder(os.path.dirname(one.path))
            if one.data is None:
                self._depot.fetch(one.digest, one.path, executable=one.executable)
                continue
            with atomic.explained(one.path):
                atomic.discard(one.path)
                fd = atomic.create(one.path, 0o777 if one.executable else 0o666)
                try:
                    atomic.write_all(fd, one.data, one.path)
                finally:
                    os.close(fd)
        if answer.objects:
            cache = self._cache()
            for digest in answer.objects:
                self._depot.keep(digest, cache)

    def _send_values(self, task: Task, table: Iterable[Entry]) -> None:
        """What keys stand for that a stage may ask for; what the cache lacks is missed there as at home."""
        stored = (*(entry.value for entry in table), *task.last_puts.values())
        for digest in {one.digest for one in stored}:
            with contextlib.suppress(OSError, DamagedError):
                self._depot.send(self._home.store.layout.object_file(digest), digest)

    def _supplies(self, task: Task) -> tuple[Supplies, Mapping[str, Digest]]:
        """What a worker needs, and which of the files go by the remote."""
        folders = {task.root, task.cwd, *task.roots}
        folders |= {os.path.dirname(out.target.rstrip("/")) for out in task.outs}
        found: dict[str, Freight] = {}
        left = MOST
        for path, own in self._needed(task):
            if os.path.isdir(path):
                folders.add(path)
            elif own or path not in found:
                with contextlib.suppress(FileNotFoundError):  # the stage will miss it there as here
                    found[path] = one = self._freight(path, min(FEW, left), own=own)
                    left -= len(one.data or b"")
        heavy = {one.path: one.digest for one in found.values() if one.data is None}
        there = tuple(sorted(filter(os.path.isdir, folders)))
        return Supplies(task.root, tuple(found.values()), there), heavy

    def _needed(self, task: Task) -> Iterator[tuple[str, bool]]:
        """The files and folders that a stage is known to look at, and whether it may write to them."""
        for dep in task.deps:
            if dep.items is not None:
                yield from ((path, False) for path in dep.items)
            elif dep.path.endswith("/"):
                names = contents(dep.path).files if dep.files is None else dep.files
                yield dep.path, False
                yield from ((os.path.join(dep.path, name), False) for name in names)
            else:
                yield dep.path, False
        for out in task.outs:
            if out.previous is not None:
                yield from _tree(out.previous, own=False)
            if out.written_by_stage:
                yield from _tree(out.target, own=True)
        declared = {path.rstrip("/") for path in task.unobserved}
        own = {*task.named, *(module.filename for module in task.modules), *self._looked_at(task)}
        for path in sorted(own):
            if path.startswith(task.root + os.sep) and not _is_within(path, declared):
                yield path, True

    def _looked_at(self, task: Task) -> Iterator[str]:
        """What the stage looked at in its last run; of a listed folder all that is in it."""
        store = self._home.store
        lock = store.lock(task.key or task.stage)
        if lock is None:
            return
        yield from (os.path.normpath(os.path.join(store.root, place)) for place in lock.sources)
        for name in lock.inputs.observed.files:
            path = absolute(name, store.root)
            yield path
            with contextlib.suppress(OSError):
                yield from (os.path.join(path, inner) for inner in os.listdir(path))

    def _freight(self, path: str, most: int, *, own: bool) -> Freight:
        info, data = os.stat(path), None
        if info.st_size <= most and stat.S_ISREG(info.st_mode):
            with open(path, "rb") as file:
                data = file.read()
        digest = self._home.store.file_digest(path) if data is None else digest_bytes(data)
        if digest is None:
            raise FileNotFoundError(path)
        return Freight(path, digest, data, bool(info.st_mode & stat.S_IXUSR), own)

    def _cache(self) -> ObjectStore:
        layout: Layout = self._home.store.layout
        return ObjectStore(layout, StatIndex(StateDb(layout)), _FlushedLater())


class _FlushedLater(Flusher):
    """Whoever records the result flushes its objects."""

    def add(self, paths: object) -> None:
        """Nothing is done here."""


def judged(task: Task, result: TaskResult) -> TaskResult:
    """The result of a stage that ran away from home, if home agrees with all that it saw; else its failure.

    Args:
        task: with the paths of home.
        result: likewise.
    """
    if isinstance(result, Success):
        other = [*_otherwise(task, result.seen)]
        if not other:
            return result
        message = f"the worker does not have the project as it is here: {_listed(other, task.root)}"
        return Failure("result", message, hint=_way_out(other[0], task))
    if isinstance(result, Failure) and result.seen is not None:
        other = [*_otherwise(task, result.seen)] if result.kind in _OF_THE_STAGE else []
        return replace(result, hint=_way_out(other[0], task) if other else result.hint, seen=None)
    return result


@dataclass(frozen=True, slots=True)
class _Other:
    """Something that is not as it was seen to be. ``what``: in words, of a file."""

    path: str
    what: str
    is_module: bool = False


def _otherwise(task: Task, seen: Seen) -> Iterator[_Other]:
    declared = [
        *task.unobserved,
        task.log,
        *(path for out in task.outs for path in (out.target, out.staging)),
    ]
    for path, state in sorted(seen.files.items()):
        now = state_now(path, state, lambda: declared, lambda file: hash_file(file)[0])
        if now != state:
            yield _Other(path, "is not there" if state == ABSENT else "is another one there")
    for name in seen.missing:
        for root in task.roots:
            path = os.path.join(root, *name.split("."))
            if os.path.isdir(path) or os.path.isfile(f"{path}.py"):
                yield _Other(path, "cannot be imported there", is_module=True)
    for path in seen.written:
        yield _Other(path, "was written there, and would be lost")


def _way_out(one: _Other, task: Task) -> str:
    name = os.path.relpath(one.path, task.cwd)
    if one.is_module:
        return f"the worker has what stages are seen to import: import {name} at the top of a module, by its name"
    if one.what.startswith("was written"):
        return f'declare it as an output: Out("{name}"), or write to a temporary folder'
    return (
        f'the worker has no folder of the project, so what a stage reads must be declared: Dep("{name}"); or run it '
        "once with --executor local: what it was seen to read then goes along"
    )


def _listed(others: list[_Other], root: str) -> str:
    told = "; ".join(f"{os.path.relpath(one.path, root)} {one.what}" for one in others[:_NAMED])
    return told if len(others) <= _NAMED else f"{told}; and {len(others) - _NAMED} more"


def _tree(path: str, *, own: bool) -> Iterator[tuple[str, bool]]:
    yield path, own
    if os.path.isdir(path):
        yield from ((os.path.join(path, name), own) for name in contents(path).files)


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(path == one or path.startswith(one + os.sep) for one in folders)
