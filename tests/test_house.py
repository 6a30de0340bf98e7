"""The rules of the house that no linter knows (CONTRIBUTING.md says why)."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for folder in ("pivot", "pivot_jupyter", "notebooks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "cases" not in path.parts and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
PACKAGES = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("pivot", "pivot_jupyter")]
TEXTS = sorted(
    path
    for path in (
        *SOURCES,
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("*.md"),
        ROOT / "Makefile",
        ROOT / ".ci" / "run",
    )
    if path.is_file()
)

MOST_LINES = 400
MOST_FUNCTION_LINES = 60
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "types"}
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter"}
MUTATORS = {
    *(
        "append",
        "add",
        "update",
        "setdefault",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "discard",
        "clear",
    ),
}
HEAVY = {
    "IPython",
    "click",
    "matplotlib",
    "networkx",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "sqlite3",
    "yaml",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_short_and_named_for_a_noun_of_the_field(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{name_of(path)} has {lines} lines; split it at a noun"
    assert path.stem not in BANNED_NAMES, f"{name_of(path)}: name it for what it holds"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {f.name: size for f in functions if (size := f.end_lineno - f.lineno + 1) > MOST_FUNCTION_LINES}
    assert not long, f"{name_of(path)}: {long}"


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_no_module_keeps_state(path: Path) -> None:
    assert module_state(tree_of(path)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("seen = {}", ["seen (line 1)"]),
        ("cache: dict[str, int] = dict()", ["cache (line 1)"]),
        ("a, found = 1, [x for x in y]", ["found (line 1)"]),
        ("from collections import deque\nqueue = deque()", ["queue (line 2)"]),
        ("_TABLE = {}\ndef f(k):\n    _TABLE[k] = 1", ["_TABLE (line 3)"]),
        ("_SEEN = set()\ndef f(k):\n    _SEEN.add(k)", ["_SEEN (line 3)"]),
        ("count = 0\ndef f():\n    global count\n    count = 1", ["count (line 3)"]),
        ("if x:\n    names = []", ["names (line 2)"]),
        ("WORDS = {'a': 1}\n__all__ = ['f']\ndef f():\n    seen = []\n    seen.append(1)", []),
        ("_WORDS = {'a': 1}\ndef f(_WORDS):\n    return _WORDS['a']", []),
    ],
)
def test_the_search_for_module_state_finds_it(text: str, found: list[str]) -> None:
    assert module_state(ast.parse(text)) == found


def module_state(tree: ast.Module) -> list[str]:
    """Names bound at module level to something mutable that is not a constant, and constants that are changed."""
    found: list[tuple[int, str]] = []
    constants: set[str] = set()
    for statement in top_level(tree):
        for name, value in bindings(statement):
            if not is_mutable(value):
                continue
            if name.strip("_").isupper():
                constants.add(name)
            elif not (name.startswith("__") and name.endswith("__")):
                found.append((statement.lineno, name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found += [(node.lineno, name) for name in node.names]
    for function in (
        n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ):
        found += [(line, name) for line, name in changes(function) if name in constants]
    return [f"{name} (line {line})" for line, name in sorted(set(found))]


def top_level(tree: ast.Module) -> list[ast.stmt]:
    """The statements that run at import, those in `if`, `try` and `with` blocks included."""
    pending, statements = list(tree.body), []
    while pending:
        statement = pending.pop(0)
        statements.append(statement)
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            pending += [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
    return statements


def bindings(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            pairs = [pair for target in targets for pair in unpack(target, value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            pairs = [(target, value)]
        case _:
            pairs = []
    return [(target.id, value) for target, value in pairs if isinstance(target, ast.Name)]


def unpack(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=False))
    return [(target, value)]


def is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        called = value.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        return name in MUTABLE_CALLS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def changes(scope: ast.AST) -> list[tuple[int, str]]:
    """Names that code in a function changes in place: `NAME[…] = …`, `NAME.append(…)`, `NAME += …`."""
    found = []
    for node in ast.walk(scope):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                found.append((node.lineno, name))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in MUTATORS:
                found.append((node.lineno, name))
            case ast.AugAssign(target=ast.Name(id=name)):
                found.append((node.lineno, name))
    return found


LEFT_OVER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
MACHINE_PATH = re.compile("/(" + "|".join(["wo" + "rk", "ro" + "ot"]) + ")/")


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_nothing_is_left_over_and_no_machine_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [*LEFT_OVER.findall(text), *MACHINE_PATH.findall(text)]
    assert found == [], f"{name_of(path)}: {found}"


@pytest.mark.parametrize("path", [p for p in SOURCES if "tests" in p.relative_to(ROOT).parts], ids=name_of)
def test_tests_use_real_parts(path: Path) -> None:
    imported = set()
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Import(names=names):
                imported |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                imported |= {f"{module}.{alias.name}" for alias in names}
    assert not {name for name in imported if name.startswith("unittest.mock")}


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("pivot", HEAVY),
        ("pivot.outputs", HEAVY),
        ("pivot.model.stage", HEAVY),
        ("pivot.model.task", HEAVY),
        ("pivot.core.graph", HEAVY),
        ("pivot.core.decide", HEAVY),
        ("pivot.worker.main", HEAVY),
        ("pivot_jupyter", HEAVY - {"IPython"}),
    ],
)
def test_importing_a_light_module_loads_no_heavy_library(module: str, banned: set[str]) -> None:
    script = f"import {module}, sys, json; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(json.loads(ran.stdout)) & banned == set()


def test_imports_go_down_the_layers_only() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run(
        [tool, "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
