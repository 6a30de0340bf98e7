"""Loaders for text files: JSON, YAML, lines of JSON, plain text. All are UTF-8; equal values give equal bytes."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pivot.yamlio import dump_yaml, yaml_values


@dataclass(frozen=True)
class JSON:
    """Any JSON value; NumPy numbers and arrays are written as numbers and lists.

    Args:
        indent: spaces per level; ``None`` writes one line.
        empty_factory: makes the value to begin with where nothing was written yet.
    """

    version: ClassVar[int] = 1

    indent: int | None = 2
    empty_factory: Callable[[], Any] = dict

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The parsed value."""
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the value, keys in their own order, with a newline at the end.

        Raises:
            TypeError: something in the value is not JSON.
        """
        text = _json(value, self.indent)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text + "\n")

    def empty(self) -> Any:
        """What ``empty_factory`` makes: an empty dict by default."""
        return self.empty_factory()


@dataclass(frozen=True)
class JSONL:
    """A list of JSON values, one a line; NumPy numbers and arrays are written as numbers and lists."""

    version: ClassVar[int] = 1

    def load(self, path: str | os.PathLike[str]) -> list[Any]:
        """The parsed values; empty lines are skipped.

        Raises:
            ValueError: a line is no JSON; names the line.
        """
        values = []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.isspace():
                    continue
                try:
                    values.append(json.loads(line))
                except json.JSONDecodeError as error:
                    raise ValueError(f"line {number}, column {error.colno}: {error.msg}") from None
        return values

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the items of a list, tuple, iterator or array.

        Raises:
            TypeError: the value is none of these, or something in it is not JSON.
        """
        items = plain(list(value) if isinstance(value, Iterator) else value)
        if not isinstance(items, list):
            raise TypeError(f"JSONL saves a list, not {type(value).__name__}")
        lines = [_json(item, None) + "\n" for item in items]
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.writelines(lines)

    def empty(self) -> list[Any]:
        """An empty list."""
        return []


@dataclass(frozen=True)
class YAML:
    """Any plain value as YAML 1.2: ``NO`` and ``on`` are text; dates are dates.

    Args:
        empty_factory: makes the value to begin with where nothing was written yet.
    """

    version: ClassVar[int] = 1

    empty_factory: Callable[[], Any] = dict

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The parsed value.

        Raises:
            PivotError: the file is no YAML; names the line.
        """
        with open(path, encoding="utf-8") as file:
            return yaml_values(file.read(), os.fspath(path))

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the value in block style, keys in their own order.

        Raises:
            TypeError: something in the value has no YAML form.
        """
        text = dump_yaml(plain(value))
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def empty(self) -> Any:
        """What ``empty_factory`` makes: an empty dict by default."""
        return self.empty_factory()


@dataclass(frozen=True)
class Text:
    """A text as it stands, line ends included."""

    version: ClassVar[int] = 1

    def load(self, path: str | os.PathLike[str]) -> str:
        """The whole text."""
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()

    def save(self, value: str, path: str | os.PathLike[str]) -> None:
        """Write the text.

        Raises:
            TypeError: the value is no text.
        """
        if not isinstance(value, str):
            raise TypeError(f"Text saves a str, not {type(value).__name__}")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(value)

    def empty(self) -> str:
        """An empty text."""
        return ""


def plain(value: Any) -> Any:
    """The value with NumPy scalars and arrays (keys too) as Python's own, and tuples as lists."""
    kind = type(value)
    if kind in (str, int, float, bool, type(None)):
        return value
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _json(value: Any, indent: int | None) -> str:
    text = json.dumps(plain(value), indent=indent, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # a lone surrogate is no UTF-8, but it is JSON when escaped
        return json.dumps(plain(value), indent=indent)
    return text
