"""The one YAML reader: text → plain data, and the line on which each key and each list item stands.

YAML 1.2's core schema: ``NO`` and ``on`` are text, ``1e-3`` is a number, ``010`` is ten. A key given twice is
an error. PyYAML is imported on first use.
"""

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pivot.errors import DefinitionError

YamlPath = tuple[str | int, ...]
"""The keys and list positions that lead to a value: ``("stages", "train", "mutex", 0)``."""

_TAG = "tag:yaml.org,2002:"
_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_CORE = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "timestamp": (
        (
            r"\d{4}-\d\d-\d\d"
            r"|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?"
        ),
        "0123456789",
    ),
}


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A parsed YAML text.

    Attributes:
        file: as errors name it.
        data: dicts, lists, texts, numbers, booleans, ``None``. Dates stay text.
        lines: the line, from 1, of each key and list item.
    """

    file: str
    data: Any
    lines: Mapping[YamlPath, int]

    def line(self, path: YamlPath) -> int:
        """The line of what ``path`` leads to, or of the nearest thing around it; at least 1."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def yaml_text(path: str, file: str) -> str:
    """The text of a YAML file.

    Args:
        path: absolute.
        file: as errors name it.

    Raises:
        FileNotFoundError, NotADirectoryError: it is not there.
        DefinitionError: it cannot be read, or is no UTF-8; names the line.
    """
    try:
        with open(path, "rb") as source:
            data = source.read()
        return data.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise DefinitionError(f"cannot read {file}: {error.strerror}", "make it readable") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DefinitionError(f"{file} is no UTF-8 ({file}:{line})", "save it as UTF-8") from error


def read_yaml(text: str, file: str) -> YamlDocument:
    """Parse a YAML text.

    Raises:
        PivotError: it is no YAML, or a key stands twice in a mapping; names ``file:line``.
    """
    lines: dict[YamlPath, int] = {}
    return YamlDocument(file, _built(text, _Build(file, lines, _core_value)), lines)


def read_yamls(text: str, file: str) -> list[YamlDocument]:
    """The documents of a YAML stream, each as `read_yaml` gives it, with the lines of the stream.

    Raises:
        PivotError: as `read_yaml`.
    """
    found = []
    for node in _compose(text, file, several=True):
        lines: dict[YamlPath, int] = {}
        data = _valued(node, _Build(file, lines, _core_value))
        found.append(YamlDocument(file, data, lines))
    return found


def yaml_values(text: str, file: str) -> Any:
    """The values in a YAML text, with dates as dates.

    Raises:
        PivotError: as `read_yaml`.
    """
    return _built(text, _Build(file, None, _dated_value))


def _built(text: str, build: "_Build") -> Any:
    return _valued(_compose(text, build.file), build)


def _valued(node: Any, build: "_Build") -> Any:
    try:
        return build.value(node)
    except RecursionError as error:
        raise _too_deep(build.file) from error


def _too_deep(file: str) -> DefinitionError:
    message = f"cannot read {file}: its tables and lists are nested too deeply"
    return DefinitionError(message, "write it with fewer levels")


def dump_yaml(value: Any) -> str:
    """A value in block style, keys in their own order; texts that any YAML reader would mistake are quoted.

    Raises:
        TypeError: something in the value has no YAML form, or contains itself.
    """
    import yaml

    try:
        text: str = yaml.dump(
            value,
            Dumper=_dumper(),
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=math.inf,
        )
    except yaml.YAMLError as error:
        raise TypeError(f"YAML cannot hold this value: {' '.join(map(str, error.args))}") from error
    except RecursionError as error:
        raise TypeError("YAML cannot hold a value that contains itself") from error
    return text


@functools.cache
def _loader() -> Any:
    import yaml

    class CoreLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Resolves plain scalars as YAML 1.2's core schema does."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own attribute

    _add_resolvers(CoreLoader)
    return CoreLoader


@functools.cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Knows the words of both YAML 1.1 and 1.2, so that texts which look like them get quotes."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    def text(dumper: Any, value: str) -> Any:
        # PyYAML folds Unicode's line breaks into spaces unless the text stands in double quotes
        style = '"' if _BREAKS.search(value) else None
        return dumper.represent_scalar(_TAG + "str", value, style=style)

    _add_resolvers(Dumper)
    Dumper.add_representer(str, text)
    return Dumper


def _add_resolvers(loader: Any) -> None:
    for name, (pattern, first) in _CORE.items():
        starts = ["" if letter == "\0" else letter for letter in first]
        loader.add_implicit_resolver(_TAG + name, re.compile(rf"(?:{pattern})\Z"), starts)


def _compose(text: str, file: str, *, several: bool = False) -> Any:
    import yaml

    try:
        if several:
            return list(yaml.compose_all(text, Loader=_loader()))
        return yaml.compose(text, Loader=_loader())
    except RecursionError as error:
        raise _too_deep(file) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        why = ", ".join(part for part in (error.context, error.problem) if part)
        raise DefinitionError(f"cannot read {file}: {why} ({file}:{line})", "mend the YAML there") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DefinitionError(
            f"cannot read {file}: {error.reason} ({file}:{line})", "take them out"
        ) from error
    except yaml.YAMLError as error:
        raise DefinitionError(f"cannot read {file}: {error}", "mend the YAML") from error


@dataclass(frozen=True, slots=True)
class _Build:
    """Turns composed nodes into values; notes their lines where ``lines`` is given."""

    file: str
    lines: dict[YamlPath, int] | None
    scalar: Callable[[str, str], Any]

    def value(self, node: Any, path: YamlPath = (), around: tuple[int, ...] = ()) -> Any:
        """The value of a node; ``around`` holds the ids of the nodes it stands in."""
        if node is None:
            return None
        line = node.start_mark.line + 1
        if node.id == "scalar":
            try:
                return self.scalar(node.tag, node.value)
            except ValueError as error:
                raise DefinitionError(f"{error} ({self.file}:{line})") from error
        if id(node) in around:
            raise DefinitionError(f"an alias stands inside what it names ({self.file}:{line})")
        around = (*around, id(node))
        if node.id == "mapping":
            return self._mapping(node, path, around)
        items = []
        for position, item in enumerate(node.value):
            if self.lines is not None:
                self.lines[*path, position] = item.start_mark.line + 1
            items.append(self.value(item, (*path, position), around))
        return items

    def _mapping(self, node: Any, path: YamlPath, around: tuple[int, ...]) -> dict[Any, Any]:
        table: dict[Any, Any] = {}
        for key_node, item in _pairs(node, self.file):
            line = key_node.start_mark.line + 1
            if key_node.id != "scalar":
                raise DefinitionError(f"a key must be a text or a number ({self.file}:{line})")
            key = self.value(key_node)
            if key in table:
                raise DefinitionError(f"key {key!r} stands twice ({self.file}:{line})", "keep one of them")
            if self.lines is not None:
                self.lines[*path, key] = line
            table[key] = self.value(item, (*path, key), around)
        return table


def _pairs(node: Any, file: str) -> list[tuple[Any, Any]]:
    """The keys and values of a mapping, with ``<<`` merged in: own keys win."""
    own = [pair for pair in node.value if pair[0].value != "<<" or pair[0].style]
    if len(own) == len(node.value):
        return own
    taken = {key.value for key, _ in own if key.id == "scalar"}
    merged: list[tuple[Any, Any]] = []
    for key, value in node.value:
        if key.value != "<<" or key.style:
            continue
        for source in value.value if value.id == "sequence" else [value]:
            if source.id != "mapping" or source is node:
                raise DefinitionError(f"<< takes a mapping ({file}:{key.start_mark.line + 1})")
            for pair in _pairs(source, file):
                if pair[0].value not in taken:
                    taken.add(pair[0].value)
                    merged.append(pair)
    return own + merged


def _core_value(tag: str, text: str) -> Any:
    match tag.removeprefix(_TAG):
        case "str" | "timestamp":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            raise ValueError(f"tag {tag.replace(_TAG, '!!')} is not supported")


def _dated_value(tag: str, text: str) -> Any:
    if tag != _TAG + "timestamp":
        return _core_value(tag, text)
    import yaml

    return yaml.constructor.SafeConstructor().construct_yaml_timestamp(yaml.ScalarNode(tag, text))
