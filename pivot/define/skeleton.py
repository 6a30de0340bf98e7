"""What of a source text counts for the stage definitions: all but the bodies of functions that did not run.

Reading definitions executes modules: statements at module level, decorators, defaults and annotations, and whatever
functions those call. The body of a function that was not called then cannot have had a say, so an edit of it leaves
the definitions as they are, and they need not be read anew. A function's name, decorators, arguments, annotations and
docstring always count, and that it is a generator or a coroutine.
"""

import ast
from collections.abc import Collection, Iterator

from pivot.model.digest import Digest, digest_text

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOKS_AT_CODE = (
    b"__code__",
    b".co_",
    b"'co_",
    b'"co_',
    b"f_lineno",
    b"getsource",
    b"findsource",
    b"getblock",
    b"__static_attributes__",
    b"__firstlineno__",
)
"""Words of code that may look at bodies without running them, or at the lines that they stand on."""
_SPEAKING = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)


def ran_functions(source: bytes, lines: Collection[int]) -> frozenset[str] | None:
    """The functions of a module that ran: for `skeleton`.

    Args:
        lines: the first lines of the code objects that ran, decorators included.

    Returns:
        ``None`` where nothing of the module may be left out.
    """
    tree = _tree(source)
    if tree is None:
        return None
    return frozenset(name for name, function in _functions(tree.body, "", {}) if _line(function) in lines)


def skeleton(source: bytes, ran: Collection[str]) -> Digest | None:
    """The digest of a module without the bodies of functions that did not run; ``None`` where all of it counts."""
    tree = _tree(source)
    if tree is None:
        return None
    for name, function in _functions(tree.body, "", {}):
        if name not in ran:
            function.body = _left(function)
    return digest_text(ast.dump(tree))


def _tree(source: bytes) -> ast.Module | None:
    if any(word in source for word in _LOOKS_AT_CODE):
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _functions(
    body: list[ast.stmt], around: str, counts: dict[str, int]
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions that are in no other function, each with a name that no other one of the module has."""
    for statement in body:
        if isinstance(statement, _FUNCTIONS):
            name = f"{around}{statement.name}"
            counts[name] = counts.get(name, 0) + 1
            yield f"{name} {counts[name]}", statement
            continue
        inner = f"{around}{statement.name}." if isinstance(statement, ast.ClassDef) else around
        for block in _blocks(statement):
            yield from _functions(block, inner, counts)


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    yield getattr(statement, "body", [])
    for name in ("handlers", "cases"):
        for part in getattr(statement, name, ()):
            yield part.body
    for name in ("orelse", "finalbody"):
        yield getattr(statement, name, [])


def _line(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def _left(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """What stays of a body: the docstring, and words that say which kind of function it makes."""
    inner = [node for statement in function.body for node in ast.walk(statement)]
    words = {type(node).__name__ for node in inner if isinstance(node, _SPEAKING)}
    words |= {node.id for node in inner if isinstance(node, ast.Name) and node.id in ("super", "__class__")}
    marks: list[ast.stmt] = [ast.Expr(ast.Name(word, ast.Load())) for word in sorted(words)]
    documented = ast.get_docstring(function, clean=False) is not None
    return [*(function.body[:1] if documented else ()), *marks]
