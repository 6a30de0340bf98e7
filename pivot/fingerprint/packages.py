"""Which distribution a library module comes from, and its version."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

_INFO = re.compile(r"^(?P<name>[^-]+(?:-[^-\d][^-]*)*)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$")

_LISTS = ("RECORD", "top_level.txt", "SOURCES.txt")
"""The files of a distribution that say which modules it has; the first one there counts."""


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution and its version; the version is empty where it is unknown."""

    name: str
    version: str


class Packages:
    """The distributions installed in some folders, read when first asked for.

    Args:
        folders: library folders, in the order in which modules are looked for.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, tuple[Package, ...]] = {}
        self._installed: list[tuple[Package, str]] | None = None
        self._contents: dict[str, bytes] = {}

    def of(self, module: str) -> tuple[Package, ...]:
        """The distributions that provide a module, sorted by name; empty where none says so.

        Args:
            module: top-level, or a dotted name inside a namespace, whose parts may come from many.
        """
        if module not in self._known:
            parent = module.rpartition(".")[0]
            self._known[module] = self._look_for(module) or (self.of(parent) if parent else ())
        return self._known[module]

    def looked_at(self) -> dict[str, bool]:
        """All paths that the answers so far rest on, each with whether it was surely there."""
        found = dict.fromkeys((info for _, info in self._installed or ()), True)
        found.update({os.path.join(info, name): False for info in self._contents for name in _LISTS})
        return found

    def _look_for(self, module: str) -> tuple[Package, ...]:
        word = _plain(module)
        found = {
            package.name: package
            for package, info in reversed(self._list())
            if _plain(package.name) == word and self._provides(info, module)
        }
        if not found:
            found = {p.name: p for p, info in reversed(self._list()) if self._provides(info, module)}
        return tuple(found[name] for name in sorted(found))

    def _provides(self, info: str, module: str) -> bool:
        content = self._contents.get(info)
        if content is None:
            content = self._contents[info] = b"\n" + _first_file(info, _LISTS)
        name = module.replace(".", "/").encode()
        if any(b"\n" + name + mark in content for mark in (b"/", b".", b"\n", b"\r")):
            return True
        return b"\n" + name + b"\n" in b"\n" + _first_file(info, ("top_level.txt",)) + b"\n"

    def _list(self) -> list[tuple[Package, str]]:
        if self._installed is None:
            self._installed = [
                (Package(match["name"].replace("_", "-"), match["version"]), os.path.join(folder, entry))
                for folder in self._folders
                for entry in _entries(folder)
                # an uninstall may leave an empty folder behind: that is no library
                if (match := _INFO.match(entry)) and _entries(os.path.join(folder, entry))
            ]
        return self._installed


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _first_file(folder: str, names: Sequence[str]) -> bytes:
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()
        except OSError:
            continue
    return b""
