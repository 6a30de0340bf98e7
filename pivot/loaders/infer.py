"""The loader that a path and an annotated type ask for when none is given."""

import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pivot.errors import PivotError
from pivot.loaders.array import NumPy
from pivot.loaders.binary import Bytes, PathOnly, Pickle
from pivot.loaders.figure import MatplotlibFigure
from pivot.loaders.frame import CSV, Feather, Parquet
from pivot.loaders.text import JSON, JSONL, YAML, Text

BuiltinLoader = (
    CSV
    | JSON
    | JSONL
    | YAML
    | Text
    | Bytes
    | Pickle
    | PathOnly
    | Parquet
    | Feather
    | NumPy
    | MatplotlibFigure
)

_BY_EXTENSION: Mapping[str, BuiltinLoader] = {
    ".csv": CSV(),
    ".tsv": CSV(sep="\t"),
    ".parquet": Parquet(),
    ".feather": Feather(),
    ".json": JSON(),
    ".jsonl": JSONL(),
    ".ndjson": JSONL(),
    ".yaml": YAML(),
    ".yml": YAML(),
    ".txt": Text(),
    ".md": Text(),
    ".log": Text(),
    ".npy": NumPy(),
    ".npz": NumPy(empty_factory=dict),
    ".bin": Bytes(),
    ".pkl": Pickle(),
    ".pickle": Pickle(),
}
_TABLES = (CSV, Parquet, Feather)


def infer_loader(path: str, annotated: Any) -> BuiltinLoader:
    """The loader for a file.

    Args:
        path: its extension decides, where the type does not.
        annotated: the type that the file's value is annotated with. ``pathlib.Path`` means that the stage
            handles the file on its own, Matplotlib's ``Figure`` that Pivot saves the figure, ``bytes`` that
            the file is taken as it stands.

    Raises:
        PivotError: neither says what the file is, or a value of that type is in no such file.
    """
    kind = _without_none(annotated)
    by_type = loader_by_type(kind)
    if by_type is not None:
        return by_type
    extension = os.path.splitext(path)[1].lower()
    loader = _BY_EXTENSION.get(extension)
    name = getattr(kind, "__name__", "")
    # what is no type is a name from `if TYPE_CHECKING`: the name is all there is
    home = str(getattr(kind, "__module__", "")).partition(".")[0] if isinstance(kind, type) else ""
    if name == "DataFrame":
        if home in ("", "pandas") and isinstance(loader, (*_TABLES, Pickle)):
            return loader
        what = "DataFrame" if home in ("", "pandas") else f"{home}.DataFrame"
        ways = "call the file .parquet, .feather, .csv, .tsv or .pkl, or " if home in ("", "pandas") else ""
        hint = f"{ways}name a loader: loaders.Pickle(), loaders.PathOnly() or one of your own"
        raise PivotError(f"no loader is known for a {what} in {path!r}", hint)
    if name == "ndarray" and (loader is None or isinstance(loader, (*_TABLES, Text))):
        hint = "call the file .npy, or name a loader: loaders.NumPy(), loaders.Pickle() or one of your own"
        raise PivotError(f"no loader is known for an array in {path!r}", hint)
    if loader is None:
        raise PivotError(
            f"no loader is known for {path!r}",
            "name one: loaders.Pickle(), loaders.PathOnly() or a loader of your own",
        )
    return loader


def loader_by_type(annotated: Any) -> BuiltinLoader | None:
    """The loader that a type asks for whatever the file's name; ``None`` where the name decides."""
    kind = _without_none(annotated)
    name = getattr(kind, "__name__", "")
    is_type = isinstance(kind, type)
    if issubclass(kind, os.PathLike) if is_type else name == "Path":
        return PathOnly()
    if name == "Figure" and (not is_type or kind.__module__.partition(".")[0] == "matplotlib"):
        return MatplotlibFigure()
    return Bytes() if kind in (bytes, bytearray) else None


@dataclass(frozen=True)
class ByExtension:
    """Each file by its own extension: for folders of files whose names only a run knows."""

    # a change in what any of them writes is one of this one
    version: ClassVar[int] = 1 + sum(kind.version - 1 for kind in {type(it) for it in _BY_EXTENSION.values()})
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "pandas", "pyarrow")

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The value of a file.

        Raises:
            PivotError: its extension says nothing.
        """
        loader: Any = infer_loader(os.fspath(path), object)
        return loader.load(path)

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write a value.

        Raises:
            PivotError: the extension of ``path`` says nothing, or goes with another type of value.
            TypeError: the value is not what goes into such a file.
        """
        loader = infer_loader(os.fspath(path), type(value))
        if isinstance(loader, PathOnly):
            raise TypeError(f"a path is no content for {os.path.basename(path)}")
        loader.save(value, path)


def _without_none(annotated: Any) -> Any:
    """``T`` for ``T | None``."""
    if typing.get_origin(annotated) not in (typing.Union, types.UnionType):
        return annotated
    choices = [kind for kind in typing.get_args(annotated) if kind is not type(None)]
    return choices[0] if len(choices) == 1 else annotated
