"""What the modules that a pipeline file names import, seen in their texts at a glance: a guess, nothing rests on it.

It imports next to nothing, so that libraries are being loaded while all that knows better is imported.
"""

import os
import re
from collections.abc import Iterator, Sequence

from pivot.store.root import FOLDER, PIPELINE_FILES, find_root, git_root

SOURCES = "src"
"""The folder beside a pipeline file, or in the project root, from which modules are imported as well."""
MOST = 200
"""So many modules of a project are looked at."""

_OTHER_WORKERS = re.compile(r"^(?:jobs|executor)\b", re.MULTILINE)
"""What in the settings asks for other workers than the usual ones."""
_PYTHON_KEY = re.compile(r"""^[ \t-]+(?:python|target):[ \t]*["']?([\w.]+)\.\w+""", re.MULTILINE)
_IMPORT = re.compile(
    r"^(?:import[ \t]+(?P<modules>[^\n#;]+)"
    r"|from[ \t]+(?P<module>[\w.]+)[ \t]+import[ \t]*(?P<names>\([^)]*|[^\n(#;]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"(?:^|[(,])\s*(\w+)")


def named_modules(path: str) -> tuple[str, ...]:
    """The modules that a pipeline file names, read without YAML."""
    if path.endswith(".py"):
        return (os.path.basename(path)[:-3],)
    return tuple(dict.fromkeys(_PYTHON_KEY.findall(_text(path))))


def first_run_libraries(here: str) -> tuple[str, ...] | None:
    """What a first run in the project that a folder is in will want to have loaded.

    Returns:
        Module names; ``None`` where Pivot knows something of the project already, or nothing defines its stages.
    """
    folder = here
    while not (files := [name for name in PIPELINE_FILES if os.path.isfile(os.path.join(folder, name))]):
        below, folder = folder, os.path.dirname(folder)
        if folder == below:
            return None
    root = find_root(here) or git_root(folder) or folder
    own = os.path.join(root, FOLDER)
    if len(files) > 1 or os.path.exists(os.path.join(own, "state.db")):
        return None
    if _OTHER_WORKERS.search(_text(os.path.join(own, "config.yaml"))):
        return None
    bases = (folder, root, os.path.join(folder, SOURCES), os.path.join(root, SOURCES))
    return imported(os.path.join(folder, files[0]), tuple(dict.fromkeys(bases)))


def imported(path: str, roots: Sequence[str]) -> tuple[str, ...]:
    """The libraries that a pipeline file's modules import when they are imported, and those that these import.

    Args:
        path: of the pipeline file.
        roots: folders from which its modules are imported, absolute.
    """
    libraries: dict[str, None] = {}
    names = [each for name in named_modules(path) for each in (*_packages(name), name)][:MOST]
    looked_at = set(names)
    for name in names:  # grows
        file = _file(name, roots)
        if file is None:
            libraries[name] = None
            continue
        package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
        found = [
            each
            for module, inner in _imports(_text(file), package)
            for each in (*_packages(module), module, *(f"{module}.{name}" for name in inner))
            # what a library has inside comes with it
            if each not in looked_at and (each == module or _file(each, roots))
        ]
        looked_at.update(found)
        names.extend([*dict.fromkeys(found)][: MOST - len(names)])
    return tuple(libraries)


def _imports(text: str, package: str) -> Iterator[tuple[str, list[str]]]:
    """The modules that statements at a module's top level import, each with the names that are taken from it."""
    for match in _IMPORT.finditer(text):
        if match["modules"]:
            yield from ((each.split()[0], []) for each in match["modules"].split(",") if each.strip())
            continue
        module, inner = match["module"], _NAME.findall(match["names"])
        name = module.lstrip(".")
        if level := len(module) - len(name):
            above = package.split(".")
            if not package or level > len(above):
                continue  # an error, when it is executed
            module = ".".join([*above[: len(above) - level + 1], *filter(None, [name])])
        yield module, inner


def _packages(name: str) -> list[str]:
    """Those that a module lies in, the outermost first."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _file(name: str, roots: Sequence[str]) -> str | None:
    """The file of a project's module."""
    inner = name.replace(".", os.sep)
    for root in roots:
        for path in (f"{inner}.py", os.path.join(inner, "__init__.py")):
            if os.path.isfile(found := os.path.join(root, path)):
                return found
    return None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
