"""What was found out about files before: a memory in ``state.db`` that may be deleted at any time.

Nothing here may ever fail a command: a database that is damaged is replaced, one that is read-only or busy is
done without.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pivot.errors import StoreError
from pivot.model.digest import Digest
from pivot.store import atomic, hashing
from pivot.store.guard import try_guard
from pivot.store.layout import Layout

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
_VERSION = 1
_BATCH = 512
_TICK = 20_000_000  # ns; the kernel's clock for files moves at least every 10 ms
_COARSE_TICK = 2_000_000_000  # of file systems that keep whole (FAT: every other) seconds
_SECOND = 1_000_000_000
INODE = 2**63 - 1
"""SQLite's integers are signed; some file systems use all 64 bits for inodes."""
_TABLES = """
CREATE TABLE IF NOT EXISTS stat
  (path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, ctime INTEGER, inode INTEGER, digest TEXT)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob
  (kind TEXT, digest TEXT, data BLOB, PRIMARY KEY (kind, digest));
"""

Versions = dict[str, tuple[Digest, os.stat_result] | None]
"""Absolute path → the digest of a file and the stat of the version that it is of; ``None`` where there is none."""
_Seen = tuple[int, int, int, int, str]  # size, mtime, ctime, inode, digest


class StateDb:
    """The connection to ``state.db``: opened at the first use, shared by threads, off after any trouble.

    Attributes:
        patience: seconds to wait for a process that has it to itself. It is waited for once: a check asks thousands
            of questions, and from then on each that is not answered at once is done without.
    """

    def __init__(self, layout: Layout, patience: float = 5.0) -> None:
        self.patience = patience
        self._layout = layout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._off = False

    def rows(self, query: str, values: Sequence[object]) -> list[Any]:
        """The result of a query; nothing where there is no database."""
        return self._attempt(lambda db: db.execute(query, values).fetchall()) or []

    def write(self, statement: str, table: Iterable[Sequence[object]]) -> None:
        """Executes a statement for each row of values, all in one transaction, or not at all."""

        def run(db: "sqlite3.Connection") -> None:
            with db:
                db.executemany(statement, table)

        self._attempt(run)

    def close(self) -> None:
        """Gives the connection back; a later use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _attempt(self, act: "Callable[[sqlite3.Connection], T]") -> "T | None":
        try:
            import sqlite3
        except ImportError:  # a Python built without it
            return None
        with self._lock:
            for chance in (1, 2):
                if self._off or (self._connection is None and not os.path.isdir(self._layout.folder)):
                    break
                try:
                    if self._connection is None:
                        self._connection = self._open()
                    return act(self._connection)
                except sqlite3.DatabaseError as error:
                    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                        self._be_brief()  # another process is at it; the next time may be better
                        break
                    operational = isinstance(error, sqlite3.OperationalError)
                    self._off = operational or chance == 2 or not self._remove()
        return None

    def _open(self) -> "sqlite3.Connection":
        import sqlite3

        connection = sqlite3.connect(self._layout.state_db, timeout=self.patience, check_same_thread=False)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError("another version")  # noqa: TRY301 - as for any damage
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(_TABLES)
            if version == 0:
                connection.execute(f"PRAGMA user_version={_VERSION}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _be_brief(self) -> None:
        self.patience = 0.0
        if self._connection is not None:
            self._connection.execute("PRAGMA busy_timeout=0")

    def _remove(self) -> bool:
        """Takes a damaged database away; not while another process does the same."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        try:
            guard = try_guard(self._layout, "state.db")
            if guard is None:
                return False
            with guard:
                for suffix in ("-wal", "-shm", ""):
                    atomic.discard(self._layout.state_db + suffix)
        except (OSError, StoreError):
            return False
        return True


class StatIndex:
    """Digests of files by path and stat, so that only what changed is read.

    Args:
        db: where they are kept.
        clock: ns since 1970, as files are stamped.

    Attributes:
        placed: by the digest of an output's path, the digest of what Pivot last put there.
        trees: what folders hold, see `pivot.store.trees`.
    """

    def __init__(self, db: StateDb, clock: Callable[[], int] = time.time_ns) -> None:
        self._db = db
        self._clock = clock
        self.placed = SourceIndex(db, "placed")
        self.trees = SourceIndex(db, "tree")
        self._seen: dict[str, _Seen] = {}
        self._unsaved: set[str] = set()
        self._lock = threading.Lock()

    def digest(self, path: str) -> Digest | None:
        """The digest of a file's content now, read only if it may have changed; ``None`` if there is no file.

        Raises:
            StoreError: it cannot be read, or is no regular file.
        """
        found = self.at(path)
        if found is None:
            return None
        if path not in self._seen:
            self.fetch((path,))
        seen = self._seen.get(path)
        if seen is not None and _same(seen, found):
            return Digest(seen[4])
        (now,) = hashing.hash_files((path,))
        if now is None:
            return None
        self.remember(path, *now)
        return now[0]

    def digests(self, paths: Iterable[str]) -> dict[str, Digest | None]:
        """`digest` for many at once; files that must be read are read in parallel.

        Raises:
            StoreError: as `digest`.
        """
        return {path: None if found is None else found[0] for path, found in self.versions(paths).items()}

    def versions(self, paths: Iterable[str]) -> Versions:
        """`digests`, each with the stat of the version that it is of.

        Raises:
            StoreError: as `digest`.
        """
        result: Versions = {}
        stats: dict[str, os.stat_result] = {}
        for path in paths:
            found = self.at(path)
            if found is None:
                result[path] = None
            else:
                stats[path] = found
        self.fetch(stats)
        unknown = []
        for path, found in stats.items():
            seen = self._seen.get(path)
            if seen is not None and _same(seen, found):
                result[path] = (Digest(seen[4]), found)
            else:
                unknown.append(path)
        for path, now in zip(unknown, hashing.hash_files(unknown), strict=True):
            result[path] = now
            if now is not None:
                self.remember(path, *now)
        return result

    def at(self, path: str) -> os.stat_result | None:
        """The stat of a file; ``None`` if there is none."""
        try:
            return os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:  # a symbolic link that leads in a circle leads nowhere
                return None
            raise StoreError(f"cannot read {path}: {error.strerror}", "make it a readable file") from error

    def remember(self, path: str, digest: Digest, stat: os.stat_result) -> None:
        """Keeps the digest of the version of a file that ``stat`` (taken before it was hashed) describes.

        A version written within the last clock tick is not kept: a later write could look the same.
        """
        if is_young(stat.st_mtime_ns, stat.st_ctime_ns, self._clock()):
            return
        with self._lock:
            self._seen[path] = (*_numbers(stat), digest)
            self._unsaved.add(path)
        if len(self._unsaved) >= _BATCH:
            self.flush()

    def moved(self, source: str, target: str) -> None:
        """What is known of ``source`` holds for ``target``, to which it was just renamed.

        They may be the same: a second name that comes or goes changes nothing but the time of a file's last change.
        """
        with self._lock:
            seen = self._seen.pop(source, None)
            self._unsaved.discard(source)
            if seen is None:
                return
            try:
                size, mtime, ctime, inode = _numbers(os.stat(target))
            except OSError:  # taken away by somebody
                return
            if (size, mtime, inode) == (seen[0], seen[1], seen[3]):
                self._seen[target] = (size, mtime, ctime, inode, seen[4])
                self._unsaved.add(target)

    def now(self) -> int:
        """The time in ns since 1970, as files are stamped."""
        return self._clock()

    def settled_time(self) -> int:
        """A modification time (ns) for a file just written by Pivot that no later write can have."""
        return self._clock() - _COARSE_TICK - _SECOND // 3

    def flush(self) -> None:
        """Writes to the database what is new. Call it when a run or a check ends."""
        with self._lock:
            rows = [(os.fsencode(path), *self._seen[path]) for path in self._unsaved]
            self._unsaved.clear()
        if rows:
            self._db.write("INSERT OR REPLACE INTO stat VALUES (?, ?, ?, ?, ?, ?)", rows)
        self.placed.flush()
        self.trees.flush()

    def fetch(self, paths: Iterable[str]) -> None:
        """Gets what the database knows of files, as many at once as they are; names that no file has are left out."""
        wanted: list[bytes] = []
        for path in dict.fromkeys(paths):
            if path not in self._seen:
                with contextlib.suppress(UnicodeEncodeError):
                    wanted.append(os.fsencode(path))
        for start in range(0, len(wanted), _BATCH):
            chunk = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(chunk))
            found = self._db.rows(
                f"SELECT path, size, mtime, ctime, inode, digest FROM stat WHERE path IN ({marks})",  # noqa: S608
                chunk,
            )
            with self._lock:
                for path, *seen in found:
                    self._seen.setdefault(os.fsdecode(path), tuple(seen))


def _same(seen: _Seen, stat: os.stat_result) -> bool:
    return (
        seen[0] == stat.st_size
        and seen[1] == stat.st_mtime_ns
        and seen[2] == stat.st_ctime_ns
        and seen[3] == stat.st_ino & INODE
    )


def young_after(now: int) -> int:
    """Whatever was last written before this moment (all in ns) is not young."""
    return now - _TICK - _COARSE_TICK


def is_young(mtime: int, ctime: int, now: int) -> bool:
    """Whether a file was written so lately (all in ns) that a later write could look the same."""
    is_coarse = mtime % _SECOND == 0 == ctime % _SECOND
    return mtime > now - _TICK - (_COARSE_TICK if is_coarse else 0)


def settled_before(stat: os.stat_result, moment: int) -> bool:
    """Whether a file was last touched so long before a moment (ns) that a touch after it cannot look the same."""
    written, changed = stat.st_mtime_ns, stat.st_ctime_ns  # FAT keeps one of them coarsely, the other not
    return written <= moment - (_TICK if written % _SECOND else _COARSE_TICK) and changed <= moment - (
        _TICK if changed % _SECOND else _COARSE_TICK
    )


def _numbers(stat: os.stat_result) -> tuple[int, int, int, int]:
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino & INODE)


class SourceIndex:
    """Results of analysing texts, by the digest of the text; also other things that are costly to make anew.

    Args:
        kind: keeps different results from the same text apart.
    """

    def __init__(self, db: StateDb, kind: str = "source") -> None:
        self._db = db
        self._kind = kind
        self._unsaved: dict[Digest, bytes] = {}
        self._lock = threading.Lock()

    def load(self, digest: Digest) -> bytes | None:
        """What was saved under the digest, or ``None``."""
        pending = self._unsaved.get(digest)
        if pending is not None:
            return pending
        rows = self._db.rows("SELECT data FROM blob WHERE kind = ? AND digest = ?", (self._kind, digest))
        return rows[0][0] if rows else None

    def save(self, digest: Digest, data: bytes) -> None:
        """Keeps ``data``; written with many others at the next `flush`."""
        with self._lock:
            self._unsaved[digest] = data
        if len(self._unsaved) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Writes to the database what is new."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
        if unsaved:
            rows = [(self._kind, digest, data) for digest, data in unsaved.items()]
            self._db.write("INSERT OR REPLACE INTO blob VALUES (?, ?, ?)", rows)
