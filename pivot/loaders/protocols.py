"""What a loader must be able to do; any class with these methods is one, best as a frozen dataclass."""

import os
from typing import Protocol, TypeVar, runtime_checkable

R_co = TypeVar("R_co", covariant=True)
W_contra = TypeVar("W_contra", contravariant=True)


@runtime_checkable
class Reader(Protocol[R_co]):
    """Turns a file into a value."""

    def load(self, path: str | os.PathLike[str]) -> R_co:
        """The value that the file at ``path`` holds."""
        ...


@runtime_checkable
class Writer(Protocol[W_contra]):
    """Turns a value into a file."""

    def save(self, value: W_contra, path: str | os.PathLike[str]) -> None:
        """Write ``value`` to ``path``; equal values should give equal bytes."""
        ...


@runtime_checkable
class Loader(Writer[W_contra], Reader[R_co], Protocol[W_contra, R_co]):
    """Reads and writes, and knows the value to begin with where no file is there yet."""

    def empty(self) -> R_co:
        """The value that stands for "nothing yet"."""
        ...
