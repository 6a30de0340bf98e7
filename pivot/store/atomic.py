"""Changes to files that are either done or not: write to a temporary file, flush, rename, flush the folder.

Everything in the store that changes a file goes through here or through a plain ``os`` call; each raises an
audit event (``os.rename``, ``open``, …; ``pivot.write`` and ``pivot.fsync`` for the two that the interpreter
does not announce), so that the crash test can stop a process before any single one of them.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

from pivot.errors import StoreError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that is full, or of a limit on what one may have on it."""
_PIECE = 1 << 20
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turns an ``OSError`` of the block into a `StoreError` that names the file and the way out.

    Args:
        path: what is being worked on, for errors that name no file themselves.
    """
    try:
        yield
    except OSError as error:
        # of two names (rename) the second is where the change should have gone
        name = os.fsdecode(error.filename2 or error.filename or path)
        raise StoreError(
            f"cannot write {name}: {os.strerror(error.errno or 0)}", way_out(error, name)
        ) from error


def way_out(error: OSError, name: str) -> str:
    """What a person can do about a file that cannot be written."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"make {os.path.dirname(name) or name} writable for you, or work in a copy of the project"
    if error.errno in NO_ROOM:
        return "free some disk space and run again; nothing half-written counts"
    if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY):
        return "a folder is where a file must go, or the other way round: move it away"
    if error.errno == errno.ELOOP:
        return "a symbolic link on the way leads in a circle: mend or remove it"
    return "mend the file system's state and run again; nothing half-written counts"


def names_in(folder: str) -> list[str]:
    """The names in a folder, in order; none where there is no folder.

    Raises:
        StoreError: it cannot be listed.
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}", "make it readable") from error


def holds(path: str, data: bytes) -> bool:
    """Whether a file is there and holds just these bytes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # of another size it holds something else, however long it is
            return os.fstat(fd).st_size == len(data) and _whole(fd) == data
        finally:
            os.close(fd)
    except OSError:
        return False


def _whole(fd: int) -> bytes:
    return b"".join(iter(lambda: os.read(fd, _PIECE), b""))


def token() -> str:
    """A name part that no other process uses."""
    return os.urandom(8).hex()


def create(path: str, mode: int = 0o666) -> int:
    """A descriptor of a new file; the caller closes it. Makes missing folders.

    Raises:
        FileExistsError: there is such a file already.
    """
    try:
        return os.open(path, _WRITE, mode)
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        return os.open(path, _WRITE, mode)


def make_folder(path: str) -> None:
    """Makes a folder and those above it; one that exists is fine."""
    os.makedirs(path, exist_ok=True)


def write_all(fd: int, data: bytes | memoryview, path: str) -> None:
    """Writes all of ``data``, whatever the system takes at once."""
    sys.audit("pivot.write", path)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync(fd: int, path: str) -> None:
    """Flushes an open file to the disk."""
    sys.audit("pivot.fsync", path)
    os.fsync(fd)


def sync_path(path: str) -> None:
    """Flushes a closed file, or the names in a folder, to the disk, where the file system can."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(fd, path)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


def write_bytes(path: str, data: bytes, scratch: str) -> None:
    """Puts a file with these bytes at ``path``, all at once and durably.

    The temporary file is made in ``scratch``, which is in the file system of ``path``.

    Raises:
        StoreError: it cannot be written.
    """
    with explained(path):
        _replace(path, data, scratch, flush=True)
        sync_path(os.path.dirname(path))


def replace_unflushed(path: str, data: bytes, scratch: str) -> None:
    """`write_bytes` for a file that a `Flusher` flushes later, or nothing: old or new after a kill."""
    with explained(path):
        _replace(path, data, scratch, flush=False)


def _replace(path: str, data: bytes, scratch: str, *, flush: bool) -> None:
    temporary = os.path.join(scratch, token())
    fd = create(temporary)
    try:
        try:
            write_all(fd, data, temporary)
            if flush:
                sync(fd, temporary)
        finally:
            os.close(fd)
        rename(temporary, path)
    except BaseException:
        discard(temporary)
        raise


def rename(source: str, target: str) -> None:
    """Moves a file over whatever file is there; makes the target's folder where it is missing."""
    try:
        os.rename(source, target)
    except FileNotFoundError:
        if not os.path.lexists(source):
            raise
        make_folder(os.path.dirname(target))
        os.rename(source, target)


def discard(path: str) -> None:
    """Removes a file if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def discard_tree(folder: str) -> None:
    """Removes a folder of our own and all in it, if it is there; a symbolic link inside is not followed."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            discard_tree(entry.path)
        else:
            discard(entry.path)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(folder)
