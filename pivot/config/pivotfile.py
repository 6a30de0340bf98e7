"""A ``pivot.yaml`` as text → checked entries and their lines; all that is wrong at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from pivot.config.pivotschema import FORMS, DepPath, Given, OutPath, PivotYaml, PlotPath, StageTable
from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.yamlio import YamlDocument, YamlPath, read_yaml

Scalar = str | int | float | bool

SECTIONS = ("deps", "outs", "metrics", "plots")
"""The keys of a stage that hold paths."""


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
        document, at: where the entry stands; they give the line of each of its keys.
    """

    paths: Mapping[str, Mapping[str, PathEntry]]
    params: Mapping[str, Any]
    mutex: tuple[str, ...] | None
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
    """

    name: str
    python: str
    given: GivenEntry
    cwd: str | None
    matrix: Mapping[str, tuple[DimensionValue, ...]] | None

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
    """

    stages: tuple[StageEntry, ...]
    vars: tuple[Vars, ...]
    include: tuple[tuple[str, Place], ...]


def read_pivotfile(text: str, file: str) -> PivotFile:
    """What a ``pivot.yaml`` says.

    Args:
        text: of the file.
        file: its project path, for messages.

    Raises:
        DefinitionErrors: unknown keys, wrong types, missing keys; all of them, in the order of lines.
        PivotError: the text is no YAML.
    """
    document = read_yaml(text, file)
    if document.data is None:
        raise DefinitionError(f"{file} is empty", "it begins with stages:")
    try:
        checked = PivotYaml.model_validate(document.data)
    except ValidationError as error:
        found = [
            (document.line(_within(document, e["loc"])), _explained(document, e)) for e in error.errors()
        ]
        raise DefinitionErrors([e for _, e in sorted(found, key=lambda pair: pair[0])]) from None
    stages = tuple(_entry(name, stage, document) for name, stage in (checked.stages or {}).items())
    include = enumerate(_listed(checked.include) or ())
    return PivotFile(
        stages,
        tuple(_vars(checked.vars, document)),
        tuple((path, Place(file, document.line(("include", number)))) for number, path in include),
    )


def read_vars(text: str, file: str) -> dict[str, tuple[Scalar, Place]]:
    """The top-level values of a YAML file, and where they stand; tables and lists are left out.

    Raises:
        PivotError: it is no YAML, or no table.
    """
    document = read_yaml(text, file)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise DefinitionError(f"{file} must hold a table of values ({file}:1)")
    return {
        str(name): (value, Place(file, document.line((name,))))
        for name, value in data.items()
        if isinstance(value, str | int | float)
    }


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


def _entry(name: str, stage: StageTable, document: YamlDocument) -> StageEntry:
    at = ("stages", name)
    matrix = None
    if stage.matrix is not None:
        matrix = {
            dimension: tuple(_dimension(values, document, (*at, "matrix", dimension)))
            for dimension, values in stage.matrix.items()
        }
    return StageEntry(name, stage.python, _given(stage, document, at), stage.cwd, matrix)


def _dimension(
    values: list[Any] | dict[Any, Given | None], document: YamlDocument, at: YamlPath
) -> Iterator[DimensionValue]:
    for number, value in enumerate(values):
        given = values[value] if isinstance(values, dict) else None
        here = (*at, value if isinstance(values, dict) else number)
        entry = None if given is None else _given(given, document, here)
        yield DimensionValue(value, entry, Place(document.file, document.line(here)))


def _given(given: Given, document: YamlDocument, at: YamlPath) -> GivenEntry:
    paths = {
        section: {
            name: _path(value, Place(document.file, document.line((*at, section, name))))
            for name, value in (getattr(given, section) or {}).items()
        }
        for section in SECTIONS
    }
    mutex = _listed(given.mutex)
    return GivenEntry(paths, given.params or {}, None if mutex is None else tuple(mutex), document, at)


def _path(value: str | list[str] | DepPath | OutPath, place: Place) -> PathEntry:
    given = value.path if isinstance(value, DepPath | OutPath) else value
    path = given if isinstance(given, str) else tuple(given)
    if isinstance(value, PlotPath):
        return PathEntry(path, value.cache, place, value.x, value.y, value.template)
    return PathEntry(path, value.cache if isinstance(value, OutPath) else None, place)


def _listed(value: str | list[str] | None) -> list[str] | None:
    return [value] if isinstance(value, str) else value


def _keys(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """An error's location as a person knows it: without the marks of the forms that a value may have."""
    return tuple(step for step in loc if step not in FORMS)


def _within(document: YamlDocument, loc: tuple[int | str, ...]) -> YamlPath:
    """The part of an error's location that is in the document (a missing key is not)."""
    path: YamlPath = ()
    for step in _keys(loc):
        if (*path, step) not in document.lines:
            break
        path = (*path, step)
    return path


def _explained(document: YamlDocument, error: Any) -> PivotError:
    """Pydantic's error in our words."""
    loc = _keys(error["loc"])
    where = f"({document.file}:{document.line(_within(document, loc))})"
    who = f"stage {loc[1]!r}: " if len(loc) > 1 and loc[0] == "stages" else ""
    rest = loc[2:] if who else loc
    name = ".".join(str(step) for step in rest if step not in ("[key]", "path") or step == rest[0])
    match error["type"]:
        case "missing":
            hint = f"add {rest[-1]}: " + ("module.function" if rest[-1] == "python" else "…")
            return DefinitionError(f"{who}{'.'.join(map(str, rest))!r} is missing {where}", hint)
        case "extra_forbidden":
            word = rest[-1]
            return DefinitionError(f"{who}unknown key {word!r} {where}", did_you_mean(word, _known(loc)))
        case "form" if error["input"] is None:
            return DefinitionError(f"{who}{name} is empty {where}", f"write {error['msg']}")
        case "form":
            return DefinitionError(f"{who}{name} must be {error['msg']}, not {error['input']!r} {where}")
        case "model_type" | "dict_type":
            return DefinitionError(f"{who}{name or 'each stage'} must be a table of keys and values {where}")
        case kind:
            wanted = re.sub(r"_type$", "", kind)
            word = {"string": "a text", "list": "a list", "bool": "true or false"}.get(wanted, error["msg"])
            return DefinitionError(f"{who}{name} must be {word}, not {error['input']!r} {where}")


def _known(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys of the table in which an unknown one stands."""
    if len(loc) == 1:
        return tuple(PivotYaml.model_fields)
    if len(loc) == 3:
        return tuple(StageTable.model_fields)
    section = loc[-3]
    if len(loc) in (5, 8) and section in SECTIONS:
        model = DepPath if section == "deps" else PlotPath if section == "plots" else OutPath
        return tuple(model.model_fields)
    return tuple(Given.model_fields)
