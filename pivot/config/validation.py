"""A document held against the schema of ``pivot.yaml``: what is wrong in plain words, and the part that is right."""

import copy
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from pivot.config.pivotschema import FORMS, DepPath, Given, MapTable, OutPath, PivotYaml, PlotPath, StageTable
from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.yamlio import YamlDocument, YamlPath

_PATHS = ("deps", "outs", "metrics", "plots")
_NEEDED = ("python", "matrix")
"""The keys of a stage without which nothing can be said about the rest of it."""
_ELSEWHERE = {
    "cmd": "a stage is a function: python: module.function",
    "foreach": "here it is matrix:, with names for the dimensions",
    "do": "what a matrix repeats stands beside it, in the stage itself",
    "wdir": "here it is cwd",
    "desc": "say it in the function's docstring",
}
"""Keys that other tools have for a stage."""


def checked(document: YamlDocument) -> PivotYaml:
    """A document as the schema reads it; keys that begin with ``x-`` are the person's own.

    Raises:
        DefinitionErrors: everything that is wrong, in the order of lines.
    """
    try:
        return _validated(document.data)
    except ValidationError as error:
        raise DefinitionErrors(_errors(document, error)) from None


def sound_part(document: YamlDocument, errors: list[PivotError]) -> tuple[PivotYaml, frozenset[str]]:
    """What is right of a document, so that all that is wrong with it can be told at once.

    Args:
        errors: what is wrong is added to it.

    Returns:
        the document without what is wrong, and the names of the stages that something was taken out of.

    Raises:
        DefinitionErrors: nothing can be said about the rest.
    """
    try:
        return _validated(document.data), frozenset()
    except ValidationError as error:
        told = DefinitionErrors(_errors(document, error))
        wrong = [_within(document, one["loc"]) for one in error.errors()]
    if any(path in ((), ("stages",)) or path[0] == "vars" for path in wrong):
        raise told
    rest, broken = _without(document.data, wrong)
    try:
        sound = _validated(rest)
    except ValidationError:
        raise told from None
    errors.extend(told.errors)
    return sound, broken


def _validated(data: Any) -> PivotYaml:
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if not str(key).startswith("x-")}
    return PivotYaml.model_validate(data)


def _without(data: Any, wrong: Iterable[YamlPath]) -> tuple[Any, frozenset[str]]:
    """Data without some of its parts, and the stages that these were in."""
    rest = copy.deepcopy(data)
    broken = set()
    for path in wrong:
        if path[0] == "stages":
            broken.add(path[1])
            path = path[:2] if path[2:3] and path[2] in _NEEDED else path  # noqa: PLW2901
        table = rest
        for key in path[:-1]:
            if not isinstance(table.get(key), dict):
                table.pop(key, None)  # a list goes as a whole
                break
            table = table[key]
        else:
            table.pop(path[-1], None)
    return rest, frozenset(map(str, broken))


def _errors(document: YamlDocument, error: ValidationError) -> list[PivotError]:
    found = [
        (document.line(_within(document, one["loc"])), _explained(document, one)) for one in error.errors()
    ]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _keys(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """An error's location as a person knows it: without the marks of the forms that a value may have."""
    return tuple(step for step in loc if step not in FORMS)


def _within(document: YamlDocument, loc: tuple[int | str, ...]) -> YamlPath:
    """The part of an error's location that is in the document (a missing key is not)."""
    path: YamlPath = ()
    value: Any = document.data
    for step in _keys(loc):
        # a key that is no text comes as one
        same = [key for key in value if str(key) == str(step)] if isinstance(value, dict) else []
        if not same and (*path, step) not in document.lines:
            break
        path = (*path, *(same or [step]))
        value = (
            value[same[0]]
            if same
            else value[step]
            if isinstance(value, list) and isinstance(step, int)
            else None
        )
    return path


def _explained(document: YamlDocument, error: Any) -> PivotError:
    """Pydantic's error in our words."""
    loc = _keys(error["loc"])
    where = f"({Place(document.file, document.line(_within(document, loc)))})"
    who = f"stage {loc[1]!r}: " if len(loc) > 1 and loc[0] == "stages" else ""
    rest = loc[2:] if who else loc
    name = ".".join(str(step) for step in rest if step not in ("[key]", "path") or step == rest[0])
    hint: str | None
    match error["type"]:
        case _ if rest[-1:] == ("[key]",):
            what, hint = f"a key of {'.'.join(map(str, rest[:-2]))}", "put it in quotes"
            if len(rest) == 1:
                who, what, hint = "", "a stage's name", "begin it with a letter"
            return DefinitionError(f"{who}{what} must be a text, not {error['input']!r} {where}", hint)
        case "missing":
            hint = f"add {rest[-1]}: " + ("module.function" if rest[-1] == "python" else "…")
            return DefinitionError(f"{who}{'.'.join(map(str, rest))!r} is missing {where}", hint)
        case "extra_forbidden":
            word = rest[-1]
            hint = _ELSEWHERE.get(str(word)) if who and len(rest) == 1 else None
            return DefinitionError(
                f"{who}unknown key {word!r} {where}", hint or did_you_mean(word, _known(loc))
            )
        case "form" if error["input"] is None:
            return DefinitionError(f"{who}{name} is empty {where}", f"write {error['msg']}")
        case "form":
            return DefinitionError(f"{who}{name} must be {error['msg']}, not {error['input']!r} {where}")
        case "model_type" | "dict_type":
            what = f"{who}{name or 'it'}" if loc else document.file
            return DefinitionError(f"{what} must be a table of keys and values {where}", _table_hint(loc))
        case kind:
            wanted = re.sub(r"_type$", "", kind)
            word = {"string": "a text", "list": "a list", "bool": "true or false"}.get(wanted, error["msg"])
            return DefinitionError(f"{who}{name} must be {word}, not {error['input']!r} {where}")


def _table_hint(loc: tuple[int | str, ...]) -> str | None:
    """How a table is written that is none."""
    match loc:
        case ():
            return "it begins with stages:"
        case ("stages",):
            return "write name: {python: module.function}"
        case ("stages", _):
            return "write python: module.function under it"
        case ("stages", _, "deps"):
            return "write the function's parameter and the path, as in data: data.csv"
        case ("stages", _, word) if word in _PATHS:
            return "write the output's name and the path, as in model: model.pkl"
        case ("stages", _, "params"):
            return "write name: value; the function's annotations say which params there are"
        case ("stages", _, "matrix"):
            return "write dimension: [value, value]"
    return None


def _known(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys of the table in which an unknown one stands."""
    if len(loc) == 1:
        return tuple(PivotYaml.model_fields)
    if len(loc) == 3:
        return tuple(StageTable.model_fields)
    if loc[2:-1] == ("map",):
        return tuple(MapTable.model_fields)
    section = loc[-3]
    if len(loc) in (5, 8) and section in _PATHS:
        model = DepPath if section == "deps" else PlotPath if section == "plots" else OutPath
        return tuple(model.model_fields)
    return tuple(Given.model_fields)
