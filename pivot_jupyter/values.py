"""Which values of the kernel a module can make again from their source, and which exist in the kernel only."""

import ast
import pickle
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pivot.errors import CodeError
from pivot.model.task import TrialResult
from pivot_jupyter.compare import is_immutable, same
from pivot_jupyter.confined import is_new_container, is_only_put_into
from pivot_jupyter.registering import root_of
from pivot_jupyter.slices import Slice
from pivot_jupyter.units import Kind, Unit, changes_by_name

LARGE = 10_000_000
"""Bytes from which a global value is data rather than a constant."""

UNKNOWN = object()
"""No value."""

Trial = Callable[[tuple[str, ...]], TrialResult]
"""Evaluates the source of some names in a worker."""

WAYS_OUT = (
    "make it a Dep or another stage's output, pass it as a param, "
    "or move its definition to a %%pivot_module cell"
)
"""What helps where a value exists in the kernel only."""

_READERS = frozenset(
    [
        "fetch", "fromfile", "genfromtxt", "glob", "imread", "iterdir", "listdir", "load_dataset", "load_model",
        "loadtxt", "memmap", "open", "read", "readline", "readlines", "rglob", "scandir", "urlopen", "urlretrieve",
    ]
)  # fmt: skip
_FETCHERS = frozenset(["aiohttp", "boto3", "ftplib", "httpx", "requests", "socket", "urllib"])
_CLOCK = frozenset(
    ["now", "today", "utcnow", "time_ns", "perf_counter", "monotonic", "uuid1", "uuid4", "urandom"]
)
_CHANCE = frozenset(
    ["rand", "randint", "randn", "random", "randrange", "shuffle", "token_hex", "choice", "normal"]
)
_PLAIN_CALLS = frozenset(
    [
        "Path", "PosixPath", "PurePath", "PurePosixPath", "Decimal", "Fraction", "bool", "bytes", "compile", "dict",
        "float", "frozenset", "int", "len", "list", "max", "min", "range", "set", "sorted", "str", "sum", "timedelta",
        "tuple",
    ]
)  # fmt: skip


def refusals(found: Slice, namespace: Mapping[str, object], trial: Trial | None) -> tuple[CodeError, ...]:
    """An error for each value in reach that its source does not give again; without `trial` as far as is seen."""
    errors: list[CodeError] = []
    doubtful: list[str] = []
    seeded = is_seeded(found.units)
    for name, binding in found.bindings.items():
        units = [unit for unit in binding if unit.kind in {Kind.VALUE, Kind.BLOCK}]
        if any(unit.command is not None for unit in units):
            continue  # told as a command that no module can hold
        if not units or name not in namespace or isinstance(namespace[name], types.ModuleType):
            continue
        if all(name not in unit.loads for unit in found.units if unit not in binding):
            continue  # a loop's variable, an open file: only the statement that binds it reads it
        reason = refused_by_words(units, seeded=seeded) or _too_large(namespace[name])
        if reason:
            errors.append(_refusal(name, units[-1], reason))
        elif not _plain(name, units, found, namespace) and not _is_unread(name, units, found):
            doubtful.append(name)
    if doubtful and trial is not None:
        errors.extend(_tried(tuple(doubtful), found, namespace, trial))
    return tuple(errors)


def _is_unread(name: str, units: Sequence[Unit], found: Slice) -> bool:
    """Whether things are put into a value and nothing looks at it: nobody can tell it from another."""
    if any(unit.opens or any(each.looking for each in unit.handling) for unit in found.units):
        return False
    bound = [statement for unit in units for statement in ast.parse(unit.text).body]
    others = [s for unit in found.units if unit not in units for s in ast.parse(unit.text).body]
    return len(bound) == 1 and is_new_container(bound[0]) and is_only_put_into(name, others)


def refused_by_text(found: Slice) -> tuple[CodeError, ...]:
    """An error for each value in reach whose text says that it cannot be made again."""
    errors = []
    for name, binding in found.bindings.items():
        units = [unit for unit in binding if unit.kind in {Kind.VALUE, Kind.BLOCK}]
        read = any(name in unit.loads for unit in found.units if unit not in binding)
        reason = refused_by_words(units) if read else ""
        if reason:
            errors.append(_refusal(name, units[-1], reason))
    return tuple(errors)


def _refusal(name: str, unit: Unit, reason: str) -> CodeError:
    return CodeError(f"{name} in {unit.cell.name} exists only in this kernel ({reason})", WAYS_OUT)


def is_seeded(units: Iterable[Unit]) -> bool:
    """Whether some statement seeds random numbers, so that they are the same each time."""
    return any(words[-1] == "seed" for unit in units for words in _words_called(unit))


def _words_called(unit: Unit) -> Iterator[list[str]]:
    """The functions that a unit calls, also in bodies."""
    nodes = ast.walk(ast.parse(unit.text)) if "seed" in unit.text else ()
    return (words for node in nodes if isinstance(node, ast.Call) and (words := _words(node.func)))


def refused_by_words(units: Sequence[Unit], *, seeded: bool = False) -> str:
    """Why the text of some statements says that what they make cannot be made again; empty if it can.

    Args:
        seeded: whether a seed decides random numbers.
    """
    for unit in units:
        for call, words in _calls(ast.parse(unit.text)):
            last = words[-1]
            if (
                last in _READERS
                or last.startswith("read_")
                or (last in {"load", "get"} and _FETCHERS & {words[0]})
            ):
                return f"{call} reads a file" if words[0] not in _FETCHERS else f"{call} reads the network"
            if last == "load" and call:
                return f"{call} reads a file"
            if last in _CLOCK or (words[0] == "time" and last == "time"):
                return f"{call} differs each time"
            if not seeded and last in _CHANCE and words[0] in {"random", "np", "numpy", "secrets"}:
                return f"{call} is random"
    return ""


def _calls(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """The calls outside of function bodies: ``pd.read_csv(…)`` with its words."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call):
            words = _words(node.func)
            if words:
                yield f"{'.'.join(words)}(…)", words


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [*(_words(node.value) or ["…"]), node.attr]
    return []


def _too_large(value: object) -> str:
    kind = type(value)  # a class, or an alias of one, has such attributes too
    size = getattr(value, "nbytes", 0) if hasattr(kind, "nbytes") else 0
    if hasattr(kind, "memory_usage"):
        usage = value.memory_usage()  # type: ignore[attr-defined]
        size = usage.sum() if hasattr(usage, "sum") else usage
    return f"it holds {size / 1e6:.0f} MB of data" if size > LARGE else ""


def _plain(name: str, units: Sequence[Unit], found: Slice, namespace: Mapping[str, object]) -> bool:
    """Whether the text alone says that the value can be made again and was not changed since."""
    if len(units) != 1 or units[0].kind is not Kind.VALUE:
        return False
    body = ast.parse(units[0].text).body
    if len(body) != 1 or not isinstance(body[0], (ast.Assign, ast.AnnAssign)) or body[0].value is None:
        return False
    value, live = body[0].value, namespace[name]
    if isinstance(live, types.FunctionType) and isinstance(value, ast.Lambda):
        return True
    changed = any(name in unit.changes | unit.calls for unit in found.units)
    if not changed and _equals_literal(value, live):
        return True
    executed = list(found.units)
    at = executed.index(units[0])
    in_order = all(executed.index(unit) < at for n in units[0].eager for unit in found.bindings.get(n, ()))
    return (
        in_order
        and is_immutable(live)
        and is_plain(value)
        and same(live, evaluated(value, namespace)) is True
    )


def evaluated(value: ast.expr, namespace: Mapping[str, object]) -> object:
    """What a plain expression gives in the kernel now; `UNKNOWN` if it raises."""
    try:
        return eval(compile(ast.Expression(value), "<cell>", "eval"), dict(namespace))  # noqa: S307
    except Exception:  # noqa: BLE001 - the user's expression may raise anything
        return UNKNOWN


def _equals_literal(value: ast.expr, live: object) -> bool:
    try:
        return same(live, ast.literal_eval(value)) is True
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False


def is_plain(node: ast.AST) -> bool:
    """Whether an expression is made of literals, names, attributes, operators and a few harmless calls."""
    if isinstance(node, ast.Lambda):
        return True
    if isinstance(node, ast.Call):
        words = _words(node.func)
        if not words or words[-1] not in _PLAIN_CALLS:
            return False
        return all(is_plain(part) for part in [*node.args, *(keyword.value for keyword in node.keywords)])
    allowed = (
        ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare,
        ast.IfExp, ast.Name, ast.Attribute, ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.Slice, ast.Starred,
        ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
    )  # fmt: skip
    return isinstance(node, allowed) and all(is_plain(child) for child in ast.iter_child_nodes(node))


def _tried(
    names: tuple[str, ...], found: Slice, namespace: Mapping[str, object], trial: Trial
) -> Iterator[CodeError]:
    result = trial(names)
    if result.failure is not None and len(names) > 1:
        # one of them failed; the others are judged on their own
        for name in names:
            yield from _tried((name,), found, namespace, trial)
        return
    for name in names:
        unit = found.bindings[name][-1]
        if result.failure is not None:
            yield _refusal(name, unit, f"evaluating it again fails: {result.failure.message}")
            continue
        verdict = _verdict(result, name, namespace[name])
        changer = next((u for u in found.units if name in u.changes | u.calls), None)
        if verdict is False:
            yield _refusal(name, unit, f"evaluated again it has another value{_by_a_call(name, found)}")
        elif verdict is None and changer is not None and not _only_acts(name, found):
            yield _refusal(name, unit, f"{changer.cell.name} changes it, and it cannot be compared")


def _by_a_call(name: str, found: Slice) -> str:
    """The function that changes a value when it is called, as the end of a reason; empty where none is seen."""
    functions = (unit for unit in found.units if unit.kind in {Kind.FUNCTION, Kind.CLASS})
    unit = next((unit for unit in functions if name in _changed_in_bodies(unit)), None)
    return f": {unit.names[0]} in {unit.cell.name} changes it when it is called" if unit else ""


def _changed_in_bodies(unit: Unit) -> Iterator[str]:
    for node in ast.walk(ast.parse(unit.text)):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            yield root_of(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and changes_by_name(node):
            yield root_of(node.func)
        elif isinstance(node, ast.Global):
            yield from node.names


def _only_acts(name: str, found: Slice) -> bool:
    """Whether nothing but effects read a value, such as ``worker.start()``: what they act on is judged itself."""
    readers = [unit for unit in found.units if unit not in found.bindings[name] and name in unit.loads]
    return all(unit.kind is Kind.EFFECT for unit in readers)


def _verdict(result: TrialResult, name: str, live: object) -> bool | None:
    data = result.values.get(name)
    if data is None:
        return None
    try:
        value = pickle.loads(data)
    except Exception:  # noqa: BLE001 - unpickling runs any code
        return None
    return same(live, value)
