"""``.pivotignore``: files that are nobody's input, in git's syntax.

It says what a folder given as a dep leaves out, and what ``--watch`` does not wait for. Like git's files, one may
lie in any folder; a deeper one, and in it a later line, wins; nothing under an ignored folder comes back.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from pivot.errors import PivotError
from pivot.paths import ProjectPath, absolute

IGNORE_FILE = ".pivotignore"
OWN = ".pivot"
"""How the folders begin that are Pivot's own: ``.pivot`` itself, staging folders beside outputs."""

_FOLDER = "ps_d"  # pathspec's name for the slash in its expressions that makes the name before it a folder's

_Lines = list[tuple[re.Pattern[str], bool, int, str]]
"""What each line matches, whether it ignores that or brings it back, its number and text."""


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """The line that decides about a path.

    Attributes:
        file: the ignore file; empty for a rule of Pivot's own.
        line: counted from 1.
        text: the pattern as written.
        ignores: whether it ignores the path or (``!pattern``) brings it back.
    """

    file: ProjectPath
    line: int
    text: str
    ignores: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.text}" if self.file else "Pivot's own"


def ignored(root: str) -> Callable[[ProjectPath], bool]:
    """Whether project paths are ignored. The files with the rules are read once, when a path first needs them.

    Args:
        root: the project's, absolute. A path of a folder ends with ``/``.

    Raises:
        PivotError: (when a path is asked for) an ignore file cannot be read or holds no pattern of git's.
    """
    rule = ignore_rules(root)

    def is_ignored(path: ProjectPath) -> bool:
        found = rule(path)
        return found is not None and found.ignores

    return is_ignored


def ignore_rules(root: str) -> Callable[[ProjectPath], IgnoreRule | None]:
    """The rule that decides about a path, if there is one; see `ignored`."""
    files: dict[str, tuple[tuple[str, _Lines], ...]] = {}
    folders: dict[str, IgnoreRule | None] = {}

    def lines(folder: str) -> tuple[tuple[str, _Lines], ...]:
        # of the folder and those above it that have such a file, the deepest first
        known = files.get(folder)
        if known is None:
            above = lines(folder.rpartition("/")[0]) if folder else ()
            own = _read(folder, root)
            known = files[folder] = above if own is None else ((folder, own), *above)
        return known

    def own_rule(path: str) -> IgnoreRule | None:
        # of the path alone, folders above it left aside; the deepest file that says something wins
        above, _, name = path.rstrip("/").rpartition("/")
        if _is_own(name):
            return IgnoreRule(ProjectPath(""), 0, OWN, ignores=True)
        for folder, said in lines(above):
            found = _match(said, folder, path)
            if found is not None:
                return found
        return None

    def of_folder(folder: str) -> IgnoreRule | None:
        if not folder:
            return None
        if folder not in folders:
            above = of_folder(folder.rpartition("/")[0])
            folders[folder] = above if above and above.ignores else own_rule(folder + "/")
        return folders[folder]

    def rule(path: ProjectPath) -> IgnoreRule | None:
        if path in (".", "./"):
            return None
        above = of_folder(path.rstrip("/").rpartition("/")[0])
        return above if above and above.ignores else own_rule(path)

    return rule


def _is_own(name: str) -> bool:
    return name == OWN or name.startswith(OWN + "-")


def _match(lines: _Lines, folder: str, path: str) -> IgnoreRule | None:
    inner = path[len(folder) + 1 :] if folder else path
    for pattern, ignores, number, text in reversed(lines):
        # a/** is what is inside a, not a itself
        found = pattern.search(inner if _FOLDER in pattern.groupindex else inner.rstrip("/"))
        if found is None or _only_above(found):
            continue
        file = ProjectPath(f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE)
        return IgnoreRule(file, number, text, ignores)
    return None


def _only_above(found: re.Match[str]) -> bool:
    """Whether the pattern means a folder above the path: those were asked about before, each for itself."""
    return _FOLDER in found.re.groupindex and -1 < found.end(_FOLDER) < len(found.string)


def _read(folder: str, root: str) -> _Lines | None:
    path = os.path.join(absolute(ProjectPath(folder or "."), root), IGNORE_FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            numbered = [(number, text.rstrip("\n")) for number, text in enumerate(file, 1)]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PivotError(f"cannot read {path}: {error.strerror}", "make it readable") from error
    from pathspec import GitIgnoreSpec  # lazy: most projects have no such file

    lines: _Lines = []
    for number, text in numbered:
        try:
            patterns = GitIgnoreSpec.from_lines([text]).patterns
        except ValueError as error:
            where = f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE
            raise PivotError(
                f"{text!r} is no pattern ({where}:{number})", "see gitignore's syntax"
            ) from error
        for pattern in patterns:
            if pattern.regex is not None and pattern.include is not None:  # else an empty line or a comment
                lines.append((pattern.regex, pattern.include, number, text))
    return lines
