"""The names in a folder that an import may find: a new one can shadow a module, or be one that was missing.

A module's file counts whenever it is there, and so does a package. A folder without ``__init__.py`` is nothing to an
import that finds anything else of its name, so it counts only if some import looked for that name: most folders that
come up in a project hold what its stages write.
"""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES

from pivot.model.digest import Digest, digest_parts

_MODULES = (".py", ".so")
_HEADS = tuple(f"__init__{ending}" for ending in (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES))


def listing(folder: str, sought: Collection[str] | None) -> Digest:
    """The digest of what an import may find in a folder.

    Args:
        folder: absolute.
        sought: the names that imports looked for; ``None`` if nobody knows.
    """
    try:
        names = [name for entry in _entries(folder) for name in _importable(entry, sought)]
    except OSError:
        names = ["?"]
    return digest_parts(sorted(names))


def package_files(folder: str) -> Iterator[str]:
    """The files that make packages of the folders in a folder, absolute: also those that are not there.

    Raises:
        OSError: it cannot be read.
    """
    for entry in _entries(folder):
        if _may_be_package(entry):
            yield from (os.path.join(entry.path, head) for head in _HEADS)


def packages_in(folders: Iterable[str]) -> list[str]:
    """The files that make packages of folders in some folders, as far as they are there."""
    found: list[str] = []
    for folder in folders:
        with contextlib.suppress(OSError):
            found += filter(os.path.lexists, package_files(folder))
    return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _importable(entry: os.DirEntry[str], sought: Collection[str] | None) -> Iterator[str]:
    if entry.name.endswith(_MODULES):
        yield entry.name
    elif _may_be_package(entry):
        if sought is None or entry.name in sought:
            yield f"{entry.name}/"
        if any(os.path.lexists(os.path.join(entry.path, head)) for head in _HEADS):
            yield f"{entry.name}/__init__"


def _may_be_package(entry: os.DirEntry[str]) -> bool:
    return entry.name.isidentifier() and entry.name != "__pycache__" and entry.is_dir()
