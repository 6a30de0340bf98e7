"""Values that are told apart by how statements use them.

Those that only statements which name them can change: flat literals that nothing is handed. Those that things are
put into and that nothing looks at, such as a list of times: what they hold decides no result.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_READING_METHODS = frozenset(["get", "items", "keys", "values", "copy", "count", "index", "union", "join"])
_READING_CALLS = frozenset(
    [
        "len", "print", "display", "sorted", "list", "tuple", "set", "frozenset", "dict", "sum", "min", "max", "str",
        "repr", "enumerate", "zip", "any", "all", "isinstance", "type", "range", "reversed", "bool",
    ]
)  # fmt: skip
_LOOKING = frozenset(
    ["eval", "exec", "globals", "locals", "vars", "getattr", "setattr", "__dict__", "modules"]
)

_PUTTING_METHODS = frozenset(["add", "append", "appendleft", "extend", "insert", "setdefault", "update"])
_CONTAINERS = frozenset(["Counter", "OrderedDict", "defaultdict", "deque", "dict", "list", "set"])


@dataclass(frozen=True, slots=True)
class Handling:
    """What a statement does with values, as far as that decides whether others may change them.

    Attributes:
        flat: it binds a container of constants.
        escaping: names that it uses otherwise than by reading items or length, looping or showing, or (outside of
            functions) changing in place.
        looking: it may reach values by computed names.
    """

    flat: bool
    escaping: frozenset[str]
    looking: bool


def handling(statement: ast.stmt) -> Handling:
    """What one statement does with values."""
    looking = any(_word(node) in _LOOKING for node in ast.walk(statement))
    return Handling(_is_flat(statement), frozenset(_escaping(statement)), looking)


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is_flat(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if isinstance(value, ast.Dict):
        return all(key is not None and _is_constant(key) for key in value.keys) and all(
            map(_is_constant, value.values)
        )
    return isinstance(value, (ast.List, ast.Set)) and all(map(_is_constant, value.elts))


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    if isinstance(node, (ast.UnaryOp, ast.BinOp)):
        return all(_is_constant(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
    return isinstance(node, ast.Constant)


def _has_constants(call: ast.AST | None) -> bool:
    """Whether a call hands over nothing but constants."""
    return isinstance(call, ast.Call) and all(
        map(_is_constant, [*call.args, *(keyword.value for keyword in call.keywords)])
    )


def _escaping(tree: ast.AST) -> Iterator[str]:
    """The names that a statement uses otherwise than by reading, or changing in place at once."""
    stack: list[tuple[ast.AST, ast.AST | None, ast.AST | None, bool]] = [(tree, None, None, False)]
    while stack:
        node, parent, above, later = stack.pop()
        if isinstance(node, ast.Name) and not _is_reading(node, parent, above, later=later):
            yield node.id
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        inner = later or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef))
        stack.extend((child, node, parent, inner) for child in ast.iter_child_nodes(node))


def _is_reading(node: ast.Name, parent: ast.AST | None, above: ast.AST | None, *, later: bool) -> bool:
    if isinstance(node.ctx, ast.Store):
        return not later or not isinstance(parent, ast.AugAssign)
    if isinstance(parent, ast.Subscript):
        if parent.value is not node or isinstance(parent.ctx, ast.Load):
            return True
        return not later and isinstance(above, (ast.Assign, ast.AugAssign)) and _is_constant(above.value)
    if isinstance(parent, ast.Attribute):
        called = isinstance(above, ast.Call) and above.func is parent
        return called and (parent.attr in _READING_METHODS or (not later and _has_constants(above)))
    if isinstance(parent, ast.Call):
        return (
            isinstance(parent.func, ast.Name) and parent.func.id in _READING_CALLS and parent.func is not node
        )
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is node
    if isinstance(parent, ast.keyword):
        return parent.arg is None
    return isinstance(parent, (ast.Compare, ast.FormattedValue)) or (
        isinstance(parent, ast.Expr) and not later
    )


def is_new_container(statement: ast.stmt) -> bool:
    """Whether a statement binds one name to a container that nothing else can know."""
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or len(getattr(statement, "targets", "1")) != 1:
        return False
    value = statement.value
    if isinstance(value, ast.Call) and _word(value.func) in _CONTAINERS:
        arguments = [*value.args, *(keyword.value for keyword in value.keywords)]
        return all(_is_constant(each) or _word(each) in _CONTAINERS | {"int", "float"} for each in arguments)
    return _is_flat(statement)


def is_only_put_into(name: str, statements: Iterable[ast.stmt]) -> bool:
    """Whether statements, bodies of functions included, put things into a container and never look at it."""
    for statement in statements:
        above = {child: node for node in ast.walk(statement) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and not _is_putting(node, above):
                return False
            if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
                return False
    return True


def _is_putting(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether a name is the head of ``…[key] = value``, or of ``….append(value)`` as a statement."""
    while True:
        up = above[node]
        if isinstance(up, ast.Subscript) and up.value is node:
            if isinstance(up.ctx, ast.Store):
                return True
            node = up
            continue
        call = above.get(up)
        if not (isinstance(up, ast.Attribute) and isinstance(call, ast.Call) and call.func is up):
            return False
        if up.attr not in _PUTTING_METHODS:
            return False
        if isinstance(above.get(call), ast.Expr):
            return True
        if up.attr != "setdefault":
            return False
        node = call


def hands_on(name: str, statement: ast.stmt) -> bool:
    """Whether a statement hands a value as a whole to calls, or shows it; a loop may do so with each item of it."""
    if isinstance(statement, ast.For):
        items = {node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name)}
        shows = all(isinstance(each, ast.Expr) and _hands_on({name, *items}, each) for each in statement.body)
        return shows and not statement.orelse and _is_iterated(name, statement.iter)
    if isinstance(statement, ast.Assign) and not isinstance(statement.value, ast.Call):
        return False  # another name for it
    return isinstance(statement, (ast.Expr, ast.Assign)) and _hands_on({name}, statement)


def _is_iterated(name: str, node: ast.expr) -> bool:
    """Whether an expression is ``name``, or ``name.items()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.attr in {"items", "keys", "values"} and _is_iterated(name, node.func.value)
    return isinstance(node, ast.Name) and node.id == name


def _hands_on(names: set[str], statement: ast.stmt) -> bool:
    above = {child: node for node in ast.walk(statement) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(statement):
        if isinstance(node, (ast.Lambda, ast.comprehension)):
            return False  # what is called there may be an item
        if isinstance(node, ast.Name) and node.id in names:
            up = above[node]
            whole = isinstance(up, (ast.Expr, ast.keyword, ast.FormattedValue))
            if not whole and not (isinstance(up, ast.Call) and node in up.args):
                return False
    return True
