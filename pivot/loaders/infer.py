"""The loader that a path and an annotated type ask for when none is given."""

import os
from typing import Any

from pivot.errors import PivotError
from pivot.loaders.binary import PathOnly, Pickle
from pivot.loaders.figure import MatplotlibFigure
from pivot.loaders.frame import CSV, Parquet
from pivot.loaders.text import JSON, YAML, Text

BuiltinLoader = CSV | JSON | MatplotlibFigure | Parquet | PathOnly | Pickle | Text | YAML


def infer_loader(path: str, annotated: Any) -> BuiltinLoader:
    """The loader for a file.

    Args:
        path: its extension decides, where the type does not.
        annotated: the type that the file's value is annotated with. ``pathlib.Path`` means that the stage
            handles the file on its own, Matplotlib's ``Figure`` that Pivot saves the figure.

    Raises:
        PivotError: neither says what the file is.
    """
    name = getattr(annotated, "__name__", "")
    home = str(getattr(annotated, "__module__", ""))
    is_type = isinstance(annotated, type)
    # what is no type is a name from `if TYPE_CHECKING`: the name is all there is
    if issubclass(annotated, os.PathLike) if is_type else name == "Path":
        return PathOnly()
    if name == "Figure" and (not is_type or home.partition(".")[0] == "matplotlib"):
        return MatplotlibFigure()
    extension = os.path.splitext(path)[1].lower()
    known: dict[str, type[BuiltinLoader]] = {
        ".csv": CSV,
        ".json": JSON,
        ".yaml": YAML,
        ".yml": YAML,
        ".txt": Text,
        ".md": Text,
        ".pkl": Pickle,
        ".parquet": Parquet,
    }
    if extension not in known:
        raise PivotError(
            f"no loader is known for {path!r}",
            "name one: loaders.Pickle(), loaders.PathOnly() or a loader of your own",
        )
    return known[extension]()
