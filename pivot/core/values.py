"""Files of numbers as values, and values as flat tables: what metrics, params and plots are shown from."""

import csv
import io
import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from pivot.errors import PivotError
from pivot.yamlio import yaml_values

Key = tuple[str | int, ...]
"""The way to a value inside of nested tables and lists; empty for the value itself."""

LONGEST_TEXT = 200
"""Characters of a file of plain text that count as a value."""


def read_value(path: str, data: bytes) -> Any:
    """The value in a file, told by its extension: JSON, JSON lines, YAML, CSV, TSV, else a number or a short text.

    Rows of a table are dicts; numbers in CSV are numbers.

    Raises:
        ValueError: it holds something else; the message says what is wrong.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    match posixpath.splitext(path)[1].lower():
        case ".json":
            return _json(text)
        case ".jsonl" | ".ndjson":
            return [_json(line) for line in text.splitlines() if line.strip()]
        case ".yaml" | ".yml":
            try:
                return yaml_values(text, path)
            except PivotError as error:
                raise ValueError(error.message) from error
        case ".csv":
            return _table(text, ",")
        case ".tsv":
            return _table(text, "\t")
    return _plain(text)


def flatten(value: Any) -> dict[Key, Any]:
    """The single values inside of a value, by the way to each; an empty table or list counts as one."""
    return dict(_flat(value, ()))


def key_text(key: Key) -> str:
    """``scores.f1``, ``rows[0].loss``; a name that would be mistaken stands in quotes."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part and not any(char in part for char in '.[]"') and part.isprintable()
            text += ("." if text else "") + (part if plain else json.dumps(part, ensure_ascii=False))
    return text


def _flat(value: Any, key: Key) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, (*key, str(name)))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _flat(inner, (*key, index))
    else:
        yield key, value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not valid JSON: {error}") from None


def _table(text: str, delimiter: str) -> list[dict[str, Any]]:
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line]
    except csv.Error as error:
        raise ValueError(f"it is no table: {error}") from None
    if not lines:
        return []
    names = [name or f"column {number}" for number, name in enumerate(lines[0], 1)]
    return [dict(zip(names, map(_cell, line), strict=False)) for line in lines[1:]]


def _cell(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text) if "_" not in text else text
        except ValueError:
            continue
    return text or None


def _plain(text: str) -> Any:
    stripped = text.strip()
    if len(stripped) > LONGEST_TEXT:
        raise ValueError("it is neither JSON, YAML nor CSV by its name, and too long for a number or a word")
    return _cell(stripped)
