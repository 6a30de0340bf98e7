"""The words that users annotate with: what a stage reads and what it writes.

All are frozen and hold only data. ``loader`` says how the file becomes a value and back; left out, it is
inferred from the file's extension.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pivot.errors import DefinitionError
from pivot.loaders import JSON, Loader, Reader, Writer

R = TypeVar("R")
W = TypeVar("W")

Paths = str | Sequence[str]
"""One path, or several."""


@dataclass(frozen=True)
class Dep(Generic[R]):
    """Files that a stage reads; their loaded value is passed as the annotated parameter.

    Args:
        path: relative to the file that defines the stage. Of several paths, the parameter gets the list of their
            values; of a folder (``"data/"``) a dict from the path inside it to the value of each file, or the
            folder itself with `pivot.loaders.PathOnly`.
        loader: reads a file; ``None`` infers one from the extension (of a folder: ``PathOnly``).
    """

    path: Paths
    loader: Reader[R] | None = None

    def __post_init__(self) -> None:
        _freeze_paths(self)


@dataclass(frozen=True)
class Out(Generic[W]):
    """Files that a stage writes: Pivot saves the returned value there.

    Args:
        path: relative to the file that defines the stage. For several paths the stage returns as many values.
        loader: saves a value; ``None`` infers one from the extension.
        cache: whether the files' bytes are kept in the cache.
    """

    path: Paths
    loader: Writer[W] | None = None
    cache: bool = True

    def __post_init__(self) -> None:
        _freeze_paths(self)


@dataclass(frozen=True)
class Metric(Out[Any]):
    """A small number or table of numbers, written as JSON and meant for git rather than for the cache."""

    loader: Writer[Any] | None = field(default_factory=JSON)
    cache: bool = False


@dataclass(frozen=True)
class Plot(Out[W]):
    """An output to be looked at.

    Args:
        x, y: columns of the axes, where the file is a table.
        template: names the plot's template.
    """

    x: str | None = None
    y: str | None = None
    template: str | None = None


@dataclass(frozen=True)
class IncrementalOut(Out[W]):
    """A file that carries state from run to run: the stage gets what it wrote last and returns what is to stay.

    Stands both on a parameter and in the return type, with the same path and loader; the first run gets the
    loader's ``empty()``.

    Args:
        path: one file. It cannot be overridden.
        loader: reads and writes it; ``None`` infers one from the extension. With `pivot.loaders.PathOnly` the
            stage changes the file at the path that it gets.

    Raises:
        DefinitionError: the path is no single file.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.path, str):
            raise DefinitionError("IncrementalOut takes one path", "declare one for each file")
        if self.path.endswith("/"):
            raise DefinitionError(f"IncrementalOut({self.path!r}) names a folder", "name a file")


@dataclass(frozen=True)
class DirectoryOut(Out[W]):
    """A folder of files whose names are known when the stage has run: it returns a dict from path to value.

    Args:
        path: of the folder, with ``/`` at its end.
        loader: saves each value; ``None`` infers one from the extension of each file's name. With
            `pivot.loaders.PathOnly` the stage fills the folder itself and returns its path.

    Raises:
        DefinitionError: the path does not end with ``/``.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.path, str) or not self.path.endswith("/"):
            name = self.path if isinstance(self.path, str) and self.path else "folder"
            hint = f"write {f'{name}/'!r}"
            raise DefinitionError(f"DirectoryOut({self.path!r}): the path of a folder ends with /", hint)


def _freeze_paths(word: "Dep[Any] | Out[Any]") -> None:
    """Makes texts of ``pathlib.Path`` and a tuple of a list, so that the word can be hashed and compared."""
    path: Any = word.path
    if isinstance(path, (list, tuple)):
        path = tuple(os.fspath(one) if isinstance(one, os.PathLike) else one for one in path)
    elif isinstance(path, os.PathLike):
        path = os.fspath(path)
    object.__setattr__(word, "path", path)


__all__ = [
    "Dep",
    "DirectoryOut",
    "IncrementalOut",
    "Loader",
    "Metric",
    "Out",
    "Plot",
    "Reader",
    "Writer",
]
