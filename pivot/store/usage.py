"""Who uses a cache: processes that work with it now, and the projects whose records need its objects.

A cache may be shared by several projects. Each leaves a note of itself in ``projects/``, so that whoever collects
garbage knows whose lock files to ask. And while a process makes or restores results it holds ``in-use.lock``
together with all others that do, so that nobody takes away an object between the look at it and its use.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from pivot.errors import StoreError
from pivot.model.digest import Digest, digest_text
from pivot.store import atomic
from pivot.store.guard import wait_guard
from pivot.store.layout import Layout

_LOCK = "in-use.lock"
_PROJECTS = "projects"
_KEPT = "kept"
_UNABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class UsingProject:
    """A project that has used the cache.

    Attributes:
        root: its root, absolute, on the machine ``host``; empty where the note cannot be read.
        id: what `identity` gives where it still lies there.
        note: the file that says so.
    """

    root: str
    host: str
    id: str
    note: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was not Pivot's and was kept as an object before it was replaced.

    Attributes:
        path: where it was, with the project's root.
    """

    digest: Digest
    path: str


@contextlib.contextmanager
def in_use(layout: Layout) -> Iterator[None]:
    """Keeps garbage collectors off the cache meanwhile; waits for one that is at work.

    Where the project has none yet, the cache is read-only, or the file system has no locks, nothing is held.
    """
    fd = _lock(layout, fcntl.LOCK_SH)
    try:
        yield
    finally:
        _unlock(fd)


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[bool]:
    """Whether nobody else uses the cache; if so, nobody begins to before the block ends.

    Raises:
        StoreError: the cache cannot be written, or the file system has no locks.
    """
    path = os.path.join(layout.cache, _LOCK)
    with atomic.explained(path):
        try:
            fd = _opened(path)
        except FileNotFoundError:
            atomic.make_folder(layout.cache)
            fd = _opened(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        except BaseException:
            os.close(fd)
            raise
    try:
        yield free
    finally:
        _unlock(fd)


def register_project(layout: Layout) -> None:
    """Leaves a note of the project in a cache that is not its own; one that cannot be left is done without."""
    if layout.cache.startswith(os.path.join(layout.folder, "")):
        return
    with contextlib.suppress(OSError, StoreError):  # a cache that is read-only for us keeps nothing of ours
        data = {"host": socket.gethostname(), "id": _made_identity(layout), "root": layout.root}
        text = json.dumps(data, sort_keys=True) + "\n"
        path = os.path.join(layout.cache, _PROJECTS, f"{digest_text(text)}.json")
        if not os.path.exists(path):
            atomic.write_bytes(path, text.encode("ascii"), layout.cache_scratch)


def project_notes(layout: Layout) -> tuple[str, ...]:
    """The paths on which it rests that the project has its note in a cache that is not its own; none for its own."""
    if layout.cache.startswith(os.path.join(layout.folder, "")):
        return ()
    return (os.path.join(layout.cache, _PROJECTS), layout.identity_file)


def _made_identity(layout: Layout) -> str | None:
    """`identity`, made where there is none; of processes that come at once all give the same one."""
    if identity(layout) is None:
        with wait_guard(layout, os.path.basename(layout.identity_file)):
            if identity(layout) is None:
                atomic.write_bytes(layout.identity_file, f"{atomic.token()}\n".encode(), layout.scratch)
    return identity(layout)


def identity(layout: Layout) -> str | None:
    """What tells a project from another one at the same path, of another time or another machine."""
    try:
        with open(layout.identity_file, encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, ValueError):
        return None


def using_projects(layout: Layout) -> tuple[UsingProject, ...]:
    """The projects that have left a note in the cache, by root; also those whose note cannot be read.

    Raises:
        StoreError: nobody can say which there are.
    """
    folder = os.path.join(layout.cache, _PROJECTS)
    found = []
    for name in atomic.names_in(folder):
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                data = json.loads(file.read())
            found.append(UsingProject(str(data["root"]), str(data["host"]), str(data["id"]), path))
        except FileNotFoundError:  # a person took it away
            continue
        except (OSError, ValueError, KeyError, TypeError):
            found.append(UsingProject("", "", "", path))
    return tuple(sorted(found, key=lambda one: one.root))


def name_kept(layout: Layout, digest: Digest, path: str) -> None:
    """Gives an object a name that saves it from collection: it holds what a person wrote.

    Args:
        path: where it was, absolute.

    Raises:
        StoreError: the cache cannot be written.
    """
    text = json.dumps({"path": path}).encode("ascii") + b"\n"
    atomic.write_bytes(os.path.join(layout.cache, _KEPT, f"{digest}.json"), text, layout.cache_scratch)


def kept_files(layout: Layout) -> tuple[KeptFile, ...]:
    """The files of people that were kept as objects.

    Raises:
        StoreError: nobody can say which there are.
    """
    folder = os.path.join(layout.cache, _KEPT)
    found = []
    for name in atomic.names_in(folder):
        digest, suffix = os.path.splitext(name)
        path = ""
        with (
            contextlib.suppress(OSError, ValueError, KeyError, TypeError),
            open(os.path.join(folder, name), "rb") as file,
        ):
            path = str(json.loads(file.read())["path"])
        if suffix == ".json":
            found.append(KeptFile(Digest(digest), path))
    return tuple(found)


def forget_kept(layout: Layout, digest: Digest) -> None:
    """Takes the name away that `name_kept` gave."""
    atomic.discard(os.path.join(layout.cache, _KEPT, f"{digest}.json"))


def _lock(layout: Layout, how: int) -> int | None:
    path = os.path.join(layout.cache, _LOCK)
    if not os.path.exists(layout.format_file):
        return None
    try:
        atomic.make_folder(layout.cache)
        fd = _opened(path)
    except OSError:  # a cache that is read-only for us; what cannot be made will be told by who needs it
        return None
    try:
        fcntl.flock(fd, how)
    except OSError as error:
        os.close(fd)
        if error.errno in _UNABLE:
            return None
        raise
    except BaseException:
        os.close(fd)  # a wait that was interrupted
        raise
    return fd


def _opened(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _unlock(fd: int | None) -> None:
    if fd is not None:
        fcntl.flock(fd, fcntl.LOCK_UN)  # said aloud: a forked child may still hold the descriptor
        os.close(fd)
