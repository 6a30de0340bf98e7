"""What of a module written for Flowdapt must change by hand, and what its functions take: read, never imported."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_IMPORT = re.compile(r"\s*from\s+(flowdapt(?:\.[\w.]+)?)\s+import\s+([^#(]+(?:\(\))?)")
_NEW = {
    "get_run_context": "from pivot import get_run_context",
    "object_store": "from pivot import store as object_store",
    "ResourceNotFoundError": "from pivot.store import NoSuchKeyError as ResourceNotFoundError",
}
_ELSEWHERE = {
    "flowdapt.compute.artifacts": "nothing: pivot.store chooses the format by the value; take the hooks out",
    "flowdapt.compute.resources.workflow.execute": "pivot.Project(…).repro(), or with pivot.run_context.use(…)",
}
_CALLS = frozenset({"put", "get", "exists", "delete"})
_KEPT_ARGUMENTS = frozenset({"key", "value", "namespace"})
_CONTEXT = {
    "input": ".params",
    "run": ".run_id; a stage knows no more of its run",
    "namespace": "nothing: say namespace= to pivot.store",
    "definition": "nothing: a stage that read it would run again at each edit of the file",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A line that must change.

    Attributes:
        old: what of it.
        new: what takes its place, in words or code.
    """

    line: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes.

    Attributes:
        names: of its positional parameters.
        required: those without a default.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]


def signatures(text: str) -> Mapping[str, Signature]:
    """The functions of a module; none of a text that is no Python."""
    tree = _tree(text)
    return {
        node.name: _signature(node.args)
        for node in (tree.body if tree else ())
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def changes(text: str) -> list[Change]:
    """What must change, in the order of lines."""
    tree = _tree(text)
    if tree is None:
        return list(_imports_of_lines(text))
    found = [*_imports(tree), *_calls(tree), *_context(tree)]
    return sorted(found, key=lambda change: change.line)


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _signature(arguments: ast.arguments) -> Signature:
    names = tuple(one.arg for one in (*arguments.posonlyargs, *arguments.args))
    keywords = [
        one.arg
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if not default
    ]
    return Signature(names, (*names[: len(names) - len(arguments.defaults)], *keywords))


def _imports(tree: ast.Module) -> Iterator[Change]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and _is_flowdapt(node.module or ""):
            for one in node.names:
                yield _import(node.lineno, str(node.module), one.name, one.asname)
        elif isinstance(node, ast.Import):
            for one in node.names:
                if _is_flowdapt(one.name):
                    yield Change(node.lineno, f"import {one.name}", _elsewhere(one.name))


def _imports_of_lines(text: str) -> Iterator[Change]:
    """Of a text that is no Python: the import that must change may be what is wrong with it."""
    for number, line in enumerate(text.splitlines(), 1):
        found = _IMPORT.match(line)
        if found is not None:
            for name in found[2].split(","):
                yield _import(number, found[1], name.strip().partition(" ")[0].removesuffix("()"), None)


def _import(line: int, module: str, name: str, alias: str | None) -> Change:
    new = _NEW.get(name)
    if new is not None and alias is not None:
        new = f"{new.partition(' as ')[0]} as {alias}"
    old = f"from {module} import {name}" + (f" as {alias}" if alias else "")
    return Change(line, old, new or _elsewhere(module))


def _is_flowdapt(module: str) -> bool:
    return module == "flowdapt" or module.startswith("flowdapt.")


def _elsewhere(module: str) -> str:
    for known, new in _ELSEWHERE.items():
        if module == known or module.startswith(f"{known}."):
            return new
    return "nothing: copy what you need of it into your own code"


def _calls(tree: ast.Module) -> Iterator[Change]:
    """Arguments of the object store that have no meaning any more."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        of = node.func.value
        if node.func.attr in _CALLS and isinstance(of, ast.Name) and of.id == "object_store":
            gone = [one.arg for one in node.keywords if one.arg and one.arg not in _KEPT_ARGUMENTS]
            if gone:
                old = f"object_store.{node.func.attr}(…, {', '.join(f'{name}=…' for name in gone)})"
                yield Change(node.lineno, old, "the same without them")


def _context(tree: ast.Module) -> Iterator[Change]:
    """Attributes of the run context that are called otherwise, or are not there."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_context(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in _CONTEXT:
            continue
        if _is_context(node.value) or (isinstance(node.value, ast.Name) and node.value.id in names):
            yield Change(node.lineno, ast.unparse(node), _CONTEXT[node.attr])


def _is_context(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_run_context"
    )
