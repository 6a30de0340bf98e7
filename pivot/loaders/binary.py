"""Loaders for files that are not text: bytes, pickles, and files that a stage reads and writes on its own."""

import os
import pathlib
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Bytes:
    """The bytes of a file as they stand."""

    version: ClassVar[int] = 1

    def load(self, path: str | os.PathLike[str]) -> bytes:
        """All bytes."""
        return pathlib.Path(path).read_bytes()

    def save(self, value: bytes | bytearray | memoryview, path: str | os.PathLike[str]) -> None:
        """Write the bytes.

        Raises:
            TypeError: the value is none.
        """
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"Bytes saves bytes, not {type(value).__name__}")
        pathlib.Path(path).write_bytes(value)

    def empty(self) -> bytes:
        """No bytes."""
        return b""


@dataclass(frozen=True)
class Pickle:
    """Any picklable value.

    A pickle runs code when it is read: load only files that your own project wrote.

    Args:
        protocol: of pickle; 5 is read by every Python that Pivot runs on.
    """

    version: ClassVar[int] = 1

    protocol: int = 5

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The unpickled value."""
        with open(path, "rb") as file:
            return pickle.load(file)

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Pickle the value."""
        with open(path, "wb") as file:
            pickle.dump(value, file, protocol=self.protocol)

    def empty(self) -> None:
        """None."""
        return


@dataclass(frozen=True)
class PathOnly:
    """The path itself: the stage opens the file (or folder), or has written it, on its own."""

    version: ClassVar[int] = 1

    def load(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """The path as a `pathlib.Path`."""
        return pathlib.Path(path)

    def save(self, value: str | os.PathLike[str] | None, path: str | os.PathLike[str]) -> None:  # noqa: ARG002
        """Check that the stage wrote the file.

        Raises:
            FileNotFoundError: there is nothing at ``path``.
        """
        if not os.path.exists(path):
            raise FileNotFoundError(f"the stage did not write {os.fspath(path)}")
