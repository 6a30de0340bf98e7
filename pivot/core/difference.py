"""What changed in a definition, as the lines of a diff.

old text + line → statement ↘
                              unified diff, without headers
new text + line → statement ↗
"""

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LONGEST = 30
"""Lines of a diff that are shown; the rest is counted."""

_CONTEXT = 2
_BLOCKS = (ast.If, ast.With, ast.AsyncWith)
_TRIES = (ast.Try, ast.TryStar)


@dataclass(frozen=True, slots=True)
class Source:
    """A module's text, read once.

    Attributes:
        lines: as Python counts them, without their ends.
        body: its statements; ``None`` if it is no Python (of this version).
    """

    lines: tuple[str, ...]
    body: tuple[ast.stmt, ...] | None


def read_source(text: str) -> Source:
    """A text, ready to be looked into; whatever it says."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # a form feed ends none
    try:
        body = tuple(ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Source(tuple(lines), None)
    return Source(tuple(lines), body)


def statement_at(source: Source, line: int) -> tuple[str, ...]:
    """The lines of the top-level statement that stands at a line, as they are written.

    Decorators belong to it. In an ``if``, ``try`` or ``with`` at the top level it is the statement inside; on the
    line of such an ``if`` or ``with`` itself it is the header alone. What is no Python is cut by its indentation.

    Args:
        line: from 1; where there is no such line or nothing stands there, the result is empty.
    """
    if not 0 < line <= len(source.lines):
        return ()
    if source.body is None:
        return tuple(_indented(source.lines, line))
    found = _extent(source.body, line)
    return source.lines[found[0] - 1 : found[1]] if found else ()


def diff_lines(old: Sequence[str], new: Sequence[str], longest: int = LONGEST) -> tuple[str, ...]:
    """The lines that differ, each after ``+`` or ``-``, with a few lines around them after a space.

    Args:
        old, new: lines without their ends; empty where there is nothing.
        longest: lines to give; more are told by a last line ``… 12 more lines``.

    Returns:
        no line where nothing differs; a line ``…`` where equal lines are left out between two places.
    """
    found: list[str] = []
    for line in difflib.unified_diff(_dedented(old), _dedented(new), n=_CONTEXT, lineterm=""):
        if line.startswith("@@"):
            found += ["…"] if len(found) > 2 else []
        else:
            found.append(line if line[0] in "+-" else line.rstrip())
    found = found[2:]  # the names of two files
    more = len(found) - longest
    if more <= 1:  # a line that says so would take the place of the one that it leaves out
        return tuple(found)
    return (*found[:longest], f"… {more} more lines")


def imports_of(source: Source, names: Iterable[str]) -> tuple[str, ...]:
    """The import statements of a module that bind one of some names, or any (``*``); empty if it is no Python."""
    wanted = {*names, "*"}
    return tuple(
        line
        for statement in source.body or ()
        for node in ast.walk(statement)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any((alias.asname or alias.name).partition(".")[0] in wanted for alias in node.names)
        for line in ast.unparse(node).splitlines()
    )


def stands_in(lines: Sequence[str], source: Source) -> bool:
    """Whether a text holds some lines as they are, one after another; also if there are none."""
    return "\n".join(["", *lines, ""]) in "\n".join(["", *source.lines, ""])


def words_in(lines: Iterable[str]) -> frozenset[str]:
    """All words of some lines that may be names."""
    return frozenset(word for line in lines for word in re.findall(r"\b[^\W\d]\w*", line))


def _extent(body: Sequence[ast.stmt], line: int) -> tuple[int, int] | None:
    for statement in body:
        start, end = _span(statement)
        if start <= line <= end:
            inner = [child for block in _blocks(statement) for child in block]
            found = _extent(inner, line)
            if found is None and isinstance(statement, _BLOCKS):
                return start, max(start, _span(statement.body[0])[0] - 1)
            return found or (start, end)
    return None


def _span(statement: ast.stmt) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    start = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return start, statement.end_lineno or statement.lineno


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(statement, (*_BLOCKS, *_TRIES)):
        yield statement.body
        yield getattr(statement, "orelse", [])
    if isinstance(statement, _TRIES):
        yield from (handler.body for handler in statement.handlers)
        yield statement.finalbody


def _indented(lines: Sequence[str], line: int) -> list[str]:
    """A line and those below it that are indented further; what follows decorators belongs to them."""
    depth = _depth(lines[line - 1])
    in_decorators = True
    kept: list[str] = []
    for text in lines[line - 1 :]:
        if text.strip() and _depth(text) <= depth and not text.lstrip().startswith((")", "]", "}")):
            if not in_decorators:
                break
            in_decorators = text.lstrip().startswith("@")
        kept.append(text)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _dedented(lines: Sequence[str]) -> list[str]:
    """Without the indentation that all lines share: a move into an ``if`` is no change."""
    common = min((_depth(line) for line in lines if line.strip()), default=0)
    return [line[common:] for line in lines]
