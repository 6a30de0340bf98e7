"""A remote that is a folder: a mounted share, a disk, a folder beside the project."""

import contextlib
import os
import stat
import time
from collections.abc import Collection, Iterator

from pivot.errors import StoreError
from pivot.remote.backend import MissingKeyError, RemoteError, Source
from pivot.store import atomic

_CHUNK = 1 << 20
_SCRATCH = "tmp"
_STALE = 24 * 3600.0  # seconds; what killed processes left half-written is taken away then


class FolderBackend:
    """A `Backend` over a folder, laid out as a project's cache is.

    Args:
        path: absolute.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._scratch = os.path.join(path, _SCRATCH)

    def open(self, *, create: bool) -> None:
        """See `Backend`; half-written files of long ago are taken away."""
        try:
            if create and os.path.isdir(os.path.dirname(self._path)):
                os.makedirs(self._path, exist_ok=True)
            os.listdir(self._path)
        except OSError as error:
            hint = "is it mounted? make the folder, or name another one with `pivot remote add`"
            raise RemoteError(f"cannot use the folder {self._path}: {error.strerror}", hint) from error
        if create:
            self._sweep()

    def sizes(self, keys: Collection[str]) -> dict[str, int]:
        """See `Backend`."""
        found: dict[str, int] = {}
        for key in keys:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), _explained(key, self._path):
                status = os.stat(self._file(key))
                if stat.S_ISREG(status.st_mode):
                    found[key] = status.st_size
        return found

    @contextlib.contextmanager
    def read(self, key: str) -> Iterator[Source]:
        """See `Backend`."""
        try:
            with _explained(key, self._path):
                file = open(self._file(key), "rb", buffering=0)  # noqa: SIM115 - closed below
        except (FileNotFoundError, NotADirectoryError):
            raise MissingKeyError(f"there is no {key} in {self._path}") from None
        with file:
            yield file

    def write(self, key: str, source: Source) -> None:
        """See `Backend`."""
        target = self._file(key)
        temporary = os.path.join(self._scratch, atomic.token())
        try:
            with atomic.explained(target):
                fd = atomic.create(temporary)
                try:
                    while piece := source.read(_CHUNK):
                        atomic.write_all(fd, piece, temporary)
                    atomic.sync(fd, temporary)
                finally:
                    os.close(fd)
                atomic.rename(temporary, target)
                atomic.sync_path(os.path.dirname(target))
        except StoreError as error:
            self._discard(temporary)
            raise RemoteError(error.message, error.hint) from error
        except BaseException:
            self._discard(temporary)
            raise

    def discard(self, key: str) -> None:
        """See `Backend`."""
        path = self._file(key)
        try:
            with atomic.explained(path):
                atomic.discard(path)
        except StoreError as error:
            raise RemoteError(error.message, error.hint) from error

    def list(self, prefix: str) -> Iterator[str]:
        """See `Backend`."""
        for folder, _, names in os.walk(self._file(prefix)):
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self._path).replace(os.sep, "/")

    def _file(self, key: str) -> str:
        return os.path.join(self._path, *key.split("/"))

    def _discard(self, temporary: str) -> None:
        with contextlib.suppress(OSError):
            atomic.discard(temporary)

    def _sweep(self) -> None:
        with contextlib.suppress(OSError), os.scandir(self._scratch) as entries:
            for entry in entries:
                if entry.stat().st_mtime < time.time() - _STALE:
                    self._discard(entry.path)


@contextlib.contextmanager
def _explained(key: str, folder: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise RemoteError(f"cannot read {key} in {folder}: {error.strerror}", "make it readable") from error
