"""Which statements and decorators of a source act at all."""

import ast
from collections.abc import Iterable

from pivot.fingerprint.scope import FUNCTIONS, imported_name

TRANSPARENT_DECORATORS = frozenset(
    "staticmethod classmethod property setter getter deleter abstractmethod override overload final "  # noqa: SIM905
    "cached_property cache lru_cache wraps contextmanager asynccontextmanager".split()
)
"""Last words of decorators that do not look at annotations."""


def live(statements: Iterable[ast.stmt]) -> list[ast.stmt]:
    """The statements without those that do nothing: ``pass``, bare literals, blocks for type checkers."""
    kept: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Pass):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if isinstance(statement, ast.If) and (branch := checker_branch(statement)) is not None:
            kept += live(branch)
            continue
        kept.append(statement)
    return kept


def checker_branch(node: ast.If) -> list[ast.stmt] | None:
    """The branch of an ``if TYPE_CHECKING:`` that runs; ``None`` for any other ``if``."""
    test, negated = node.test, False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, negated = test.operand, True
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    if name != "TYPE_CHECKING":
        return None
    return node.body if negated else node.orelse


def main_branch(node: ast.If) -> list[ast.stmt] | None:
    """What an ``if __name__ == "__main__":`` runs on import; ``None`` for any other ``if``."""
    test = node.test
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return None
    sides = (test.left, test.comparators[0])
    has_name = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    has_main = any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return node.orelse if has_name and has_main else None


def docstring(body: list[ast.stmt]) -> str | None:
    """The docstring that a body begins with."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        value = first.value.value
        return value if isinstance(value, str) else None
    return None


def chain(node: ast.AST) -> str:
    """``a.b.c`` for a name with attributes, else the empty text."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(words)])


def decorator_chain(node: ast.expr) -> str:
    """The chain of a decorator, called or not."""
    return chain(node.func if isinstance(node, ast.Call) else node)


def decorating_chain(node: ast.expr) -> str:
    """The chain of a decorator behind all its calls and items: ``table`` of ``@table["a"](1)``."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return chain(node)


def is_declaration(decorator: ast.expr, declarations: frozenset[str]) -> bool:
    """Whether a decorator comes from Pivot: it declares a stage and is no code of it."""
    return decorator_chain(decorator).partition(".")[0] in declarations


def annotations_act(node: ast.FunctionDef | ast.AsyncFunctionDef, declarations: frozenset[str]) -> bool:
    """Whether a decorator of the function may read its annotations."""
    return any(
        not is_declaration(decorator, declarations)
        and decorator_chain(decorator).rpartition(".")[2] not in TRANSPARENT_DECORATORS
        for decorator in node.decorator_list
    )


def looks_at_types(node: ast.FunctionDef | ast.AsyncFunctionDef, declarations: frozenset[str]) -> bool:
    """Whether a function or its decorators may look at its type parameters, with their bounds and defaults."""
    names = {parameter.name for parameter in getattr(node, "type_params", ())}
    inside = (each for statement in node.body for each in ast.walk(statement))
    return bool(names) and (
        annotations_act(node, declarations)
        or any(isinstance(each, ast.Name) and each.id in names for each in inside)
    )


def surely_bound(statement: ast.AST) -> tuple[str, ...]:
    """The names that a statement binds whenever it runs."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return (statement.name,)
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return tuple(imported_name(alias) for alias in statement.names if alias.name != "*")
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    else:
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) and statement.value else []
    names: list[str] = []
    while targets:
        target = targets.pop()
        if isinstance(target, ast.Name):
            names.append(target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            targets += target.elts
    return tuple(sorted(names))
