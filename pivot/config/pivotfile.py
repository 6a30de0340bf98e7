"""The schema of ``pivot.yaml``: text → checked entries and their lines; all that is wrong at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.yamlio import YamlDocument, YamlPath, read_yaml

_LATER = ("matrix", "variants", "vars", "include")


@dataclass(frozen=True, slots=True)
class PathEntry:
    """A path given in YAML. ``cache`` is ``None`` where it was not given."""

    path: str
    cache: bool | None
    place: Place


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One stage of a ``pivot.yaml``.

    Attributes:
        python: dotted name of the function.
        deps, outs, metrics, plots: name → path.
        params: as written; not yet checked against the model.
        mutex: ``None`` where it was not given.
        cwd: relative to the file's folder.
        document, at: where the entry stands; they give the line of each of its keys.
    """

    name: str
    python: str
    deps: Mapping[str, PathEntry]
    outs: Mapping[str, PathEntry]
    metrics: Mapping[str, PathEntry]
    plots: Mapping[str, PathEntry]
    params: Mapping[str, Any]
    mutex: tuple[str, ...] | None
    cwd: str | None
    document: YamlDocument
    at: YamlPath

    def place(self, *keys: str | int) -> Place:
        """Where a key of the entry stands; without keys, the entry itself."""
        return Place(self.document.file, self.document.line((*self.at, *keys)))


def _as_table(value: Any) -> Any:
    return {"path": value} if isinstance(value, (str, list)) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


class _Path(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    path: str


class _OutPath(_Path):
    cache: bool | None = None


_Deps = Annotated[dict[str, Annotated[_Path, BeforeValidator(_as_table)]], BeforeValidator(_or_empty)]
_Outs = Annotated[dict[str, Annotated[_OutPath, BeforeValidator(_as_table)]], BeforeValidator(_or_empty)]


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    python: str
    deps: _Deps = {}
    outs: _Outs = {}
    metrics: _Outs = {}
    plots: _Outs = {}
    params: Annotated[dict[str, Any], BeforeValidator(_or_empty)] = {}
    mutex: Annotated[list[str] | None, BeforeValidator(_as_list)] = None
    cwd: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    stages: Annotated[dict[str, _Stage], BeforeValidator(_or_empty)]


def read_pivotfile(text: str, file: str) -> tuple[StageEntry, ...]:
    """The stages of a ``pivot.yaml``, in the order of the file.

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
        checked = _File.model_validate(document.data)
    except ValidationError as error:
        found = [
            (document.line(_within(document, e["loc"])), _explained(document, e)) for e in error.errors()
        ]
        raise DefinitionErrors([e for _, e in sorted(found, key=lambda pair: pair[0])]) from None
    return tuple(_entry(name, stage, document) for name, stage in checked.stages.items())


def _entry(name: str, stage: _Stage, document: YamlDocument) -> StageEntry:
    at = ("stages", name)

    def paths(section: str, table: Mapping[str, _Path]) -> dict[str, PathEntry]:
        return {
            key: PathEntry(
                value.path,
                value.cache if isinstance(value, _OutPath) else None,
                Place(document.file, document.line((*at, section, key))),
            )
            for key, value in table.items()
        }

    return StageEntry(
        name,
        stage.python,
        paths("deps", stage.deps),
        paths("outs", stage.outs),
        paths("metrics", stage.metrics),
        paths("plots", stage.plots),
        stage.params,
        None if stage.mutex is None else tuple(stage.mutex),
        stage.cwd,
        document,
        at,
    )


def _within(document: YamlDocument, loc: tuple[int | str, ...]) -> YamlPath:
    """The part of an error's location that is in the document (a missing key is not)."""
    path: YamlPath = ()
    for step in loc:
        if (*path, step) not in document.lines:
            break
        path = (*path, step)
    return path


def _explained(document: YamlDocument, error: Any) -> PivotError:
    """Pydantic's error in our words."""
    loc: tuple[int | str, ...] = error["loc"]
    where = f"({document.file}:{document.line(_within(document, loc))})"
    who = f"stage {loc[1]!r}: " if len(loc) > 1 and loc[0] == "stages" else ""
    rest = loc[2:] if who else loc
    name = ".".join(str(step) for step in rest if step not in ("[key]", "path") or step == rest[0])
    match error["type"]:
        case "missing":
            hint = f"add {rest[-1]}: " + ("module.function" if rest[-1] == "python" else "…")
            return DefinitionError(f"{who}{name or rest[-1]!r} is missing {where}", hint)
        case "extra_forbidden":
            word = rest[-1]
            if word in _LATER:
                return DefinitionError(
                    f"{who}{word} comes in a later version {where}", "leave it out for now"
                )
            return DefinitionError(f"{who}unknown key {word!r} {where}", did_you_mean(word, _known(loc)))
        case "string_type" if isinstance(error["input"], list) and rest[0] in (
            "deps",
            "outs",
            "metrics",
            "plots",
        ):
            message = f"{who}several paths for {name} come in a later version {where}"
            return DefinitionError(message, "give each file a name of its own")
        case "model_type" | "dict_type":
            return DefinitionError(f"{who}{name or 'each stage'} must be a table of keys and values {where}")
        case kind:
            wanted = re.sub(r"_type$", "", kind)
            word = {"string": "a text", "list": "a list", "bool": "true or false"}.get(wanted, error["msg"])
            return DefinitionError(f"{who}{name} must be {word}, not {error['input']!r} {where}")


def _known(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    if len(loc) == 1:
        return tuple(_File.model_fields)
    if len(loc) == 3:
        return tuple(_Stage.model_fields)
    return tuple((_Path if loc[2] == "deps" else _OutPath).model_fields)
