"""Digests of files: as fast as reading them, and never of a file that changed meanwhile."""

import os
import stat
from collections.abc import Sequence

import xxhash

from pivot.errors import StoreError
from pivot.model.digest import Digest
from pivot.store import atomic

CHUNK = 4 << 20
_SMALL = 64 << 10  # read in one piece: a buffer of CHUNK bytes costs more than the file
_PIECE = 64  # files that a thread takes at once: to hand over a small one costs more than to read it
_TRIES = 4
# a named pipe must not block us before we see that it is no file
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def same_version(a: os.stat_result, b: os.stat_result) -> bool:
    """Whether two stats are of one file that was not written in between (as far as a clock tick can tell)."""
    return (
        a.st_size == b.st_size
        and a.st_mtime_ns == b.st_mtime_ns
        and a.st_ctime_ns == b.st_ctime_ns
        and a.st_ino == b.st_ino
    )


def open_file(path: str) -> int:
    """A descriptor to read a regular file; the caller closes it.

    Raises:
        FileNotFoundError: there is none.
        StoreError: it cannot be read, or is a folder or a device.
    """
    try:
        fd = os.open(path, _READ)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it a readable file") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        kind = "folder" if os.path.isdir(path) else "device or pipe"
        raise StoreError(f"{path} is a {kind}, not a file", "declare the path of a file")
    return fd


def hash_file(path: str) -> tuple[Digest, os.stat_result]:
    """The digest of a file's content and the stat of the very version that was read.

    Raises:
        FileNotFoundError: there is none.
        StoreError: it cannot be read, is no regular file, or is written to all the time.
    """
    fd = open_file(path)
    try:
        for _ in range(_TRIES):
            before = os.fstat(fd)
            digest = hash_descriptor(fd, before.st_size)
            if same_version(before, os.fstat(fd)):
                return digest, before
            os.lseek(fd, 0, os.SEEK_SET)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it a readable file") from error
    finally:
        os.close(fd)
    raise StoreError(f"{path} changes while it is read", "wait until the program that writes it is done")


def hash_descriptor(fd: int, size: int = CHUNK) -> Digest:
    """The digest of what an open file holds from its position on; ``size`` is how much that may be."""
    state = xxhash.xxh3_128()
    if size <= _SMALL:
        while data := os.read(fd, _SMALL):
            state.update(data)
        return Digest(state.hexdigest())
    buffer = memoryview(bytearray(min(CHUNK, size)))
    while count := os.readv(fd, [buffer]):
        state.update(buffer[:count])
    return Digest(state.hexdigest())


def copy_hashed(source: int, target: int, target_path: str) -> Digest:
    """Copies the rest of one open file to another; gives the digest of the bytes that were copied."""
    state = xxhash.xxh3_128()
    size = os.fstat(source).st_size
    buffer = memoryview(bytearray(min(CHUNK, size + 1)))
    while count := os.readv(source, [buffer]):
        state.update(buffer[:count])
        atomic.write_all(target, buffer[:count], target_path)
    return Digest(state.hexdigest())


def hash_files(paths: Sequence[str]) -> list[tuple[Digest, os.stat_result] | None]:
    """`hash_file` for many, in as many threads as pay; ``None`` for a file that is not there.

    Raises:
        StoreError: as `hash_file`, for the first file of which it is true.
    """
    if len(paths) < 2:
        return [_hash_if_there(path) for path in paths]
    from concurrent.futures import ThreadPoolExecutor

    # xxhash and read() give up the interpreter lock
    threads = min(len(paths), os.cpu_count() or 1)
    size = max(1, min(_PIECE, len(paths) // (4 * threads)))
    pieces = [paths[start : start + size] for start in range(0, len(paths), size)]
    with ThreadPoolExecutor(threads) as pool:
        return [found for piece in pool.map(_hash_all, pieces) for found in piece]


def _hash_all(paths: Sequence[str]) -> list[tuple[Digest, os.stat_result] | None]:
    return [_hash_if_there(path) for path in paths]


def _hash_if_there(path: str) -> tuple[Digest, os.stat_result] | None:
    try:
        return hash_file(path)
    except FileNotFoundError:
        return None
