"""Loaders for text files: JSON, YAML and plain text. All are UTF-8 and give equal bytes for equal values."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pivot.yamlio import dump_yaml, yaml_values


@dataclass(frozen=True)
class JSON:
    """Any JSON value; NumPy numbers and arrays are written as numbers and lists.

    Args:
        indent: spaces per level; ``None`` writes one line.
    """

    version: ClassVar[int] = 1

    indent: int | None = 2

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The parsed value."""
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the value, keys in their own order, with a newline at the end.

        Raises:
            TypeError: something in the value is not JSON.
        """
        text = json.dumps(plain(value), indent=self.indent, ensure_ascii=False)
        # a lone surrogate is no UTF-8, but it is JSON when escaped
        if not _encodable(text):
            text = json.dumps(plain(value), indent=self.indent)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text + "\n")

    def empty(self) -> dict[str, Any]:
        """An empty dict."""
        return {}


@dataclass(frozen=True)
class YAML:
    """Any plain value as YAML 1.2: ``NO`` and ``on`` are text; dates are dates."""

    version: ClassVar[int] = 1

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

    def empty(self) -> dict[str, Any]:
        """An empty dict."""
        return {}


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


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
