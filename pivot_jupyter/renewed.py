"""What stages declare, as the module declares it: annotations hold what a name meant when their cell ran.

Run the cell of a loader or of params again, and a stage's annotations still hold the former class, while workers and
the exported module have the new one only. So what annotations were made of is made again here, in the order of the
module: the stage functions themselves (not what they do), TypedDicts, models, and values such as ``Rows =
Annotated[…]`` or ``table = CSV(sep=SEP)``. The live objects stay what they are.
"""

import ast
import typing
from collections.abc import Collection, Mapping, Sequence
from types import FunctionType, ModuleType

from pivot.define.declared import is_model
from pivot.define.decorator import mark_of
from pivot.define.decorator import stage as marking
from pivot.outputs import Dep, Out, Reader, Writer
from pivot_jupyter.compile import NotebookModule
from pivot_jupyter.slices import Slice
from pivot_jupyter.units import Kind, Unit


def declaring(
    module: NotebookModule, live: ModuleType, stages: Collection[str], namespace: Mapping[str, object]
) -> ModuleType:
    """A module that holds the stages' functions with what they declare now; `live` where that is the same.

    Args:
        module: of the notebook.
        live: holds the objects of the cells.
        stages: names of their functions.
        namespace: of the cells.
    """
    anew = _renewed(module, stages, namespace)
    if not anew:
        return live
    made = ModuleType(live.__name__)
    vars(made).update(vars(live), **anew)
    return made


def _renewed(
    module: NotebookModule, stages: Collection[str], namespace: Mapping[str, object]
) -> dict[str, object]:
    """Name → what the module would hold, for what may differ from `namespace`."""
    found = module.slice
    places = {unit: place for place, unit in enumerate(found.units)}
    units = _declaring(found, frozenset(stages), namespace)
    old = {unit for unit in units.values() if _rests_on_later(unit, found, places)}
    if not old:
        return {}
    made: dict[str, object] = {}
    for unit in module.order:  # what others are made of comes first
        name = unit.names[0] if unit.names else ""
        if units.get(name) is not unit or (unit not in old and made.keys().isdisjoint(_reads(unit))):
            continue
        space = {**namespace, **made, "__name__": module.name}
        try:
            made[name] = _again(unit, namespace[name], space)
        except Exception:  # noqa: BLE001, S112 - then the live one is all there is
            continue
    return made


def _declaring(found: Slice, stages: Collection[str], namespace: Mapping[str, object]) -> dict[str, Unit]:
    """The last definition of each name that annotations of stages rest on, of the kinds that are made again."""
    units: dict[str, Unit] = {}
    queue = list(stages)
    while queue:
        name = queue.pop()
        binding = found.bindings.get(name, ())
        if name in units or not binding or name not in namespace:
            continue
        unit, live = binding[-1], namespace[name]
        is_wanted = unit.kind is Kind.FUNCTION if name in stages else _is_declaration(unit, live)
        if unit.names == (name,) and is_wanted:
            units[name] = unit
            queue.extend(_reads(unit))
    return units


def _is_declaration(unit: Unit, live: object) -> bool:
    if unit.kind in {Kind.CLASS, Kind.VALUE} and (typing.is_typeddict(live) or is_model(live)):
        return True
    if type(live).__name__ == "TypeAliasType":
        return True
    if unit.kind is not Kind.VALUE or isinstance(live, (type, ModuleType)):
        return False
    return (
        typing.get_origin(live) is not None
        or isinstance(live, (Dep, Out, Reader, Writer))
        or is_model(type(live))
    )


def _reads(unit: Unit) -> frozenset[str]:
    """What a definition is made of; that of ``type Rows = …`` is read when somebody asks for it."""
    return unit.eager | unit.mentions if unit.text.startswith("type ") else unit.eager


def _rests_on_later(unit: Unit, found: Slice, places: Mapping[Unit, int]) -> bool:
    bound = (found.bindings.get(name, ()) for name in _reads(unit))
    return any(binding and places[binding[-1]] > places[unit] for binding in bound)


def _again(unit: Unit, live: object, space: dict[str, object]) -> object:
    """Executes a definition once more; raises what it raises."""
    tree = ast.parse(unit.text)
    node = tree.body[0]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if not isinstance(live, FunctionType) or hasattr(live, "__wrapped__"):
            return live
        _without_effects(node, live, space)
    exec(compile(tree, f"<{space['__name__']}>", "exec", dont_inherit=True), space)  # noqa: S102 - the user's cell
    return space[unit.names[0]]


def _without_effects(
    node: ast.FunctionDef | ast.AsyncFunctionDef, live: FunctionType, space: dict[str, object]
) -> None:
    """Leaves of a function's head what declares: other decorators are gone, and defaults are the live ones."""
    node.decorator_list = [one for one in node.decorator_list if mark_of(live) and _marks(one, space)]
    given = live.__kwdefaults__ or {}
    keywords = [given.get(one.arg) for one in node.args.kwonlyargs]
    node.args.defaults = _kept(node.args.defaults, live.__defaults__ or (), "default", space)  # type: ignore[assignment]
    node.args.kw_defaults = _kept(node.args.kw_defaults, keywords, "keyword", space)


def _kept(
    written: Sequence[ast.expr | None], values: Sequence[object], word: str, space: dict[str, object]
) -> list[ast.expr | None]:
    """Names of the live values; but a model's instance is made again."""
    kept: list[ast.expr | None] = []
    for number, (expression, value) in enumerate(zip(written, values, strict=True)):
        if expression is not None and not is_model(type(value)):
            space[f"__{word}_{number}"] = value
            expression = ast.copy_location(ast.Name(f"__{word}_{number}", ast.Load()), expression)  # noqa: PLW2901
        kept.append(expression)
    return kept


def _marks(decorator: ast.expr, space: Mapping[str, object]) -> bool:
    """Whether a decorator is ``pivot.stage``, called or not."""
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name):
        return getattr(space.get(named.value.id), named.attr, None) is marking
    return isinstance(named, ast.Name) and space.get(named.id) is marking
