"""Remotes in the text of ``.pivot/config.yaml``: added and removed line by line, so that comments stay."""

import json
import re
from typing import Any

from pivot.config.settings import SETTINGS_FILE
from pivot.errors import PivotError, UsageError
from pivot.yamlio import YamlDocument, read_yaml

_PLAIN = re.compile(r"[A-Za-z/.~][A-Za-z0-9_./~-]*")
_WORDS = frozenset({"true", "false", "null"})  # to YAML no texts


def with_remote(text: str, name: str, address: str, *, default: bool = False) -> str:
    """The text with one remote more.

    Args:
        default: make it the one that is meant where none is named.

    Raises:
        UsageError: there is one of that name.
        PivotError: the text cannot be edited by lines.
    """
    document = _read(text)
    remotes = _remotes(document)
    if name in remotes:
        raise UsageError(
            f"there is a remote {name!r} already: {remotes[name]}",
            f"remove it first: pivot remote remove {name}",
        )
    expected = {**_table(document), "remotes": {**remotes, name: address}}
    lines = _lines(text)
    entry = f"{_word(name)}: {_scalar(address)}\n"
    if remotes:
        last = max(document.line(("remotes", key)) for key in remotes)
        indent = lines[last - 1][: len(lines[last - 1]) - len(lines[last - 1].lstrip())]
        lines.insert(last, (indent or "  ") + entry)
    elif "remotes" in _table(document):
        lines.insert(document.line(("remotes",)), "  " + entry)
    else:
        lines += ["remotes:\n", "  " + entry]
    if default:
        expected["default_remote"] = name
        if "default_remote" in _table(document):
            place = next(i for i, line in enumerate(lines) if line.startswith("default_remote"))
            lines[place] = f"default_remote: {_word(name)}\n"
        else:
            lines.append(f"default_remote: {_word(name)}\n")
    return _checked(lines, expected, f"write there yourself, under remotes: {entry.strip()}")


def without_remote(text: str, name: str) -> str:
    """The text without a remote, nor it as the default.

    Raises:
        UsageError: there is none of that name.
        PivotError: the text cannot be edited by lines.
    """
    document = _read(text)
    remotes = _remotes(document)
    if name not in remotes:
        known = f"remotes are: {', '.join(remotes)}" if remotes else None
        raise UsageError(f"there is no remote {name!r}", known)
    expected = dict(_table(document))
    expected["remotes"] = {key: value for key, value in remotes.items() if key != name}
    gone = {document.line(("remotes", name))}
    if not expected["remotes"]:
        del expected["remotes"]
        gone.add(document.line(("remotes",)))
    if expected.get("default_remote") == name:
        del expected["default_remote"]
        gone.add(document.line(("default_remote",)))
    lines = [line for number, line in enumerate(_lines(text), 1) if number not in gone]
    return _checked(lines, expected, f"remove {name!r} there yourself")


def _read(text: str) -> YamlDocument:
    return read_yaml(text, SETTINGS_FILE) if text.strip() else YamlDocument(SETTINGS_FILE, {}, {})


def _table(document: YamlDocument) -> dict[str, Any]:
    return document.data if isinstance(document.data, dict) else {}


def _remotes(document: YamlDocument) -> dict[str, Any]:
    found = _table(document).get("remotes")
    return found if isinstance(found, dict) else {}


def _lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    return [line if line.endswith("\n") else line + "\n" for line in lines]


def _word(name: str) -> str:
    return json.dumps(name) if name.lower() in _WORDS else name


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and "/" in text else json.dumps(text, ensure_ascii=False)


def _checked(lines: list[str], expected: dict[str, Any], hint: str) -> str:
    text = "".join(lines)
    try:
        found = _table(_read(text))
    except PivotError:
        found = {}
    if found != expected:
        raise PivotError(f"{SETTINGS_FILE} is not written line by line, so it is left as it is", hint)
    return text
