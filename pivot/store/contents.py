"""What is in a folder: the files at any depth, and what cannot be kept of it."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pivot.store.layout import ASIDE, STAGING


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a folder. Paths are relative to it, POSIX, sorted.

    Attributes:
        files: all files, also those that a symbolic link gives another name, at any depth.
        outside: symbolic links that lead out of the folder.
        broken: what is neither file nor folder, and why.
    """

    files: tuple[str, ...]
    outside: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]


def contents(folder: str, *, beyond: bool = True) -> Contents:
    """What is in a folder; without Pivot's own folders of files that do not count yet.

    Args:
        beyond: whether links that lead out of the folder are followed; those within it always are.

    Raises:
        OSError: it cannot be listed, or is not there.
    """
    root = os.path.realpath(folder)
    files: list[str] = []
    outside: list[str] = []
    broken: list[tuple[str, str]] = []
    for found in _walk(folder, "", (root,), files, beyond=beyond):
        if found.problem:
            broken.append((found.path, found.problem))
            continue
        if found.leads_out:
            outside.append(found.path)
        if found.is_file:
            files.append(found.path)
    return Contents(tuple(sorted(files)), tuple(sorted(outside)), tuple(sorted(broken)))


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    problem: str
    leads_out: bool
    is_file: bool


def _walk(
    folder: str, inside: str, trail: tuple[str, ...], files: list[str], *, beyond: bool
) -> Iterator[_Found]:
    """All below a folder.

    Args:
        trail: the real folders that led here.
        files: what is a file and nothing else is only added to it: most are.
    """
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not entry.name.startswith((STAGING, ASIDE))]
    for entry in found:
        path = inside + entry.name
        if entry.is_file(follow_symlinks=False) and _is_text(entry.name):
            files.append(path)
            continue
        real = os.path.join(trail[-1], entry.name)
        leads_out = False
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
            leads_out = not _is_in(real, trail[0])
        is_folder = _is_dir(entry)
        problem = _problem(entry, real, trail)
        yield _Found(path, problem, leads_out, not problem and not is_folder)
        if not problem and is_folder and (beyond or not leads_out):
            yield from _walk(entry.path, path + "/", (*trail, real), files, beyond=beyond)


def _problem(entry: "os.DirEntry[str]", real: str, trail: tuple[str, ...]) -> str:
    if not _is_text(entry.name):
        return NOT_TEXT
    if _is_dir(entry):
        around = any(_is_in(folder, real) for folder in trail)
        return "is a symbolic link to a folder around it" if around else ""
    if _is_file(entry):
        return ""
    if entry.is_symlink():
        return "is a symbolic link to nothing"
    return "is no file, but a pipe, socket or device"


def _is_dir(entry: "os.DirEntry[str]") -> bool:
    with contextlib.suppress(OSError):  # a symbolic link that leads in a circle
        return entry.is_dir()
    return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    with contextlib.suppress(OSError):
        return entry.is_file()
    return False


NOT_TEXT = "has a name that is not UTF-8"
"""What is wrong with a file whose name cannot be written down."""


def _is_in(path: str, folder: str) -> bool:
    return (path + os.sep).startswith(folder.rstrip(os.sep) + os.sep)


def _is_text(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
