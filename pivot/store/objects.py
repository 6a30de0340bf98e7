"""The content-addressed cache: bytes by their digest, written once, checked before use."""

import contextlib
import errno
import fcntl
import os
import sys

from pivot.errors import StoreError
from pivot.model.digest import Digest, digest_bytes
from pivot.store import atomic, hashing
from pivot.store.flush import Flusher
from pivot.store.index import StatIndex
from pivot.store.layout import Layout

_FICLONE = 0x40049409  # Linux: share the blocks of another file
_SEAL_EPOCH = 978_307_200  # 2001-01-01
_SEAL_SPAN = 1 << 20
_TRIES = 4
_SMALL = 1 << 14  # bytes that are copied sooner than the file system is asked to share them
# another file system, links not allowed, too many of one file, or none at all here
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)


class MissingObjectError(StoreError):
    """An object is not in the cache, or what is there under its name is damaged (and was put aside)."""


class ObjectStore:
    """The objects of a project (or of several that share a cache).

    Args:
        layout: where they are.
        index: what is known about files of the workspace.
        flusher: takes new objects to the disk; `Flusher.flush` it at the end.
        mode: how bytes come into the workspace where links will do: ``copy``, ``hardlink`` or ``symlink``.

    Attributes:
        layout, index, flusher: as given.
        notices: what a person should know: objects that were wanted and found damaged.
    """

    def __init__(
        self, layout: Layout, index: StatIndex, flusher: Flusher | None = None, mode: str = "copy"
    ) -> None:
        self.layout = layout
        self.index = index
        self.flusher = flusher or Flusher()
        self.notices: list[str] = []
        self._unsound: set[Digest] = set()  # damaged, and could not be put aside: no seal counts
        self._mode = mode

    def has(self, digest: Digest) -> bool:
        """Whether the object is there and right; one whose size or time is not as sealed is hashed first.

        A wrong one is moved to quarantine.
        """
        path = self.layout.object_file(digest)
        try:
            stat = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        known = digest in self._unsound
        if (stat.st_mtime_ns == _seal(stat.st_size) and not known) or self.verify(digest):
            return True
        if not known and (digest in self._unsound or not os.path.exists(path)):  # else it cannot be read
            self._tell_damage(digest)
        return False

    def verify(self, digest: Digest) -> bool:
        """Hashes the object, whatever its seal says; a wrong one is moved to quarantine."""
        path = self.layout.object_file(digest)
        try:
            found, stat = hashing.hash_file(path)
        except (FileNotFoundError, StoreError):
            return False
        if found != digest:
            self._quarantine(digest)
            return False
        self._unsound.discard(digest)
        with contextlib.suppress(OSError):  # a cache that is read-only or somebody else's is hashed each time
            os.utime(path, ns=(stat.st_atime_ns, _seal(stat.st_size)))
        return True

    def add_file(self, path: str, digest: Digest | None = None) -> Digest:
        """Keeps a file's bytes as an object; the file itself stays as it is.

        Args:
            path: absolute.
            digest: of the file's content, where it is known: if there is such an object, nothing is read.

        Raises:
            StoreError: the cache cannot be written, or the file is not what ``digest`` says.
            FileNotFoundError: there is no such file.
        """
        if digest is not None and self.has(digest):
            return digest
        source = hashing.open_file(path)
        try:
            with atomic.explained(self.layout.cache):
                return self._store(source, path, digest)
        finally:
            os.close(source)

    def add_bytes(self, data: bytes) -> Digest:
        """Keeps some bytes as an object; gives its name.

        Raises:
            StoreError: the cache cannot be written.
        """
        digest = digest_bytes(data)
        if not self.has(digest):
            temporary = os.path.join(self.layout.cache_scratch, atomic.token())
            with atomic.explained(self.layout.cache):
                fd = atomic.create(temporary, 0o600)
                try:
                    try:
                        atomic.write_all(fd, data, temporary)
                    finally:
                        os.close(fd)
                    self.adopt(temporary, digest)
                finally:
                    atomic.discard(temporary)
        return digest

    def read(self, digest: Digest) -> bytes:
        """The bytes of an object, all at once: of a small one.

        Raises:
            MissingObjectError: it is not there or damaged.
        """
        data = None
        if self.has(digest):
            with contextlib.suppress(OSError), open(self.layout.object_file(digest), "rb") as file:
                data = file.read()
        if data is not None:
            if digest_bytes(data) == digest:
                return data
            raise self._damaged(digest)
        raise MissingObjectError(f"object {digest} is not in the cache", "run the stage that makes it again")

    def adopt(self, path: str, digest: Digest) -> None:
        """Makes a file in `Layout.cache_scratch` the object; its bytes were hashed on their way there.

        Raises:
            StoreError: the cache cannot be written.
        """
        with atomic.explained(self.layout.cache):
            stat = os.stat(path)
            os.chmod(path, 0o444)
            os.utime(path, ns=(stat.st_atime_ns, _seal(stat.st_size)))
            target = self.layout.object_file(digest)
            if not self.has(digest):
                atomic.rename(path, target)
                self.flusher.add((target,))

    def place(self, digest: Digest, path: str, *, executable: bool = False, link: bool = False) -> None:
        """Writes the object's bytes to a new file.

        Args:
            link: whether a link to the object will do, if the mode asks for one. An executable is always a copy.

        Raises:
            MissingObjectError: it is not there or damaged; no file is made.
            StoreError: the file cannot be written (or exists).
        """
        if not self.has(digest):
            raise MissingObjectError(
                f"object {digest} is not in the cache", "run the stage that makes it again"
            )
        if link and not executable and self._link(digest, path):
            return
        source = hashing.open_file(self.layout.object_file(digest))
        try:
            with atomic.explained(path):
                fd = atomic.create(path, 0o777 if executable else 0o666)
                try:
                    self._copy_out(source, fd, digest, path)
                except BaseException:
                    atomic.discard(path)
                    raise
                finally:
                    os.close(fd)
        finally:
            os.close(source)

    def share(self, digest: Digest, path: str, scratch: str) -> None:
        """Makes a file that has the object's bytes a link to it, if the mode asks for that and it can be done.

        Args:
            path: the file; never one that is written in place.
            scratch: a folder of ours in its file system.
        """
        if self._mode == "copy" or os.path.samefile(path, self.layout.object_file(digest)):
            return
        temporary = os.path.join(scratch, atomic.token())
        if self._link(digest, temporary):
            self._swap_in(temporary, path)

    def restore(self, digest: Digest, target: str, *, executable: bool = False) -> None:
        """Puts the object's bytes at a path, all at once, over whatever file is there.

        Raises:
            MissingObjectError, StoreError: as `place`; the target is as before.
        """
        temporary = os.path.join(os.path.dirname(target), f".pivot-{atomic.token()}")
        self.place(digest, temporary, executable=executable)
        self._swap_in(temporary, target)

    def _swap_in(self, temporary: str, target: str) -> None:
        """Moves a file of ours over whatever file is there, or takes it away."""
        with atomic.explained(target):
            try:
                atomic.rename(temporary, target)
            except BaseException:
                atomic.discard(temporary)
                raise
            self.index.moved(temporary, target)

    def _link(self, digest: Digest, path: str) -> bool:
        """Makes a link to an object; gives whether the mode asks for one and the file system has them."""
        if self._mode == "copy":
            return False
        source = self.layout.object_file(digest)
        make = os.link if self._mode == "hardlink" else os.symlink
        try:
            atomic.make_folder(os.path.dirname(path))
            make(source, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        self.index.remember(path, digest, os.stat(path))
        return True

    def _store(self, source: int, path: str, expected: Digest | None) -> Digest:
        temporary = os.path.join(self.layout.cache_scratch, atomic.token())
        fd = atomic.create(temporary, 0o600)
        try:
            try:
                digest, stat = _take(source, fd, path, temporary)
                if expected is not None and digest != expected:
                    raise StoreError(
                        f"{path} changed after it was hashed",
                        "keep other programs from writing it, and run again",
                    )
                os.fchmod(fd, 0o444)
                os.utime(fd, ns=(stat.st_atime_ns, _seal(stat.st_size)))
            finally:
                os.close(fd)
            target = self.layout.object_file(digest)
            if expected is None and self.has(digest):
                atomic.discard(temporary)
            else:  # of one that is expected the caller knew that it is not there
                atomic.rename(temporary, target)
                self.flusher.add((target,))
        except BaseException:
            atomic.discard(temporary)
            raise
        self.index.remember(path, digest, stat)
        return digest

    def _copy_out(self, source: int, fd: int, digest: Digest, path: str) -> None:
        if not _clone(source, fd) and hashing.copy_hashed(source, fd, path) != digest:
            raise self._damaged(digest)
        settled = self.index.settled_time()
        os.utime(fd, ns=(settled, settled))
        self.index.remember(path, digest, os.fstat(fd))

    def _damaged(self, digest: Digest) -> MissingObjectError:
        """Puts an object aside whose bytes were found to be wrong; gives the error to raise."""
        self._quarantine(digest)
        self._tell_damage(digest)
        return MissingObjectError(f"object {digest} was damaged", "run the stage that makes it again")

    def _tell_damage(self, digest: Digest) -> None:
        where = os.path.relpath(self.layout.quarantine, self.layout.root)
        after = "it cannot be put aside" if digest in self._unsound else f"it is put aside in {where}"
        self.notices.append(f"object {digest} in the cache was damaged; {after}")

    def _quarantine(self, digest: Digest) -> None:
        path = self.layout.object_file(digest)
        try:
            atomic.rename(path, os.path.join(self.layout.quarantine, f"{digest}.{atomic.token()}"))
        except FileNotFoundError:
            return
        except OSError:  # a read-only cache
            self._unsound.add(digest)


def _seal(size: int) -> int:
    """The modification time (ns) of a sound object: whole seconds, which every file system keeps."""
    return (_SEAL_EPOCH + size % _SEAL_SPAN) * 1_000_000_000


def _take(source: int, fd: int, path: str, temporary: str) -> tuple[Digest, os.stat_result]:
    """Copies one version of an open file; gives its digest and the stat of that version."""
    for _ in range(_TRIES):
        before = os.fstat(source)
        if before.st_size > _SMALL and _clone(source, fd):
            digest = hashing.hash_descriptor(fd, before.st_size)
        else:
            digest = hashing.copy_hashed(source, fd, temporary)
        if hashing.same_version(before, os.fstat(source)):
            return digest, before
        for each in (source, fd):
            os.lseek(each, 0, os.SEEK_SET)
        os.ftruncate(fd, 0)
    raise StoreError(f"{path} changes while it is read", "wait until the program that writes it is done")


def _clone(source: int, target: int) -> bool:
    """Lets ``target`` share the blocks of ``source`` where the file system can."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
