"""Functions and classes that still hold what a name meant before it was bound anew."""

import ast
import enum
import inspect
from collections.abc import Collection, Iterator, Mapping
from types import FunctionType

from pivot.errors import CodeError
from pivot_jupyter.compare import same
from pivot_jupyter.slices import Slice
from pivot_jupyter.units import Kind, Unit
from pivot_jupyter.values import UNKNOWN, evaluated, is_plain


def outdated(found: Slice, namespace: Mapping[str, object]) -> tuple[CodeError, ...]:
    """An error for each default of a parameter, or attribute of a class, that its source would give another value.

    Only what can be evaluated without any effect is judged: names, attributes, operators, literals.
    """
    executed = {unit: at for at, unit in enumerate(found.units)}
    errors = []
    for unit in found.units:
        if unit.kind not in {Kind.FUNCTION, Kind.CLASS} or unit.names[0] not in namespace:
            continue
        later = {
            name: binding[-1]
            for name, binding in found.bindings.items()
            if name in unit.eager and binding and executed[binding[-1]] > executed[unit]
            if not any(name in other.names for other in found.units[: executed[unit]])
        }
        if not later or found.bindings.get(unit.names[0], ())[-1:] != (unit,):
            continue
        for name in _differing(unit, later.keys(), namespace):
            errors.append(
                CodeError(
                    f"{unit.names[0]} in {unit.cell.name} was defined with another {name} than the one of "
                    f"{later[name].cell.name}",
                    f"run {unit.cell.name} again",
                )
            )
            break
    return tuple(errors)


def _differing(unit: Unit, names: Collection[str], namespace: Mapping[str, object]) -> Iterator[str]:
    """Those of `names` from which something was computed that has another value by now."""
    for value, live in _baked_in(ast.parse(unit.text).body[0], namespace[unit.names[0]]):
        used = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        reads = sorted(used.intersection(names))
        if not reads or not is_plain(value):
            continue
        now = evaluated(value, namespace)
        if now is not UNKNOWN and same(live, now) is False:
            yield reads[0]


def _baked_in(node: ast.stmt, live: object) -> Iterator[tuple[ast.expr, object]]:
    """Expressions that were evaluated when a definition was executed, and the values they gave."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        function = inspect.unwrap(live) if callable(live) else live
        if isinstance(function, FunctionType):
            yield from zip(node.args.defaults, function.__defaults__ or (), strict=False)
            given = function.__kwdefaults__ or {}
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if default is not None and argument.arg in given:
                    yield default, given[argument.arg]
    elif isinstance(node, ast.ClassDef) and isinstance(live, type):
        own = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for statement in node.body:
            if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            used = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
            if isinstance(target, ast.Name) and target.id in vars(live) and not used & own:
                value = vars(live)[target.id]
                yield statement.value, value.value if isinstance(value, enum.Enum) else value
