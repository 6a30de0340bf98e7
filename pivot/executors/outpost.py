"""A project on a machine that does not see its folder: what a stage needs comes by a remote, and what it made goes.

    <scratch>/pivot-<session>/   lock   cache/files/…   <process>-<number>/<name of the project>/…
                                          one for all stages         one for each that runs

A stage finds a folder with its deps and with the files that it is known to look at, and nothing else. What it saw
there is compared with home before its result counts.
"""

import contextlib
import fcntl
import io
import mmap
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from pivot.errors import PivotError
from pivot.executors.carrier import gone
from pivot.executors.message import Delivered, Expected, Freight, Supplies
from pivot.executors.moved import Move, result_at_home, task_there
from pivot.model.digest import Digest
from pivot.model.task import Failure, Success, Task, TaskOut, TaskResult
from pivot.model.tree import TreeEntry
from pivot.model.upstream import shown_path
from pivot.remote.backend import Backend
from pivot.remote.depot import Depot
from pivot.store import atomic
from pivot.store.flush import Flusher
from pivot.store.hashing import hash_file
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import Layout
from pivot.store.objects import ObjectStore

SCRATCH = "PIVOT_SCRATCH"
"""The variable of a worker that says where it makes such folders; then it uses no other, though it may see them."""
FEW = 32 << 10
"""Bytes of a file up to which it travels with the task, or the result."""
MOST = 4 << 20
"""Bytes of all such files together."""
_NAME = "pivot-node-"


def reach(expected: Expected) -> str:
    """Why this machine cannot exchange files with the driver; empty if it can."""
    try:
        depot = Depot(expected.remote, create=False)
        with depot.backend.read(expected.token) as source:
            word = source.read(1 << 10).decode("ascii", "replace")
        if word != expected.word:
            return f"has another folder than this machine at the remote {expected.remote}"
        _mark(depot.backend, f"{expected.token}.{atomic.token()}")
    except (PivotError, OSError) as error:
        said = error.message if isinstance(error, PivotError) else str(error)
        return f"does not see the project's folder, nor can it use the remote {expected.remote}: {said}"
    return ""


class Outpost:
    """What this process has of a driver's project. Safe in any thread.

    Args:
        session: of the driver.
    """

    def __init__(self, session: str) -> None:
        self._depots: dict[str, Depot] = {}
        scratch = os.path.realpath(os.environ.get(SCRATCH) or tempfile.gettempdir())
        os.makedirs(scratch, exist_ok=True)
        _sweep(scratch)
        self._folder = os.path.join(scratch, f"{_NAME}{session}")
        self._lock = _held(self._folder)
        self._layout = Layout(self._folder, os.path.join(self._folder, "cache"))
        self._objects = ObjectStore(self._layout, StatIndex(StateDb(self._layout)), _Unflushed())
        self._names = threading.Lock()
        self._free: list[str] = []
        self._made = 0

    def began(self, expected: Expected, number: int) -> Failure | None:
        """Begin with a task; gives why it must not be: a cluster may give one to another worker, too."""
        mark, backend = f"{expected.token}.{number}", self._depot(expected).backend
        if backend.sizes([mark]):
            return gone("it was tried once, and must not be twice")
        _mark(backend, mark)
        return None

    @contextlib.contextmanager
    def site(self, task: Task, expected: Expected, supplies: Supplies) -> "Iterator[Site]":
        """A folder in which a stage can run, for as long as it does.

        Raises:
            PivotError: something that it needs does not come.
        """
        slot, depot = self._slot(), self._depot(expected)
        try:
            move = Move(supplies.root, os.path.join(slot, os.path.basename(supplies.root) or "project"))
            shutil.rmtree(move.there, ignore_errors=True)
            log = os.path.join(slot, "log")
            atomic.discard(log)
            with atomic.explained(slot):
                for folder in supplies.folders:
                    os.makedirs(move.out(folder), exist_ok=True)
                os.makedirs(os.path.join(move.there, ".pivot"), exist_ok=True)
                found = {move.placed(one.path): one for one in supplies.files}
                for path, one in found.items():
                    self._place(one, path, depot)
                before = {path: os.stat(path) for path, one in found.items() if not one.own}
            there = task_there(task, move, log, self._layout.cache)
            yield Site(there, move, depot, self._objects, before)
        finally:
            with self._names:
                self._free.append(slot)

    def close(self) -> None:
        """Take away what is here, once no process of this machine needs it."""
        for slot in self._free:
            shutil.rmtree(slot, ignore_errors=True)
        with contextlib.suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)

    def _depot(self, expected: Expected) -> Depot:
        found = self._depots.get(expected.remote)
        if found is None:
            found = self._depots[expected.remote] = Depot(expected.remote, create=False)
        return found

    def _slot(self) -> str:
        with self._names:
            if self._free:
                return self._free.pop()
            self._made += 1
            return os.path.join(self._folder, f"{os.getpid()}-{self._made}")

    def _place(self, one: Freight, path: str, depot: Depot) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if one.data is not None:
            with open(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666), "wb"
            ) as file:
                file.write(one.data)
        else:
            depot.keep(one.digest, self._objects)
            if not one.own and not one.executable:
                with contextlib.suppress(OSError):  # no links here
                    os.link(self._layout.object_file(one.digest), path)
                    return
            shutil.copyfile(self._layout.object_file(one.digest), path)
        if one.executable:
            os.chmod(path, 0o755)  # noqa: S103 - it is to be executed


@dataclass(frozen=True, slots=True)
class Site:
    """Where a stage runs.

    Attributes:
        task: with the paths of this machine.
        before: files that are not the stage's own, as they were when it began.
    """

    task: Task
    move: Move
    depot: Depot
    objects: ObjectStore
    before: dict[str, os.stat_result]

    def delivered(self, result: TaskResult) -> Delivered:
        """What came of the stage, with all that it made on its way."""
        log = self._log()
        if not isinstance(result, Success):
            return Delivered(result_at_home(result, self.move), log)
        if changed := next((path for path, stat in self.before.items() if not _is_same(path, stat)), None):
            message = f"it changed {os.path.relpath(changed, self.task.root)}, which is not its own"
            return Delivered(
                Failure("result", message, hint="declare the file as an output of the stage"), log
            )
        try:
            files = [*self._outputs(result)]
            objects = tuple(one.digest for one in result.seen.puts.values())
            for digest in objects:
                self._require_no_place(
                    self.objects.layout.object_file(digest), "what it puts into the object store"
                )
                self.depot.send(self.objects.layout.object_file(digest), digest)
        except _NamesPlaceError as error:
            hint = "give paths in results relative to the project: what is kept must be good elsewhere, too"
            message = f"{error} names the folder in which the stage ran on the worker, which is gone"
            return Delivered(Failure("result", message, hint=hint), log)
        except (PivotError, OSError) as error:
            message = error.message if isinstance(error, PivotError) else str(error)
            hint = "every worker must be able to write to the remote; run it again: pivot repro"
            return Delivered(Failure("died", f"its outputs do not get home: {message}", hint=hint), log)
        folders = tuple(self.move.back(_made(out)) for out in self.task.outs if out.directory)
        return Delivered(result_at_home(result, self.move), log, tuple(files), folders, objects)

    def _log(self) -> bytes | Digest:
        with contextlib.suppress(OSError), open(self.task.log, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST:
                with contextlib.suppress(PivotError):
                    digest = hash_file(self.task.log)[0]
                    self.depot.send(self.task.log, digest)
                    return digest
                file.seek(size - MOST)
            return file.read()
        return b""

    def _outputs(self, result: Success) -> Iterator[Freight]:
        left = MOST
        for out in self.task.outs:
            path, state = _made(out), result.outputs[out.path]
            entries = (
                state.entries or () if out.directory else (TreeEntry("", state.digest, 0, state.executable),)
            )
            for entry in entries:
                file = os.path.join(path, entry.path) if entry.path else path
                self._require_no_place(file, shown_path(out.path) + entry.path)
                data = None
                if os.path.getsize(file) <= min(FEW, left):
                    with open(file, "rb") as opened:
                        data = opened.read()
                    left -= len(data)
                else:
                    self.depot.send(file, entry.digest)
                yield Freight(self.move.back(file), entry.digest, data, entry.executable)

    def _require_no_place(self, path: str, what: str) -> None:
        """At home the file would name another folder there: it is not the result that home gives."""
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
                if content.find(os.fsencode(self.move.there)) >= 0:
                    raise _NamesPlaceError(what)


def _made(out: TaskOut) -> str:
    """Where the worker has left an output."""
    return out.target if out.written_by_stage else out.staging


class _NamesPlaceError(Exception):
    """An output names the folder of the worker."""


class _Unflushed(Flusher):
    """Nothing here has to outlive the session."""

    def add(self, paths: object) -> None:
        """Nothing is done."""


def _mark(backend: Backend, key: str) -> None:
    backend.write(key, io.BytesIO(b"1"))


def _is_same(path: str, before: os.stat_result) -> bool:
    try:
        now = os.stat(path)
    except OSError:
        return False
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)


def _held(folder: str) -> int:
    """Makes the session's folder, which stays as long as somebody holds what this gives."""
    while True:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = os.path.join(folder, "lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                return lock
        os.close(lock)  # another process took the folder away meanwhile


def _sweep(scratch: str) -> None:
    """Take away what killed workers have left."""
    for name in os.listdir(scratch):
        if not name.startswith(_NAME):
            continue
        folder = os.path.join(scratch, name)
        try:
            lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # in use
        finally:
            os.close(lock)
