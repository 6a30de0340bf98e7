"""A remote in this process's memory: what all others are like, and what tests use."""

import contextlib
import io
from collections.abc import Collection, Iterator

from pivot.remote.backend import MissingKeyError, Source


class MemoryBackend:
    """A `Backend` that forgets.

    Attributes:
        content: key → bytes.
    """

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def open(self, *, create: bool) -> None:
        """Nothing to be done."""

    def sizes(self, keys: Collection[str]) -> dict[str, int]:
        """See `Backend`."""
        content = dict(self.content)
        return {key: len(content[key]) for key in keys if key in content}

    @contextlib.contextmanager
    def read(self, key: str) -> Iterator[Source]:
        """See `Backend`."""
        data = self.content.get(key)
        if data is None:
            raise MissingKeyError(f"there is no {key}")
        yield io.BytesIO(data)

    def write(self, key: str, source: Source) -> None:
        """See `Backend`."""
        pieces = []
        while piece := source.read(1 << 20):
            pieces.append(piece)
        self.content[key] = b"".join(pieces)

    def discard(self, key: str) -> None:
        """See `Backend`."""
        self.content.pop(key, None)

    def list(self, prefix: str) -> Iterator[str]:
        """See `Backend`."""
        return iter([key for key in list(self.content) if key.startswith(prefix)])
