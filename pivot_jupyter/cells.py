"""What a notebook's cells say in Python: their text without the words that only a kernel understands."""

import ast
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

HARMLESS = frozenset(
    [
        "alias", "autoreload", "autosave", "colors", "config", "load_ext", "matplotlib", "pdb", "pinfo", "pinfo2",
        "pivot", "pprint", "precision", "pylab", "reload_ext", "unload_ext", "who", "whos", "xmode",
    ]
)  # fmt: skip
"""Line magics that a module can do without."""

TRANSPARENT = frozenset(["capture", "prun", "time"])
"""Cell magics that run the rest of the cell as it stands, in the notebook's own namespace."""

ADDED_BY_IPYTHON = frozenset(["__IPYTHON__", "display", "get_ipython"])
"""What a shell adds to the built-in names: nothing that a module has."""


class Role(StrEnum):
    """What a cell is to the notebook module."""

    PLAIN = "plain"
    STAGE = "stage"  # headed %%pivot_stage
    MODULE = "module"  # headed %%pivot_module
    FOREIGN = "foreign"  # headed by a magic that makes the rest something else than Python


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it was executed.

    Attributes:
        number: the execution count, the 7 of ``In[7]``; without a kernel, its position.
        text: as it was sent, magics included.
        id: the front end's name of the cell; empty where there is none.
    """

    number: int
    text: str
    id: str = ""

    @property
    def name(self) -> str:
        """``Cell In[7]``."""
        return f"Cell In[{self.number}]"


@dataclass(frozen=True, slots=True)
class Command:
    """A line that only a kernel understands.

    Attributes:
        line: in the cell, counted from 1.
        text: as it was written, stripped.
    """

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class CellSource:
    """A cell's Python.

    Attributes:
        role: from the cell's head.
        options: what follows the magic's name in the head.
        text: Python with the line numbers of the cell; kernel commands that matter to nobody are blank lines,
            the others calls of ``get_ipython()``.
        commands: the kernel commands that were kept.
    """

    role: Role
    options: str
    text: str
    commands: tuple[Command, ...]


_ROLES = {"pivot_stage": Role.STAGE, "pivot_module": Role.MODULE}
_HEAD = re.compile(r"%%(\w+)[ \t]*(.*)")
_KERNEL_WORD = re.compile(r"(?m)^\s*[%!?]|=\s*[%!]|\?\s*$|^\s*[,;/]\w")


def lines_of(text: str) -> list[str]:
    """The lines of some source as Python counts them: a form feed in it ends none."""
    return [line.removesuffix("\n") for line in io.StringIO(text)]


def read_cell(text: str) -> CellSource:
    """What a cell's text says in Python.

    A syntax error is not found here: the text is then given back as far as it goes.
    """
    lines = lines_of(text)
    role, options = take_heads(lines)
    if role is Role.FOREIGN:
        return CellSource(role, options, "", ())
    body = "\n".join(lines) + "\n"
    if not _KERNEL_WORD.search(body):
        return CellSource(role, options, body, ())
    return CellSource(role, options, *_without_commands(body))


def take_heads(lines: list[str]) -> tuple[Role, str]:
    """Blanks the lines of a cell's magics: one that says what the cell is, and any that only run it.

    Returns:
        The cell's role, and the options of the magic that gives it.
    """
    role, options = Role.PLAIN, ""
    while (head := _head_line(lines)) is not None:
        found = _HEAD.fullmatch(lines[head].strip())
        word, rest = (found[1], found[2].strip()) if found else ("", "")
        if word not in TRANSPARENT:
            if role is not Role.PLAIN:
                break
            role, options = _ROLES.get(word, Role.FOREIGN), rest
        lines[head] = ""
        if role is Role.FOREIGN:
            break
    return role, options


def lift_head(lines: list[str]) -> list[str]:
    """Puts ``%%pivot_stage`` or ``%%pivot_module`` first where only comments stand above it.

    An input transformer of IPython, which knows a cell magic on the first line only; the number of lines stays.
    """
    head = _head_line([line.rstrip("\n") for line in lines])
    if head and re.match(r"\s*%%pivot_(stage|module)\b", lines[head]):
        return [lines[head].lstrip(), *lines[:head], *lines[head + 1 :]]
    return lines


def _head_line(lines: list[str]) -> int | None:
    """The index of the line with the cell magic: the first that is neither blank nor, for ours, a comment."""
    commented = False
    for index, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith("%%"):
            ours = stripped.startswith(("%%pivot_stage", "%%pivot_module"))
            return index if ours or not commented else None
        if stripped and not stripped.startswith("#"):
            return None
        commented = commented or bool(stripped)
    return None


def _without_commands(body: str) -> tuple[str, tuple[Command, ...]]:
    original = lines_of(body)
    lines = _as_python(original)
    try:
        tree = ast.parse("\n".join(lines) + "\n")
    except SyntaxError:
        return "\n".join(lines) + "\n", ()
    for statement in tree.body:
        replacement = _replacement(statement)
        if replacement is not None:
            last = (statement.end_lineno or statement.lineno) - 1
            lines[statement.lineno - 1 : last + 1] = [replacement] + [""] * (last + 1 - statement.lineno)
    kept = tuple(
        Command(node.lineno, original[node.lineno - 1].strip())
        for node in kernel_calls(ast.parse("\n".join(lines) + "\n"))
    )
    return "\n".join(lines) + "\n", kept


def above(cell: Cell, line: int) -> Cell:
    """The part of a cell whose statements end above a line."""
    try:
        body = ast.parse(read_cell(cell.text).text).body
    except (SyntaxError, ValueError):
        body = []
    ends = [statement.end_lineno or statement.lineno for statement in body]
    last = max((end for end in ends if end < line), default=0)
    return replace(cell, text="\n".join(lines_of(cell.text)[:last]))


def as_python(text: str) -> str:
    """A cell's text, after its head, as the kernel executes it: every kernel command is a call."""
    return "\n".join(_as_python(lines_of(text))) + "\n"


def _as_python(lines: list[str]) -> list[str]:
    """Kernel commands written as calls, by IPython's own rules; the number of lines stays."""
    from IPython.core.inputtransformer2 import TransformerManager

    transformer: Any = TransformerManager()  # type: ignore[no-untyped-call]
    now = [line + "\n" for line in lines]
    for _ in range(len(lines) + 1):
        changed, after = transformer.do_one_token_transform(now)
        if not changed:
            break
        missing = len(now) - len(after)
        if missing > 0:
            at = next((i for i, (a, b) in enumerate(zip(now, after, strict=False)) if a != b), len(after) - 1)
            after = [*after[: at + 1], *["\n"] * missing, *after[at + 1 :]]
        now = after
    return [line.rstrip("\n") for line in now]


def kernel_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls into which kernel commands were translated."""
    for node in ast.walk(tree):
        if _kernel_method(node) is not None:
            assert isinstance(node, ast.Call)
            yield node


def _kernel_method(node: ast.AST) -> str | None:
    """``run_line_magic`` for ``get_ipython().run_line_magic(…)``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    source = node.func.value
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id == "get_ipython":
        method = node.func.attr
        return (
            method if method in {"run_line_magic", "run_cell_magic", "system", "getoutput", "magic"} else None
        )
    return None


def _replacement(statement: ast.stmt) -> str | None:
    """What a module says instead of a top-level kernel command; ``None`` where it must stay."""
    if not isinstance(statement, ast.Expr) or _kernel_method(statement.value) != "run_line_magic":
        return None
    assert isinstance(statement.value, ast.Call)
    words = [
        a.value for a in statement.value.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
    ]
    if words and words[0] in HARMLESS:
        return ""
    if len(words) == 2 and words[0] in TRANSPARENT and "\n" not in words[1]:
        return words[1]  # %time x = f() binds x
    return None
