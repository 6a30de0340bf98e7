"""A stage: a named function with its deps, outs and params. All doors lead to this one type."""

from dataclasses import dataclass, field
from enum import StrEnum

from pivot.model.digest import Digest, digest_parts
from pivot.model.place import Place
from pivot.paths import ProjectPath


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """A module-level object by name, e.g. ``stages`` and ``Outer.method``; nothing is imported to hold one."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}.{self.qualname}"


@dataclass(frozen=True, slots=True)
class LoaderRef:
    """A loader as data: what the driver compares, and what a worker unpickles.

    Attributes:
        name: the qualified class name, ``pivot.loaders.CSV``.
        options: its fields in canonical text, ``sep=','``; equal options give equal text.
        version: of its on-disk result; built-in loaders count it up when that changes.
        libraries: top-level modules that it works with (``pandas``); their versions count. Not part of the digest.
        payload: the pickled loader. Not part of any digest.
    """

    name: str
    options: str
    version: int
    payload: bytes = field(compare=False, repr=False)
    libraries: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> Digest:
        """What is compared: class, options and version."""
        return digest_parts([self.name, self.options, str(self.version)])


@dataclass(frozen=True, slots=True)
class StageDep:
    """A file that a stage reads.

    Attributes:
        name: the parameter's name; for the paths of ``@stage(deps=[…])`` the path itself.
        argument: the parameter that gets the loaded value, or ``None`` if the stage opens the file on its own.
    """

    name: str
    path: ProjectPath
    loader: LoaderRef
    argument: str | None


class OutKind(StrEnum):
    """What an output is to a person; a Metric is a small number in git, a Plot is looked at."""

    OUT = "out"
    METRIC = "metric"
    PLOT = "plot"


@dataclass(frozen=True, slots=True)
class StageOut:
    """A file that a stage writes.

    Attributes:
        name: the key in the returned dict; for a single output the name given to it (default ``output``).
        cache: whether its bytes are kept in the object cache.
        written_by_stage: the stage itself writes the file (PathOnly); else its loader saves the returned value.
    """

    name: str
    path: ProjectPath
    kind: OutKind
    loader: LoaderRef
    cache: bool
    written_by_stage: bool


class Returns(StrEnum):
    """How a stage function gives its outputs back."""

    MAPPING = "mapping"  # a dict with one value per out
    SINGLE = "single"  # the value of the only out
    NOTHING = "nothing"  # the stage writes its files itself


@dataclass(frozen=True, slots=True)
class StageParameters:
    """The params of a stage: which argument takes them, the model that checks them, and their values.

    Attributes:
        values: every field and its value as JSON text with sorted keys (nested models and dates included).
    """

    argument: str
    model: ObjectRef
    values: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A named function with its deps, outs and params.

    Attributes:
        folder: of the file (or notebook) that defines it, shifted by ``cwd``; paths were read relative to it, and
            it is the current directory while the stage runs.
        place: where it is defined, for messages.
        roots: folders from which its module is imported, in order.
    """

    name: str
    function: ObjectRef
    deps: tuple[StageDep, ...]
    outs: tuple[StageOut, ...]
    returns: Returns
    params: StageParameters | None
    mutex: tuple[str, ...]
    folder: ProjectPath
    place: Place
    roots: tuple[ProjectPath, ...]

    def dep_paths(self) -> tuple[ProjectPath, ...]:
        """The files it reads, each once, in the order of declaration."""
        return tuple(dict.fromkeys(dep.path for dep in self.deps))

    def loaders(self) -> tuple[LoaderRef, ...]:
        """The loaders of its deps and outs, each once."""
        found = [*(dep.loader for dep in self.deps), *(out.loader for out in self.outs)]
        return tuple(dict.fromkeys(found))

    def out_paths(self) -> tuple[ProjectPath, ...]:
        """The files it writes, in the order of declaration."""
        return tuple(out.path for out in self.outs)
