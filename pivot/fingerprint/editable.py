"""Where editable installs keep their sources: path entries in ``.pth`` files, and setuptools' import hooks."""

import ast
import os
import re
from collections.abc import Iterable, Iterator

_FINDER = re.compile(r"^__editable___.*_finder\.py$")


def path_entries(folder: str, names: Iterable[str]) -> Iterator[str]:
    """The existing folders that the ``.pth`` files among the `names` in a library folder add to the search path."""
    for name in sorted(filter(_is_pth, names)):
        for line in _text(os.path.join(folder, name)).splitlines():
            entry = line.rstrip()
            if entry and not entry.startswith(("#", "import ", "import\t")):
                path = os.path.abspath(os.path.join(folder, entry))
                if os.path.isdir(path):
                    yield path


def mapped_modules(folder: str, names: Iterable[str]) -> dict[str, str]:
    """Module names that import hooks in a library folder find, each with its path, which has no suffix."""
    found: dict[str, str] = {}
    for name in sorted(filter(_FINDER.match, names)):
        found.update(_mapping(_text(os.path.join(folder, name))))
    return found


def steering_files(names: Iterable[str]) -> list[str]:
    """Those among the `names` in a library folder whose text `path_entries` and `mapped_modules` rest on."""
    return [name for name in names if _is_pth(name) or _FINDER.match(name)]


def _is_pth(name: str) -> bool:
    return name.endswith(".pth") and not name.startswith(".")


def _mapping(text: str) -> dict[str, str]:
    """The literal ``MAPPING`` of a finder's source; empty where it has none."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return {}
    for statement in statements:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and target.id == "MAPPING":
            try:
                value = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
            except (ValueError, TypeError):
                return {}
            items = value.items() if isinstance(value, dict) else ()
            return {name: path for name, path in items if isinstance(name, str) and isinstance(path, str)}
    return {}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
