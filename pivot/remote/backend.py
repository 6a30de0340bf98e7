"""What a place outside the project must be able to do, to keep objects and records for others.

Keys are POSIX paths of ASCII letters, digits and ``. _ - ~ % @``, as files have under the cache folder:
``files/ab/cdef…``, ``runs/ab/cdef…/0123….json``. Every backend passes one conformance suite.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from pivot.errors import PivotError


class RemoteError(PivotError):
    """A remote cannot be reached, read or written."""


class MissingKeyError(RemoteError):
    """A remote has nothing under a key."""


class Source(Protocol):
    """Bytes to be read from front to back."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most ``size``; empty only at the end."""


class Backend(Protocol):
    """Bytes under keys. May be used by many threads at once, and by many machines."""

    def open(self, *, create: bool) -> None:
        """Get ready.

        Args:
            create: make the place if it is not there (nothing that leads to it).

        Raises:
            RemoteError: it cannot be reached.
        """

    def sizes(self, keys: Collection[str]) -> dict[str, int]:
        """The sizes in bytes of those of the keys that are there."""

    def read(self, key: str) -> AbstractContextManager[Source]:
        """The bytes under a key, open while the context lasts.

        Raises:
            MissingKeyError: there are none (when the context is entered).
            RemoteError: they cannot be read.
        """

    def write(self, key: str, source: Source) -> None:
        """Put all bytes of ``source`` under a key, over what is there: all or nothing, also after a kill.

        What ``source`` raises comes out again, and nothing has changed: it may refuse at its very end.

        Raises:
            RemoteError: they cannot be written.
        """

    def discard(self, key: str) -> None:
        """Take a key away; nothing happens where there is none.

        Raises:
            RemoteError: it cannot be taken away.
        """

    def list(self, prefix: str) -> Iterator[str]:
        """All keys that begin with a prefix, which ends with ``/``; in no order."""
