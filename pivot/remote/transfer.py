"""Moves objects and records between a cache and a remote: by content, in parallel, each one all or nothing.

What is there already is left alone, so that an interrupted transfer goes on where it stopped. Bytes are hashed on
their way, in both directions; wrong ones never arrive. A failure is a value: the others go on.
"""

import contextlib
import io
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import FileIO

import xxhash

from pivot.errors import FormatError, PivotError, StoreError
from pivot.model.digest import HASH_NAME, Digest
from pivot.model.record import StageRecord
from pivot.remote.backend import Backend, MissingKeyError, RemoteError, Source
from pivot.store import atomic, codec
from pivot.store.layout import VERSION
from pivot.store.objects import MissingObjectError, ObjectStore
from pivot.store.runcache import write_record

JOBS = 8
"""How many transfers go on at once: they wait for the other side, not for a core."""
FORMAT = "format.json"
"""The key under which a remote says how it is laid out."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that is to be on the other side, too.

    Attributes:
        label: whose it is, for people: ``stage 'train': model.pkl``.
    """

    digest: Digest
    label: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that did not get there.

    Attributes:
        label: whose it is.
        digest: of the object; ``None`` for a record.
    """

    label: str
    error: PivotError
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a transfer did.

    Attributes:
        moved: so many objects and records.
        size: of those, in bytes.
        present: so many were there already.
        failed: what was not moved, and why.
    """

    moved: int = 0
    size: int = 0
    present: int = 0
    failed: tuple[Failed, ...] = ()

    def __add__(self, other: "Transferred") -> "Transferred":
        return Transferred(
            self.moved + other.moved,
            self.size + other.size,
            self.present + other.present,
            self.failed + other.failed,
        )


_Work = Callable[[], int | None]
"""Moves one thing; gives its size in bytes, or ``None`` if it was there already."""


class DamagedError(RemoteError):
    """The bytes under a name are not those that the name stands for."""


class Link:
    """The two sides between which things are moved.

    Args:
        objects: of this side.
        backend: the other side.
        jobs: how many transfers go on at once.

    Attributes:
        objects, backend: as given.
    """

    def __init__(self, objects: ObjectStore, backend: Backend, jobs: int = JOBS) -> None:
        self.objects = objects
        self._layout = objects.layout
        self.backend = backend
        self._jobs = jobs
        self._over = threading.Event()  # a person wants it to end

    def agree(self, *, write: bool) -> None:
        """See `agree`."""
        agree(self.backend, write=write)

    def push(self, wanted: Iterable[Wanted]) -> Transferred:
        """Bring objects to the other side."""
        unique = list({one.digest: one for one in wanted}.values())
        there = self.backend.sizes([object_key(one.digest) for one in unique])
        return self._all((one.label, one.digest, partial(self._send, one, there)) for one in unique)

    def pull(self, wanted: Iterable[Wanted]) -> Transferred:
        """Bring objects to this side."""
        unique = {one.digest: one for one in wanted}.values()
        return self._all((one.label, one.digest, partial(self._receive, one)) for one in unique)

    def push_records(self, records: Iterable[StageRecord]) -> Transferred:
        """Bring run cache entries to the other side; those that this side has not are left out."""
        keys = {self.record_key(record): record for record in records}
        here = {key: record for key, record in keys.items() if os.path.exists(self._file(key))}
        there = self.backend.sizes(here)
        return self._all(
            (_record_label(record.stage), None, partial(self._send_record, key, there))
            for key, record in here.items()
        )

    def pull_records(self, stage: str, keys: Iterable[str]) -> Transferred:
        """Bring some of a stage's run cache entries to this side, as far as they are there."""
        lacking = [key for key in keys if not os.path.exists(self._file(key))]
        there = self.backend.sizes(lacking)
        return self._all(
            (_record_label(stage), None, partial(self._receive_record, stage, key)) for key in there
        )

    def record_keys(self, stage: str, declared: Digest) -> list[str]:
        """The keys of all records of a stage that the other side has under what is known before a run."""
        begin = self.key(self._layout.records_begin(stage, declared))
        folder, _, _ = begin.rpartition("/")
        return sorted(key for key in self.backend.list(f"{folder}/") if key.startswith(begin))

    def record_key(self, record: StageRecord) -> str:
        """The key of a record."""
        inputs = record.inputs
        return self.key(self._layout.record_file(record.stage, inputs.declared_key, inputs.observed.digest))

    def _send(self, one: Wanted, there: Mapping[str, int]) -> int | None:
        key, path = object_key(one.digest), self._layout.object_file(one.digest)
        if not self.objects.has(one.digest):
            raise MissingObjectError(
                "its bytes are not in the cache", "run the stage again, or pull them first"
            )
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if there.get(key) == size:
                return None
            try:
                self.backend.write(key, Checked(file, one.digest, self._over))
            except DamagedError as error:
                self.objects.verify(one.digest)  # puts it aside
                raise DamagedError("its bytes in the cache are damaged", "run the stage again") from error
        return size

    def _receive(self, one: Wanted) -> int | None:
        if self.objects.has(one.digest):
            return None
        temporary = os.path.join(self._layout.cache_scratch, atomic.token())
        try:
            with self.backend.read(object_key(one.digest)) as source, atomic.explained(temporary):
                size = save(Checked(source, one.digest, self._over), temporary)
            self.objects.adopt(temporary, one.digest)
        except MissingKeyError as error:
            raise MissingKeyError("the remote does not have it", "push it from where it was made") from error
        except DamagedError as error:
            hint = f"delete {object_key(one.digest)} there, and push again from where it was made"
            raise DamagedError("its bytes on the remote are damaged", hint) from error
        finally:
            with contextlib.suppress(OSError):
                atomic.discard(temporary)
        return size

    def _send_record(self, key: str, there: Mapping[str, int]) -> int | None:
        with _opened(self._file(key)) as file:
            data = file.read()
        if there.get(key) == len(data):
            return None
        self.backend.write(key, io.BytesIO(data))
        return len(data)

    def _receive_record(self, stage: str, key: str) -> int | None:
        with self.backend.read(key) as source:
            data = whole(source)
        try:
            record = codec.decode(data.decode("utf-8"), stage, key)
        except (ValueError, FormatError):
            return None  # of another Pivot, or torn: a miss, as in the cache itself
        if self.record_key(record) != key:
            raise DamagedError(
                f"what is under {key} belongs elsewhere", "push it again from where it was made"
            )
        write_record(self._layout, record)
        return len(data)

    def _all(self, tasks: Iterable[tuple[str, Digest | None, _Work]]) -> Transferred:
        moved = size = present = 0
        failed: list[Failed] = []
        pool = ThreadPoolExecutor(self._jobs, "pivot-transfer")
        try:
            futures = [(label, digest, pool.submit(work)) for label, digest, work in tasks]
            for label, digest, future in futures:
                try:
                    done = future.result()
                except PivotError as error:
                    failed.append(Failed(label, error, digest))
                    continue
                if done is None:
                    present += 1
                else:
                    moved += 1
                    size += done
        finally:
            self._over.set()  # what still goes on after an error or Ctrl-C ends with its next piece
            pool.shutdown(cancel_futures=True)
            self._over.clear()
        return Transferred(moved, size, present, tuple(failed))

    def key(self, path: str) -> str:
        """The key on the other side of a file in the cache."""
        return os.path.relpath(path, self._layout.cache).replace(os.sep, "/")

    def _file(self, key: str) -> str:
        return os.path.join(self._layout.cache, *key.split("/"))


class Checked:
    """Bytes on their way, which at their end must have been those that a digest stands for."""

    def __init__(self, source: Source, digest: Digest, over: threading.Event) -> None:
        self._source = source
        self._digest = digest
        self._over = over
        self._state = xxhash.xxh3_128()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            DamagedError: at the end, if they were others.
            RemoteError: the transfer was given up, or they cannot be read.
        """
        if self._over.is_set():
            raise RemoteError("the transfer was interrupted", "start it again: it goes on where it stopped")
        try:
            data = self._source.read(size)
        except OSError as error:
            raise RemoteError(f"it cannot be read: {error.strerror}", "try again") from error
        self._state.update(data)
        if not data and size != 0 and self._state.hexdigest() != self._digest:
            raise DamagedError(f"these are not the bytes of {self._digest}")
        return data


def agree(backend: Backend, *, write: bool) -> None:
    """See that a remote is laid out as this Pivot knows it; a new one is marked, for `write`.

    Raises:
        FormatError: a newer Pivot wrote it.
        RemoteError: it is no remote of Pivot's, or cannot be reached.
    """
    try:
        with backend.read(FORMAT) as source:
            data = whole(source)
    except MissingKeyError:
        if not write:
            raise RemoteError("the remote holds nothing yet", "push to it first: pivot push") from None
        text = json.dumps({"hash": HASH_NAME, "version": VERSION}, sort_keys=True) + "\n"
        backend.write(FORMAT, io.BytesIO(text.encode()))
        return
    try:
        found = json.loads(data)
        version, hash_name = int(found["version"]), found["hash"]
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteError(f"{FORMAT} of the remote is damaged", "is it a remote of Pivot's?") from error
    if version > VERSION or hash_name != HASH_NAME:
        raise FormatError(
            f"the remote was written by a newer Pivot (version {version}, {hash_name})",
            "upgrade Pivot: pip install --upgrade pivot",
        )


def object_key(digest: Digest) -> str:
    """The key of an object: ``files/ab/cdef…``."""
    return f"files/{digest[:2]}/{digest[2:]}"


def _record_label(stage: str) -> str:
    return f"stage '{stage}': its record"


def whole(source: Source) -> bytes:
    """All bytes of a source; of a small one."""
    pieces = []
    while piece := source.read(_CHUNK):
        pieces.append(piece)
    return b"".join(pieces)


def save(source: Source, path: str, mode: int = 0o600) -> int:
    """Makes a file of a source's bytes; gives their number."""
    size = 0
    fd = atomic.create(path, mode)
    try:
        while piece := source.read(_CHUNK):
            atomic.write_all(fd, piece, path)
            size += len(piece)
    finally:
        os.close(fd)
    return size


@contextlib.contextmanager
def _opened(path: str) -> Iterator[FileIO]:
    """A file of the cache."""
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error
    with file:
        yield file
