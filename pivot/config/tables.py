"""The ``config:`` of a pipeline file: tables and YAML files, merged deeply; what comes later wins."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.paths import ProjectPath, absolute, project_path
from pivot.yamlio import YamlDocument, YamlPath, read_yaml, yaml_text

Locate = Callable[[str], tuple[str, str]]
"""Where a file is that a config names: its absolute path, and what messages call it."""

_EXAMPLE = "write config: {key: value}, config: config.yaml, or a list of such"


@dataclass(frozen=True, slots=True)
class ConfigPart:
    """A table, or the path of a YAML file that holds one.

    Attributes:
        said: as it was written: a mapping or a text; anything else is an error to be told.
        place: where that stands.
        document, at: the YAML that it stands in, for the lines of its keys; ``None`` for one given in Python.
    """

    said: Any
    place: Place
    document: YamlDocument | None = None
    at: YamlPath = ()


def config_by_hand(said: Any) -> dict[str, Any]:
    """The config that somebody gives in Python; paths are relative to the current folder.

    Raises:
        DefinitionErrors: everything that is wrong with it.
    """
    errors: list[PivotError] = []
    place = Place("run_context.use")
    found = merged_config(config_parts(said, place), lambda path: (os.path.abspath(path), path), errors, [])
    if errors:
        raise DefinitionErrors(errors)
    return found


def in_folder(folder: ProjectPath, root: str) -> Locate:
    """Where a path is that a pipeline file in `folder` names; `root` of the project is absolute."""

    def locate(path: str) -> tuple[str, str]:
        found = project_path(path, folder)
        return absolute(found, root), found

    return locate


def config_parts(said: Any, place: Place, document: YamlDocument | None = None) -> tuple[ConfigPart, ...]:
    """The parts of a config as it was written, the weakest first."""
    if said is None:
        return ()
    if not isinstance(said, (list, tuple)):
        return (ConfigPart(said, place, document, ("config",)),)
    ats: list[YamlPath] = [("config", number) for number in range(len(said))]
    places = [Place(document.file, document.line(at)) if document else place for at in ats]
    return tuple(
        ConfigPart(one, where, document, at) for one, where, at in zip(said, places, ats, strict=True)
    )


def merged_config(
    parts: Sequence[ConfigPart], locate: Locate, errors: list[PivotError], read: list[str]
) -> dict[str, Any]:
    """One table of all parts; what is wrong with them is added to ``errors``.

    Args:
        locate: gives the absolute path of a file and what messages call it, or raises a `PivotError`.
        read: absolute paths of the files that were looked at are added to it.
    """
    merged: dict[str, Any] = {}
    for part in parts:
        try:
            table, document, at = _table(part, locate, read)
        except PivotError as error:
            told = error.message if "(" in error.message else f"{error.message} ({part.place})"
            errors.append(DefinitionError(f"config: {told}", error.hint))
            continue
        except OSError as error:
            errors.append(
                DefinitionError(f"config: cannot read {part.said}: {error.strerror} ({part.place})")
            )
            continue
        wrong = [
            DefinitionError(f"config: {what} ({_line(document, (*at, *path), part.place)})", hint)
            for path, what, hint in _wrong(table, ())
        ]
        errors.extend(wrong)
        if not wrong:
            merged = merge(merged, table)
    return merged


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one: tables merge key by key, of all else what stands above wins."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both and old is not None else value
    return merged


def config_text(config: Mapping[str, Any]) -> str:
    """A config as it travels: its keys in their order."""
    return json.dumps(config, ensure_ascii=False, separators=(",", ":"))


def _table(
    part: ConfigPart, locate: Locate, read: list[str]
) -> tuple[Mapping[Any, Any], YamlDocument | None, YamlPath]:
    if isinstance(part.said, Mapping):
        return part.said, part.document, part.at
    if not isinstance(part.said, str):
        raise DefinitionError(f"{part.said!r} is no table and no path", _EXAMPLE)
    file, path = locate(part.said)
    read.append(file)
    document = read_yaml(yaml_text(file, path), path)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise DefinitionError(f"{path} must hold a table of values ({path}:1)", "begin it with key: value")
    return data, document, ()


def _line(document: YamlDocument | None, path: YamlPath, place: Place) -> Place:
    return place if document is None else Place(document.file, document.line(path))


def _wrong(value: Any, path: YamlPath) -> Iterator[tuple[YamlPath, str, str | None]]:
    """What of a value cannot be a config's: keys that are no text, and in Python what JSON cannot hold."""
    name = ".".join(map(str, path))
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                yield (*path, key), f"key {key!r} must be a text", "put it in quotes"
            else:
                yield from _wrong(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _wrong(inner, (*path, number))
    elif not isinstance(value, str | int | float | None):
        yield path, f"{name} is a {type(value).__name__}", "write a text, a number, a list or a table"
