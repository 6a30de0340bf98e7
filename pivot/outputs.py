"""The words that users annotate with: what a stage reads and what it writes.

All are frozen and hold only data. ``loader`` says how the file becomes a value and back; left out, it is
inferred from the file's extension.
"""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pivot.loaders import JSON, Loader, Reader, Writer

R = TypeVar("R")
W = TypeVar("W")


@dataclass(frozen=True)
class Dep(Generic[R]):
    """A file that a stage reads; its loaded value is passed as the annotated parameter.

    Args:
        path: relative to the file that defines the stage.
        loader: reads the file; ``None`` infers one from the extension.
    """

    path: str
    loader: Reader[R] | None = None


@dataclass(frozen=True)
class Out(Generic[W]):
    """A file that a stage writes: Pivot saves the returned value there.

    Args:
        path: relative to the file that defines the stage.
        loader: saves the value; ``None`` infers one from the extension.
        cache: whether the file's bytes are kept in the cache.
    """

    path: str
    loader: Writer[W] | None = None
    cache: bool = True


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


__all__ = ["Dep", "Loader", "Metric", "Out", "Plot", "Reader", "Writer"]
