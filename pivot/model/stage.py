"""A stage: a named function with its deps, outs and params. All doors lead to this one type."""

import json
from dataclasses import dataclass, field
from enum import StrEnum

from pivot.model.context import NOTHING_SAID, FileContext
from pivot.model.digest import Digest, digest_parts
from pivot.model.place import Place
from pivot.model.resources import Resources
from pivot.model.retries import Retries
from pivot.model.upstream import StageMap, Upstream
from pivot.paths import ROOT, ProjectPath


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
        uses: functions and classes of the project, or of its libraries, that its options hold; their code counts.
    """

    name: str
    options: str
    version: int
    payload: bytes = field(compare=False, repr=False)
    libraries: tuple[str, ...] = field(default=(), compare=False)
    uses: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> Digest:
        """What is compared: class, options and version."""
        return digest_parts([self.name, self.options, str(self.version)])

    @property
    def code(self) -> tuple[str, ...]:
        """The dotted names of all code that it runs."""
        return (self.name, *self.uses)


@dataclass(frozen=True, slots=True)
class StageDep:
    """A file, or a whole folder, that a stage reads. A Dep with several paths makes one of each.

    Attributes:
        name: the parameter's name; for the paths of ``@stage(deps=[…])`` the path itself.
        path: with ``/`` at its end: all files under a folder.
        argument: the parameter that gets the loaded value, or ``None`` if the stage opens the file on its own.
        index: its position among several paths under one name; ``None`` for a single path.
    """

    name: str
    path: ProjectPath
    loader: LoaderRef
    argument: str | None
    index: int | None = None


class OutKind(StrEnum):
    """What an output is: a Metric is a small number in git, a Plot is looked at."""

    OUT = "out"
    METRIC = "metric"
    PLOT = "plot"
    INCREMENTAL = "incremental"  # the stage gets what it wrote last
    DIRECTORY = "directory"  # a folder of files
    VALUE = "value"  # what the stage returned, with no file in the workspace
    VALUES = "values"  # a list of what a mapped stage returned: its file names an object for each item


@dataclass(frozen=True, slots=True)
class PlotView:
    """How a Plot is to be drawn where its file is a table: columns of the axes, name of a template."""

    x: str | None = None
    y: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class StageOut:
    """A file, or a whole folder, that a stage writes. An Out with several paths makes one of each.

    Attributes:
        name: the key in the returned dict; for a single output the name given to it (default ``output``).
        path: with ``/`` at its end for a `OutKind.DIRECTORY`.
        cache: whether its bytes are kept in the object cache.
        written_by_stage: the stage itself writes the file (PathOnly); else its loader saves the returned value.
        index: its position among several paths under one name; ``None`` for a single path.
        argument: the parameter that gets the last value of a `OutKind.INCREMENTAL`.
        view: of a Plot; changes no result.
    """

    name: str
    path: ProjectPath
    kind: OutKind
    loader: LoaderRef
    cache: bool
    written_by_stage: bool
    index: int | None = None
    argument: str | None = None
    view: PlotView | None = None


class Returns(StrEnum):
    """How a stage function gives its outputs back."""

    MAPPING = "mapping"  # a dict with one value per out
    SINGLE = "single"  # the value of the only out
    NOTHING = "nothing"  # the stage writes its files itself


@dataclass(frozen=True, slots=True)
class StageParameters:
    """The params of a stage: which arguments take them, the model that checks them, and their values.

    Attributes:
        argument: the parameter that takes an instance of the model; ``None`` where no parameter does.
        model: of its fields; ``None`` likewise.
        values: every field of the model, and every plain parameter that is given a value, as one JSON text with
            sorted keys (nested models and dates included).
        plain: parameters of the function that take a value by their own name, each with its type in words: what
            the type makes of the JSON text. Empty words where the text alone says what the value is; ``None`` for
            a list that is mapped over, which no parameter takes.
    """

    argument: str | None
    model: ObjectRef | None
    values: str
    plain: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class StageVariant:
    """Which variant of a function a stage is.

    Attributes:
        values: dimension → its value as JSON text, in the order of the dimensions.
        argument: what the parameter ``variant`` gets, as JSON text: the value of a single dimension, else a dict of
            all; ``None`` where the function takes no such argument.
    """

    values: tuple[tuple[str, str], ...]
    argument: str | None = None


def stage_key(name: str, home: ProjectPath) -> str:
    """What a stage is called on disk: `Stage.key`."""
    own = name.rpartition(":")[2]
    return own if home == ROOT else f"{home}:{own}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A named function with its deps, outs and params.

    Attributes:
        name: what people call it in the pipeline file that they work with: ``train``, ``train@small``; with the
            folder in front where another file of the project defines it: ``prepare:clean`` (``:clean`` for a file at
            the root).
        folder: of the file (or notebook) that defines it, shifted by ``cwd``; paths were read relative to it, and
            it is the current directory while the stage runs.
        place: where it is defined, for messages.
        roots: folders from which its module is imported, in order.
        home: the folder of the file (or notebook) that defines it, not shifted by ``cwd``.
        variant: which one of several that one entry makes.
        context: what its pipeline file says for all its stages; a stage asks for it through the run context.
        resources: what it takes of the machine while it runs.
        always: run it in every run, whatever changed or did not.
        retries: whether a failed attempt is followed by another.
        timeout: seconds after which an attempt is ended; ``None``: it may take as long as it likes.
        depends_on: the stages whose results it waits for; `deps` holds a dep for each of them, see `core.links`.
        map: over what it runs once for each item; ``None``: it runs once.

    `resources` to `timeout` say how it is run; they change no result.
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
    home: ProjectPath = ROOT
    variant: StageVariant | None = None
    context: FileContext = NOTHING_SAID
    resources: Resources = field(default_factory=Resources)
    always: bool = False
    retries: Retries = field(default_factory=Retries)
    timeout: float | None = None
    depends_on: tuple[Upstream, ...] = ()
    map: StageMap | None = None

    @property
    def key(self) -> str:
        """What the stage is called on disk, the same from wherever in the project it is looked at.

        Its name, with the folder of its pipeline file in front if that is not the root: ``prepare:clean``.
        """
        return stage_key(self.name, self.home)

    def compared_params(self) -> dict[str, str]:
        """All that decides what params the function gets: name → JSON text.

        What no field or parameter can be called stands for the rest: ``@variant``, ``@type of n``.
        """
        values = json.loads(self.params.values) if self.params else {}
        found = {name: json.dumps(value, sort_keys=True) for name, value in values.items()}
        if self.variant is not None and self.variant.argument:
            found["@variant"] = self.variant.argument
        plain = self.params.plain if self.params else ()
        return found | {f"@type of {name}": json.dumps(words) for name, words in plain if words}

    def dep_paths(self) -> tuple[ProjectPath, ...]:
        """The files it reads, each once, in the order of declaration."""
        return tuple(dict.fromkeys([dep.path for dep in self.deps]))

    def loaders(self) -> tuple[LoaderRef, ...]:
        """The loaders of its deps and outs, each once."""
        found = [*(dep.loader for dep in self.deps), *(out.loader for out in self.outs)]
        return tuple(dict.fromkeys(found))

    def out_paths(self) -> tuple[ProjectPath, ...]:
        """The files it writes, in the order of declaration."""
        return tuple([out.path for out in self.outs])
