"""Calls that are known: those that change nothing, those made for their effect, those that name code by strings."""

import ast
import contextlib
import re

from pivot.fingerprint.scope import FUNCTIONS, Scope, ScopeKind
from pivot.fingerprint.statements import TRANSPARENT_DECORATORS, chain, decorator_chain
from pivot.fingerprint.uses import Use

_PURE_CALLS = frozenset(
    "abs all any ascii bin bool bytes callable chr complex dict divmod enumerate float format frozenset "  # noqa: SIM905
    "getattr hasattr hash hex id int isinstance issubclass len list max min oct ord pow print range repr "
    "reversed round set slice sorted str sum tuple type zip super property staticmethod classmethod Path PurePath "
    "deepcopy TypeVar NewType namedtuple getLogger dumps Decimal Fraction date datetime timedelta".split()
)
"""Calls that leave their arguments as they are."""

_WRAPPERS = frozenset("list tuple set frozenset sorted reversed enumerate zip dict iter min max".split())  # noqa: SIM905
"""Those of them whose result holds, or is, what their arguments hold."""

_GETTERS = frozenset({"get", "items", "values", "copy"})
"""Methods of containers that hand out what they hold."""

HARMLESS_METHODS = frozenset(
    "get items keys values copy split strip join format lower upper startswith endswith replace "  # noqa: SIM905
    "debug info warning error exception critical log is_file exists".split()
)
"""Methods that leave the objects of builtin classes as they are."""

HANDING = (
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred),
    *(ast.IfExp, ast.BoolOp, ast.keyword, ast.Await),
)
"""Expressions whose value is, or holds, one of their operands."""

MARKS = frozenset(
    "__doc__ __annotations__ get_type_hints signature getdoc getsource getfullargspec __subclasses__ getsourcelines "  # noqa: SIM905
    "get_annotations co_firstlineno f_lineno tb_lineno".split()
)
"""Words that look at definitions themselves."""

_VERB = re.compile(
    r"^(set|use|register|unregister|config|enable|disable|install|uninstall|patch|unpatch|monkeypatch|init|load_dotenv"
    r"|push|pop(item)?$|chdir|signal|seed|activate|deactivate|override|inject|switch|toggle|subscribe|attach|mount|define_|declare_"
    r"|(add|reset|update|clear|insert|remove|import|allow|freeze|limit|apply)_(?!along|over))"
)
_PURE_MODULES = frozenset({"pathlib", "copy", "typing", "collections", "json", "decimal", "fractions"})
STRING_READERS = frozenset(
    "eval exec query sql from_formula evaluate timeit dmatrix dmatrices "  # noqa: SIM905
    "ols wls gls glm logit probit poisson mixedlm".split()
)


_MEMOS = frozenset({"cache", "lru_cache", "cached", "memoize", "memoise", "memo", "cachedmethod"})
"""Last words of decorators that keep results."""

_CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_SEEN_METHODS = frozenset(
    {
        "__init__",
        "__new__",
        "__post_init__",
        "__call__",
        "__enter__",
        "__exit__",
        "__init_subclass__",
        "__set_name__",
    }
    | {
        "__aenter__",
        "__aexit__",
        "__setattr__",
        "__setitem__",
        "__delattr__",
        "__delitem__",
        "__setstate__",
        "__del__",
    }
)
_FIELD_CALLS = frozenset({"field", "Field", "attrib", "ib"})


_SHARED = re.compile(r"^(get(_|[A-Z]|context$)|current|default_|instance|shared)(?!Logger$)")
"""Functions named so hand out what others see too."""

_LOGGERS = frozenset({"getLogger", "get_logger"})


def marks_of(statement: ast.stmt) -> set[str]:
    """Words for what a definition does that its names do not tell.

    ``remembers``: a call may leave something in it; ``reading-acts``: a read may change something; ``keeps``: as a
    decorator it may put a memory around a function; ``borrowed``: another's object under a name of ours;
    ``sets-borrowed``: it changes such an object under a local name; ``logger``; ``raises``; ``documents``: it sets a
    docstring and does nothing else; ``makes-class``: a class statement in a function, or a call that makes a class.
    """
    value = getattr(statement, "value", None)
    is_value = isinstance(statement, ast.Assign | ast.AnnAssign)
    found = {
        "remembers": remembers(statement),
        "reading-acts": reading_acts(statement),
        "keeps": isinstance(statement, FUNCTIONS) and _keeps(statement),
        "sets-borrowed": isinstance(statement, FUNCTIONS) and _sets_borrowed(statement),
        "borrowed": is_value and isinstance(value, ast.expr) and _is_borrowed(value),
        "makes-class": _makes_class(statement),
        "logger": isinstance(value, ast.Call) and chain(value.func).rpartition(".")[2] in _LOGGERS,
        "raises": isinstance(statement, ast.Raise),
        "documents": isinstance(statement, ast.Assign) and _documents(statement),
    }
    return {word for word, holds in found.items() if holds}


def _makes_class(statement: ast.stmt) -> bool:
    for node in ast.walk(statement):
        if isinstance(node, ast.ClassDef) and node.bases and isinstance(statement, FUNCTIONS):
            return True
        if isinstance(node, ast.Call):
            last = chain(node.func).rpartition(".")[2]
            if last in ("new_class", "make_dataclass", "create_model") or (
                last == "type" and len(node.args) == 3
            ):
                return True
    return False


def _documents(statement: ast.Assign) -> bool:
    plain = (
        ast.Name,
        ast.Attribute,
        ast.Constant,
        ast.BinOp,
        ast.Add,
        ast.JoinedStr,
        ast.FormattedValue,
        ast.Load,
    )
    return all(
        isinstance(t, ast.Attribute) and t.attr == "__doc__" and chain(t) for t in statement.targets
    ) and all(isinstance(node, plain) for node in ast.walk(statement.value))


def _keeps(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function that is made inside may change what is around it."""
    inner = (
        node for s in function.body for node in ast.walk(s) if isinstance(node, (*FUNCTIONS, ast.Lambda))
    )
    return any(_stores(node) for node in inner)


def _is_borrowed(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return bool(_SHARED.match(chain(value.func).rpartition(".")[2]))
    if isinstance(value, ast.Subscript):
        return _is_borrowed(value.value)
    return bool(chain(value))


def _sets_borrowed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function sets something in what a call handed out that others see too (``context.prec = 3``)."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    names = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_borrowed(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    stored = (
        n for n in nodes if isinstance(n, ast.Attribute | ast.Subscript) and not isinstance(n.ctx, ast.Load)
    )
    called = (n.value.func for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call))
    return bool(names) and any(
        _root(node) in names for node in (*stored, *called) if not isinstance(node, ast.Name)
    )


def _root(node: ast.AST) -> str:
    """The name that attributes and items hang on; empty where it is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def remembers(node: ast.stmt) -> bool:
    """Whether calling what a definition makes may leave something behind in it: in a memo, a default, a class."""
    if isinstance(node, FUNCTIONS):
        memo = any(decorator_chain(d).rpartition(".")[2] in _MEMOS for d in node.decorator_list)
        return memo or any(_can_be_filled(d) for d in (*node.args.defaults, *node.args.kw_defaults) if d)
    if not isinstance(node, ast.ClassDef):
        return False
    for statement in node.body:
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and value is not None and _can_be_filled(value):
            return True
        if isinstance(statement, FUNCTIONS) and (remembers(statement) or _sets_its_class(statement)):
            return True
    return False


def reading_acts(node: ast.stmt) -> bool:
    """Whether reading from what a definition makes may change it: properties and operators with effects."""
    if isinstance(node, ast.ClassDef):
        return any(
            isinstance(f, FUNCTIONS) and _runs_unseen(f) and (_stores(f) or _calls_out(f)) for f in node.body
        )
    value = getattr(node, "value", None)
    return isinstance(value, ast.Call) and chain(value.func).rpartition(".")[2] == "defaultdict"


def _runs_unseen(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method runs without a call that can be seen: a property or an operator."""
    words = {decorator_chain(d).rpartition(".")[2] for d in method.decorator_list}
    if words & {"property", "cached_property", "getter"}:
        return True
    return method.name.startswith("__") and method.name not in _SEEN_METHODS


def _stores(method: ast.AST) -> bool:
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Global | ast.Nonlocal) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        ):
            return True
    return False


def _calls_out(method: ast.AST) -> bool:
    """Whether a method calls something that may change what it is given, or what it sees."""
    for node in ast.walk(method):
        if isinstance(node, ast.Call):
            last = node.func.attr if isinstance(node.func, ast.Attribute) else chain(node.func)
            if last not in _PURE_CALLS | HARMLESS_METHODS:
                return True
    return False


def _can_be_filled(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        last = chain(value.func).rpartition(".")[2]
        return last in ("list", "dict", "set") or last not in _PURE_CALLS | _FIELD_CALLS
    return isinstance(value, _CONTAINERS)


def _sets_its_class(method: ast.AST) -> bool:
    """Whether a method sets an attribute of ``cls``, ``type(self)`` or the like."""
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            owner = node.value
            if isinstance(owner, ast.Call | ast.Attribute) or (
                isinstance(owner, ast.Name) and owner.id == "cls"
            ):
                return True
    return False


_PLAIN_DECORATORS = TRANSPARENT_DECORATORS | frozenset(
    "dataclass total_ordering singledispatch register njit jit vectorize guvectorize command group option argument "  # noqa: SIM905
    "fixture parametrize validator field_validator model_validator typechecked beartype validate_call no_grad "
    "inference_mode compile retry contextmanager runtime_checkable deprecated singledispatchmethod".split()
)


def decorates_plainly(library: str) -> bool:
    """Whether the library decorator of this dotted name is known to keep nothing of the calls it sees."""
    return library.rpartition(".")[2] in _PLAIN_DECORATORS


def reads_docstring(library: str) -> bool:
    """Whether the library decorator of this dotted name may read the docstring: to a command line it is the help."""
    last = library.rpartition(".")[2]
    return last in ("command", "group") or last not in _PLAIN_DECORATORS


def draws(name: str) -> bool:
    """Whether the library function of this dotted name takes from a shared source of random numbers."""
    module, _, last = name.rpartition(".")
    is_maker = last == "default_rng" or not last.islower()
    return (module == "random" or module.endswith(".random")) and not is_maker


def is_pure(func: ast.expr, scope: Scope, module: Scope) -> bool:
    """Whether a call is of a builtin or a standard function that leaves its arguments alone."""
    name = chain(func)
    root, _, last = name.partition(".")
    if (last or root) not in _PURE_CALLS or scope.home(root) is not None:
        return False
    if root not in module.bound:
        return not last
    modules = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else root).partition(".")[0]
        for node in module.imports.get(root, ())
    }
    return bool(modules) and modules <= _PURE_MODULES


def namespace_call(node: ast.AST, scope: Scope) -> bool:
    """``globals()``, or ``vars()`` and ``locals()`` where they mean the module's names."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args):
        return False
    name = node.func.id
    return name == "globals" or (name in ("vars", "locals") and scope.kind is ScopeKind.MODULE)


def held(uses: int) -> int:
    """The uses of a container by those of something it holds: what is called there may change itself."""
    return uses & (Use.ACT | Use.PASS | Use.STORE) | (Use.PASS if uses & Use.CALL else 0)


def handed_on(last: str, uses: int, *, pure: bool) -> tuple[int, int]:
    """How a call uses its function and its arguments, by the function's last word and the uses of its result."""
    result = held(uses)
    verb = Use.ACT if _VERB.match(last) else 0
    if pure:
        return Use.CALL | verb, Use.READ | (result if last in _WRAPPERS else 0)
    return Use.CALL | verb | (result if last in _GETTERS else uses & Use.ACT), Use.PASS


def literal_prefix(node: ast.expr) -> str:
    """The literal text that a computed string begins with."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value  # "plugins.{}".format(name)
        text = node.value if isinstance(node, ast.Constant) else ""
        return text.partition("{")[0] if isinstance(text, str) else ""
    value = node.value if isinstance(node, ast.Constant) else ""
    return value.partition("%")[0] if isinstance(value, str) else ""


def written_in(annotation: ast.AST) -> list[ast.expr]:
    """The expressions that an annotation holds as strings; plain texts (``Annotated[…, "in metres"]``) left out."""
    found: list[ast.expr] = []
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            with contextlib.suppress(SyntaxError, ValueError):
                found.append(ast.parse(node.value.strip(), mode="eval").body)
    return found
