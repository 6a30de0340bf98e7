"""A ``pivot.yaml`` as text → checked entries and their lines; all that is wrong at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pivot.config.executor import read_executor
from pivot.config.mapping import MapEntry, ValueEntry, depends_entry, map_entry
from pivot.config.tables import ConfigPart, config_parts
from pivot.config.workflow import is_workflow, workflow_of
from pivot.errors import DefinitionError, PivotError
from pivot.model.place import Place
from pivot.model.upstream import OnError
from pivot.yamlio import YamlDocument, YamlPath, read_yaml

if TYPE_CHECKING:
    from pivot.config.pivotschema import DepPath, Given, OutPath, StageTable

Scalar = str | int | float | bool

SECTIONS = ("deps", "outs", "metrics", "plots")
"""The keys of a stage that hold paths."""
RULES = ("resources", "always", "retries", "timeout")
"""The keys of a stage that say how it is run."""


@dataclass(frozen=True, slots=True)
class PathEntry:
    """A path, or several, that a door gives over the declared ones; what it leaves out is ``None``.

    Attributes:
        x, y, template: of a Plot.
    """

    path: str | tuple[str, ...]
    cache: bool | None
    place: Place
    x: str | None = None
    y: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class GivenEntry:
    """What a stage, or a value of its matrix, says over the declarations of the function.

    Attributes:
        paths: for each of `SECTIONS`: name → path.
        params: as written; not yet checked against the model.
        mutex: ``None`` where it was not given.
        rules: those of `RULES` that were given, as written; not yet checked.
        document, at: where the entry stands; they give the line of each of its keys.
    """

    paths: Mapping[str, Mapping[str, PathEntry]]
    params: Mapping[str, Any]
    mutex: tuple[str, ...] | None
    rules: Mapping[str, Any]
    document: YamlDocument
    at: YamlPath

    def place(self, *keys: str | int) -> Place:
        """Where a key of the entry stands; without keys, the entry itself."""
        return Place(self.document.file, self.document.line((*self.at, *keys)))


@dataclass(frozen=True, slots=True)
class DimensionValue:
    """A value of a matrix's dimension, and what is given for it.

    Attributes:
        given: ``None`` where nothing is.
    """

    value: Scalar
    given: GivenEntry | None
    place: Place


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One stage of a ``pivot.yaml``.

    Attributes:
        name: with a matrix perhaps a template, ``train@{model}``.
        python: dotted name of the function.
        cwd: relative to the file's folder.
        matrix: dimension → values; ``None`` where there is none.
        values: what it takes from other stages.
    """

    name: str
    python: str
    given: GivenEntry
    cwd: str | None
    matrix: Mapping[str, tuple[DimensionValue, ...]] | None
    values: ValueEntry = field(default_factory=ValueEntry)

    def place(self, *keys: str | int) -> Place:
        """Where a key of the entry stands; without keys, the entry itself."""
        return self.given.place(*keys)


@dataclass(frozen=True, slots=True)
class Vars:
    """Values for ``${name}``.

    Attributes:
        values: name → value and where it stands.
        file: of YAML with more of them, as written; ``None`` where they stand in the file itself.
    """

    values: Mapping[str, tuple[Scalar, Place]]
    file: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class PivotFile:
    """All that a ``pivot.yaml`` says.

    Attributes:
        stages: in the order of the file.
        include: folders or pipeline files, as written.
        broken: the names of those in `stages` that a wrong part was taken out of, so that the rest can be looked at.
        params: for all its stages, as an entry that has nothing else.
        config: the parts of the config, the weakest first.
        notices: what a person should know of the file.
        is_workflow: whether it is one of Flowdapt's.
    """

    stages: tuple[StageEntry, ...]
    vars: tuple[Vars, ...]
    include: tuple[tuple[str, Place], ...]
    broken: frozenset[str] = frozenset()
    params: GivenEntry | None = None
    config: tuple[ConfigPart, ...] = ()
    notices: tuple[str, ...] = ()
    is_workflow: bool = False


def read_pivotfile(text: str, file: str, errors: list[PivotError]) -> PivotFile:
    """What a ``pivot.yaml`` says, or a Flowdapt workflow.

    Args:
        text: of the file.
        file: its project path, for messages.
        errors: unknown keys, wrong types and missing keys are added to it, in the order of lines.

    Raises:
        DefinitionErrors: what is wrong leaves nothing that could be looked at.
        PivotError: the text is no YAML.
    """
    from pivot.config.validation import sound_part  # lazy: start-up time

    document = read_yaml(text, file)
    if document.data is None:
        raise DefinitionError(f"{file} is empty", "it begins with stages:")
    workflow = workflow_of(document, errors) if is_workflow(document) else None
    if workflow is not None:
        document = workflow.document
    sound, broken = sound_part(document, errors)
    read_executor(sound.executor, ("executor",), document, errors)
    stages = tuple(_entry(name, stage, document) for name, stage in (sound.stages or {}).items())
    include = enumerate(_listed(sound.include) or ())
    return PivotFile(
        stages,
        tuple(_vars(sound.vars, document)),
        tuple((path, Place(file, document.line(("include", number)))) for number, path in include),
        broken | workflow.broken if workflow else broken,
        GivenEntry({}, sound.params, None, {}, document, ()) if sound.params else None,
        config_parts(sound.config, Place(file, document.line(("config",))), document),
        tuple(workflow.notices()) if workflow else (),
        workflow is not None,
    )


def read_entry(name: str, table: Mapping[str, Any], place: Place) -> StageEntry:
    """One stage that stands in no file: what is wrong with it is told at `place`.

    Args:
        table: what an entry of ``pivot.yaml`` holds.

    Raises:
        DefinitionErrors: unknown keys, wrong types.
    """
    from pivot.config.validation import checked  # lazy: start-up time

    document = YamlDocument(place.file, {"stages": {name: dict(table)}}, {(): place.line})
    stages = checked(document).stages or {}
    return _entry(name, stages[name], document)


def read_vars(text: str, file: str) -> dict[str, tuple[Scalar, Place]]:
    """The values of a YAML file, and where they stand: ``train.rate`` is one inside a table; lists are left out.

    Raises:
        PivotError: it is no YAML, or no table.
    """
    document = read_yaml(text, file)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise DefinitionError(f"{file} must hold a table of values ({file}:1)")
    return {
        ".".join(map(str, path)): (value, Place(file, document.line(path)))
        for path, value in _leaves(data, ())
        if isinstance(value, str | int | float)
    }


def _leaves(table: Mapping[Any, Any], path: YamlPath) -> Iterator[tuple[YamlPath, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _vars(given: Any, document: YamlDocument) -> Iterator[Vars]:
    parts = given if isinstance(given, list) else [] if given is None else [given]
    for number, part in enumerate(parts):
        at: YamlPath = ("vars", number) if isinstance(given, list) else ("vars",)
        place = Place(document.file, document.line(at))
        if isinstance(part, str):
            yield Vars({}, part, place)
        else:
            values = {
                name: (value, Place(document.file, document.line((*at, name))))
                for name, value in part.items()
            }
            yield Vars(values, None, place)


def _entry(name: str, stage: "StageTable", document: YamlDocument) -> StageEntry:
    at = ("stages", name)
    matrix = None
    if stage.matrix is not None:
        matrix = {
            dimension: tuple(_dimension(values, document, (*at, "matrix", dimension)))
            for dimension, values in stage.matrix.items()
        }
    try:
        values = _values(stage, document, at)
    except DefinitionError as error:
        raise DefinitionError(f"stage {name!r}: {error.message}", error.hint) from error
    return StageEntry(name, stage.python, _given(stage, document, at), stage.cwd, matrix, values)


def _values(stage: "StageTable", document: YamlDocument, at: YamlPath) -> ValueEntry:
    """What a stage takes from others; Flowdapt's ``type: parameterized`` and ``map_on`` are read as ``map``."""

    def place(*keys: str | int) -> Place:
        return Place(document.file, document.line((*at, *keys)))

    depends_on = None
    if stage.depends_on is not None:
        names = _listed(stage.depends_on) or []
        is_list = isinstance(stage.depends_on, list)
        lines = [
            place("depends_on", number) if is_list else place("depends_on") for number in range(len(names))
        ]
        depends_entry(names, place("depends_on"))  # whether one is named twice
        depends_on = tuple(zip(names, lines, strict=True))
    fanout = None
    if stage.map is not None:
        given = stage.map if isinstance(stage.map, str) else stage.map.model_dump(exclude_none=True)
        fanout = map_entry(given, place("map"))
    elif stage.map_on is not None:
        is_stage = stage.map_on in (name for name, _ in depends_on or ()) or stage.map_on.startswith(
            "params."
        )
        over = stage.map_on if is_stage else f"params.{stage.map_on}"
        fanout = MapEntry(over, OnError.FAIL, None, place("map_on"))
    elif stage.type == "parameterized":
        fanout = MapEntry(None, OnError.FAIL, None, place("type"))
    return ValueEntry(depends_on, fanout)


def _dimension(
    values: "list[Any] | dict[Any, Given | None]", document: YamlDocument, at: YamlPath
) -> Iterator[DimensionValue]:
    for number, value in enumerate(values):
        given = values[value] if isinstance(values, dict) else None
        here = (*at, value if isinstance(values, dict) else number)
        entry = None if given is None else _given(given, document, here)
        yield DimensionValue(value, entry, Place(document.file, document.line(here)))


def _given(given: "Given", document: YamlDocument, at: YamlPath) -> GivenEntry:
    paths = {
        section: {
            name: _path(value, Place(document.file, document.line((*at, section, name))))
            for name, value in (getattr(given, section) or {}).items()
        }
        for section in SECTIONS
    }
    mutex = _listed(given.mutex)
    groups = None if mutex is None else tuple(mutex)
    rules = {name: getattr(given, name) for name in RULES if name in given.model_fields_set}
    return GivenEntry(paths, given.params or {}, groups, rules, document, at)


def _path(value: "str | list[str] | DepPath | OutPath", place: Place) -> PathEntry:
    if isinstance(value, str | list):
        return PathEntry(_one_or_several(value), None, place)
    from pivot.config.pivotschema import OutPath, PlotPath  # lazy: start-up time

    path = _one_or_several(value.path)
    if isinstance(value, PlotPath):
        return PathEntry(path, value.cache, place, value.x, value.y, value.template)
    return PathEntry(path, value.cache if isinstance(value, OutPath) else None, place)


def _one_or_several(path: str | list[str]) -> str | tuple[str, ...]:
    return path if isinstance(path, str) else tuple(path)


def _listed(value: str | list[str] | None) -> list[str] | None:
    return [value] if isinstance(value, str) else value
