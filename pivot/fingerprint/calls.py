"""Calls that are known: those that change nothing, those made for their effect, those that name code by strings."""

import ast
import re

from pivot.fingerprint.scope import Scope, ScopeKind
from pivot.fingerprint.statements import chain

PURE_CALLS = frozenset(
    "abs all any ascii bin bool bytes callable chr complex dict divmod enumerate float format frozenset "  # noqa: SIM905
    "getattr hasattr hash hex id int isinstance issubclass len list max min oct ord pow print range repr "
    "reversed round set slice sorted str sum tuple type zip super property staticmethod classmethod Path PurePath "
    "deepcopy TypeVar NewType namedtuple getLogger dumps Decimal Fraction date datetime timedelta".split()
)
"""Calls that leave their arguments as they are."""

MARKS = frozenset(
    "__doc__ __annotations__ get_type_hints signature getdoc getsource getfullargspec __subclasses__ getsourcelines "  # noqa: SIM905
    "get_annotations".split()
)
"""Words that look at definitions themselves."""

VERB = re.compile(
    r"^(set|use|register|config|enable|disable|install|patch|init|load_dotenv|push|chdir|signal|seed)"
)
_EFFECT_END = re.compile(r"(_seed|filterwarnings|simplefilter|seterr)$")
_PURE_MODULES = frozenset({"pathlib", "copy", "typing", "collections", "json", "decimal", "fractions"})
STRING_READERS = frozenset(
    "eval exec query sql from_formula evaluate timeit dmatrix dmatrices "  # noqa: SIM905
    "ols wls gls glm logit probit poisson mixedlm".split()
)


def is_pure(func: ast.expr, scope: Scope, module: Scope) -> bool:
    """Whether a call is of a builtin or a standard function that leaves its arguments alone."""
    name = chain(func)
    root, _, last = name.partition(".")
    if (last or root) not in PURE_CALLS or scope.home(root) is not None:
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
