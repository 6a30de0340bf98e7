"""Which keys of a returned dict can be files of a folder, on every machine that the project may go to."""

import posixpath
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PureWindowsPath

from pivot.store.layout import ASIDE, STAGING
from pivot.store.root import FOLDER

_LONGEST_NAME = 255  # bytes, in every file system of today


def inner_paths(keys: Iterable[object]) -> tuple[dict[str, object], list[str]]:
    """The file that each key stands for, and everything that is wrong with the keys.

    Returns:
        Path inside the folder (normalized, POSIX) → key; and one phrase for each problem, whatever the keys' order.
    """
    paths: dict[str, object] = {}
    problems = []
    for key in keys:
        problem = _problem(key)
        if problem:
            problems.append(f"{key!r} {problem}")
            continue
        assert isinstance(key, str)
        path = posixpath.normpath(str.__str__(key))
        if path in paths:
            problems.append(" and ".join(sorted((repr(paths[path]), repr(key)))) + " are one file")
        else:
            paths[path] = key
    return paths, [*sorted(problems), *_collisions(paths), *_files_as_folders(paths)]


def _problem(key: object) -> str:
    """What is wrong with a key by itself."""
    if not isinstance(key, str):
        return f"is {'an' if type(key).__name__[0] in 'aeiou' else 'a'} {type(key).__name__}, not a str"
    try:
        names = [name.encode() for name in str.__str__(key).split("/")]
    except UnicodeEncodeError:
        return "holds half a character"
    if not key or key.isspace():
        return "is empty"
    if key.startswith("/") or PureWindowsPath(key).drive:
        return "is absolute"
    if ".." in key.split("/"):
        return "leads out of the folder with '..'"
    if any(not name or name.isspace() for name in names):
        return "has an empty name in it"
    if "\0" in key:
        return "holds a NUL byte"
    if "\\" in key:
        return "has a \\ in it; folders are divided by /"
    if any(len(name) > _LONGEST_NAME for name in names):
        return f"has a name longer than {_LONGEST_NAME} bytes in it"
    return _unusual_name([name for name in key.split("/") if name != "."])


def _unusual_name(names: list[str]) -> str:
    if not names:
        return "is empty"
    if any(name.endswith((" ", ".")) for name in names):
        return "has a name in it that ends with a space or dot"
    if any(name == FOLDER or name.startswith((STAGING, ASIDE)) for name in names):
        return f"has a name in it that is Pivot's own ({FOLDER})"
    if not posixpath.splitext(names[-1])[1]:
        return "has no extension"
    return ""


def _collisions(paths: Iterable[str]) -> Iterator[str]:
    """Files or folders that some file systems take for one."""
    spellings: dict[str, str] = {}
    told = set()
    for path in sorted(paths):
        for prefix in _prefixes(path):
            other = spellings.setdefault(_folded(prefix), prefix)
            if other != prefix:
                if (other, prefix) not in told:
                    told.add((other, prefix))
                    yield f"{other!r} and {prefix!r} are one name in some file systems"
                break


def _files_as_folders(paths: Iterable[str]) -> Iterator[str]:
    files = set(paths)
    for path in sorted(files):
        above = next((prefix for prefix in _prefixes(path) if prefix != path and prefix in files), None)
        if above is not None:
            yield f"{above!r} is a folder for {path!r}"


def _prefixes(path: str) -> Iterator[str]:
    """``a``, ``a/b``, ``a/b/c.json``"""
    end = path.find("/")
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path


def _folded(path: str) -> str:
    """Equal for names that a file system may take for one: other case, or another way to write an accent."""
    decomposed = unicodedata.normalize("NFD", path)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed.casefold()))
