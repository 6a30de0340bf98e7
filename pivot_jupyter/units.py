"""The top-level statements of a cell: what each binds, needs and changes, and the lines it takes."""

import ast
import re
from dataclasses import dataclass
from enum import StrEnum

from pivot.errors import CodeError
from pivot.fingerprint.index import index_source
from pivot.fingerprint.uses import Load, Use
from pivot_jupyter.cells import Cell, CellSource, Command, Role, lines_of
from pivot_jupyter.confined import Handling, handling
from pivot_jupyter.registering import Entry, entered_by, enters_into, root_of

CHANGING_METHODS = frozenset(
    [
        "add", "add_argument", "append", "apply_async", "clear", "compile", "discard", "extend", "extendleft",
        "fit", "fit_transform", "insert", "load_state_dict", "load_weights", "partial_fit", "pop", "popitem",
        "popleft", "remove", "reverse", "seed", "set", "setdefault", "shuffle", "sort", "train", "update",
        "filterwarnings", "simplefilter", "basicConfig", "rc", "use", "setrecursionlimit", "register",
    ]
)  # fmt: skip
"""Methods that change what they are called on, by the names that Python and the usual libraries give them."""

_LEAVING_METHODS = re.compile(
    r"(to|save|write|dump|plot|hist|print|show|export|log)(_.*|fig)?|head|tail|info|debug|warning|error|exception"
    r"|critical|describe|display|sample|exists|mkdir|makedirs|touch|unlink|rename|rmdir|chmod|close|sleep"
)
"""Methods that leave what they are called on as it was: they tell of it, or do something to files."""

_ON_FILES = frozenset(["os", "shutil", "subprocess"])
"""Modules whose functions do something to files: that is no part of what the module is to a stage."""

_OWN_MODULE = re.compile(r"\bmodules(\[|\.get\()\s*__name__")
"""``sys.modules[__name__]``: whoever gets it may set any name; that ``sys`` is the library is said elsewhere."""

_CHANGING_PREFIX = re.compile(r"(set|add|register|enable|disable|load|fit|update|append)_|manual_seed|.*_$")


class Kind(StrEnum):
    """What a unit is to the module it may become part of."""

    IMPORT = "import"
    FUNCTION = "function"
    CLASS = "class"
    VALUE = "value"
    BLOCK = "block"  # an if, try, with or loop: binds its names on some paths only
    EFFECT = "effect"  # binds nothing
    CELL = "cell"  # a whole %%pivot_module cell


@dataclass(frozen=True, slots=True)
class Unit:
    """A top-level statement, or a whole ``%%pivot_module`` cell: what is taken or left together.

    Attributes:
        cell: the cell that it stands in.
        start, end: first and last line in the cell, comments directly above included.
        text: those lines, without other statements that share them.
        names: what it binds at module level.
        loads: what it may read from module level, function bodies included.
        mentions: names in its strings that something may read: annotations, queries.
        eager: the part of `loads` that is read while it is executed, and what the annotations of a class's body
            name, which is read then, too.
        changes: names whose objects it changes by an item, an attribute or a method.
        calls: names on which it calls a method for what that does; a cell's last expression, which is there to be
            looked at, is no such call.
        entered_by: how its definition enters itself in a registry, and by what.
        enters_into: the registries in which something is entered by it.
        command: a kernel command in it, which no module can hold.
        handling: what it does with values.
        opens: whether it may bind names that its text does not say (``exec``, ``globals``, ``global``).
    """

    cell: Cell
    kind: Kind
    start: int
    end: int
    text: str
    names: tuple[str, ...]
    loads: frozenset[str]
    mentions: frozenset[str]
    eager: frozenset[str]
    changes: frozenset[str]
    calls: frozenset[str] = frozenset()
    entered_by: frozenset[Entry] = frozenset()
    enters_into: frozenset[Entry] = frozenset()
    command: Command | None = None
    opens: bool = False
    handling: tuple[Handling, ...] = ()

    @property
    def is_star_import(self) -> bool:
        """Whether it may bind any name."""
        return self.kind is Kind.IMPORT and bool(re.search(r"\*\s*\)?\s*;?\s*(#.*)?$", self.text))

    @property
    def firm(self) -> bool:
        """Whether its names are bound anew by it alone, whatever they were before."""
        if self.kind is Kind.IMPORT:
            # `import xml.dom` adds to what `import xml.sax` bound
            return not re.search(r"import [^#]*\.", self.text)
        return self.kind is Kind.CELL or (
            self.kind is not Kind.BLOCK and not self.eager.intersection(self.names)
        )


def units_of(cell: Cell, source: CellSource) -> tuple[Unit, ...]:
    """The units of a cell, in order; none for a cell that is no Python.

    Raises:
        SyntaxError: the text is no Python; with the line of the cell.
    """
    tree = ast.parse(source.text, filename=cell.name)
    lines = lines_of(source.text)
    if source.role is Role.MODULE:
        first = next((i for i, line in enumerate(lines, 1) if line.strip()), 0)
        return (_unit(cell, source, lines[first - 1 :], tree.body, first),) if tree.body else ()
    units: list[Unit] = []
    floor = 0
    for before, statement, after in zip([None, *tree.body], tree.body, [*tree.body[1:], None], strict=False):
        start = _with_comments(lines, _first_line(statement), floor)
        end = statement.end_lineno or statement.lineno
        floor = end
        if _is_main_guard(statement) or _is_future(statement):
            continue
        own = lines[start - 1 : end]
        # `a = 1; b = 2`: what a stage does not need may write files; columns count bytes
        if after is not None and after.lineno == end:
            own[-1] = own[-1].encode()[: statement.end_col_offset].decode()
        if before is not None and before.end_lineno == statement.lineno:
            own[0] = own[0].encode()[statement.col_offset :].decode()
        units.append(_unit(cell, source, own, [statement], start, last=after is None))
    return tuple(units)


def future_names(source: CellSource) -> frozenset[str]:
    """The features that a cell switches on with ``from __future__ import``."""
    try:
        body = ast.parse(source.text).body
    except SyntaxError:
        return frozenset()
    return frozenset(
        alias.name
        for statement in body
        if isinstance(statement, ast.ImportFrom) and _is_future(statement)
        for alias in statement.names
    )


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def _with_comments(lines: list[str], start: int, floor: int) -> int:
    """The first line of the comment block directly above a line, not reaching up into the statement before."""
    while start - 1 > floor and lines[start - 2].lstrip().startswith("#"):
        start -= 1
    return start


def _is_main_guard(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )


def _unit(
    cell: Cell,
    source: CellSource,
    lines: list[str],
    body: list[ast.stmt],
    start: int,
    *,
    last: bool = False,
) -> Unit:
    text, end = "\n".join(lines), start + len(lines) - 1
    eager = frozenset().union(*(_eager(statement) for statement in body))
    names = _names_in(text, eager, _paths_in(body))
    changed = frozenset().union(*(_changed(statement) for statement in body))
    return Unit(
        cell=cell,
        kind=Kind.CELL if source.role is Role.MODULE else _kind(body[0], bool(names.bound)),
        start=start,
        end=end,
        text=text,
        names=tuple(sorted(names.bound)),
        loads=names.loads,
        mentions=names.mentions,
        eager=eager & (names.loads | names.fields),
        changes=changed,
        calls=_called(body[:-1] if last else body),
        entered_by=frozenset().union(*(entered_by(statement) for statement in body)),
        enters_into=frozenset().union(*(enters_into(statement) for statement in body)),
        command=next((c for c in source.commands if start <= c.line <= end), None),
        opens=names.opens,
        handling=tuple(handling(statement) for statement in body),
    )


def _kind(statement: ast.stmt, binds: bool) -> Kind:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Kind.FUNCTION
    if isinstance(statement, ast.ClassDef):
        return Kind.CLASS
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return Kind.IMPORT
    if not binds:
        return Kind.EFFECT
    compound = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match)
    return Kind.BLOCK if isinstance(statement, compound) else Kind.VALUE


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of some statements: those they bind, those Python will look up, those something may read.

    Attributes:
        fields: of the latter those that are written as names, in annotations of a class's body for example.
    """

    bound: frozenset[str]
    loads: frozenset[str]
    mentions: frozenset[str]
    fields: frozenset[str]
    opens: bool


def _names_in(text: str, eager: frozenset[str], paths: frozenset[str]) -> _Names:
    """What the index of definitions says of some statements; annotations that are evaluated count as loads.

    Args:
        eager: the names that are read while the statements are executed.
        paths: texts in annotations that stand for no names.
    """
    try:
        index = index_source(text)
    except CodeError as error:
        raise SyntaxError(error.message) from None
    definitions = index.definitions
    uses = [load for found in definitions for load in found.loads if not load.source]
    annotations = {_first(load) for found in definitions for load in found.annotations}
    bound = frozenset(name for found in definitions for name in found.names)
    writes = frozenset(name for found in definitions for name in found.writes)
    passing = index.explained - bound - writes  # the name of a caught exception
    loads = frozenset(_first(load) for load in uses if load.uses & Use.HARD) | annotations & eager
    fields = frozenset(_first(u) for u in uses if u.uses & Use.NOW and not u.uses & Use.HARD) - passing
    soft = [*uses, *(load for found in definitions for load in found.annotations)]
    others = {_first(load) for load in soft if load.chain not in paths} | writes
    others.update(name for found in definitions for name in found.at_names)
    opens = index.open or bool(writes) or bool(_OWN_MODULE.search(text))
    return _Names(bound, loads - passing, frozenset(others) - loads, fields, opens)


def _paths_in(body: list[ast.stmt]) -> frozenset[str]:
    """The texts that annotations hand to calls: ``Dep("clean.csv")`` names no ``clean``."""
    annotations: list[ast.expr | None] = []
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            annotations.append(node.returns)
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            annotations.append(node.annotation)
    calls = (n for a in annotations if a is not None for n in ast.walk(a) if isinstance(n, ast.Call))
    texts = (n.value for call in calls for n in ast.walk(call) if isinstance(n, ast.Constant))
    return frozenset(text for text in texts if isinstance(text, str))


def _first(load: Load) -> str:
    return load.chain.partition(".")[0]


def _eager(statement: ast.AST) -> frozenset[str]:
    """All names read outside of function bodies."""
    found: set[str] = set()
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                found.add(node.id)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
            stack.append(node.value)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack.extend([*node.decorator_list, node.args, *([node.returns] if node.returns else [])])
        elif isinstance(node, ast.Lambda):
            stack.append(node.args)
        else:
            stack.extend(ast.iter_child_nodes(node))
    return frozenset(found)


def _changed(statement: ast.AST) -> frozenset[str]:
    """The names whose objects a statement changes when it is executed."""
    found: set[str] = set()
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found.add(root_of(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and changes_by_name(node):
            on_files = isinstance(node.func.value, ast.Name) and node.func.value.id in _ON_FILES
            found.add("" if on_files else root_of(node.func))
    return frozenset(found - {""})


def _called(body: list[ast.stmt]) -> frozenset[str]:
    calls = (s.value.func for s in body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call))
    changing = (
        func
        for func in calls
        if isinstance(func, ast.Attribute) and not _LEAVING_METHODS.fullmatch(func.attr)
    )
    return frozenset(root_of(func) for func in changing) - {""}


def changes_by_name(call: ast.Call) -> bool:
    """Whether a method's name says that it changes what it is called on."""
    assert isinstance(call.func, ast.Attribute)
    name = call.func.attr
    in_place = any(
        k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value for k in call.keywords
    )
    return in_place or name in CHANGING_METHODS or bool(_CHANGING_PREFIX.match(name))
