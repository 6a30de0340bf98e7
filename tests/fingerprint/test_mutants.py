"""Mutants of the corpus: whatever plain Python shows of a changed operator, name or branch, the fingerprint shows too."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pivot.errors import CodeError

HERE = Path(__file__).parent
ARGUMENTS = ("3", "0")
HEAVY = ("numpy", "pandas", "pydantic", "sklearn")
EACH = int(os.environ.get("PIVOT_MUTANTS", "1"))
"""How many mutants are made of each project; 0 makes all."""

OPPOSITE = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}


def mutant(text: str, number: int) -> str | None:
    """The text with one thing changed, by the number of its site; ``None`` if that changes nothing."""
    tree = ast.parse(text)
    before = ast.unparse(tree)
    mutate(*list(sites_of(tree))[number], names_of(tree))
    after = ast.unparse(ast.fix_missing_locations(tree))
    return None if after == before else after + "\n"


def sites_of(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int]]:
    """Where something can be changed: a node, one of its fields, the place in that field (-1: the whole)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp):
            yield node, "op", -1
        elif isinstance(node, ast.Compare):
            yield node, "ops", 0
        elif isinstance(node, ast.If | ast.IfExp):
            yield node, "test", -1
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | str):
            yield node, "value", -1
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node, "id", -1
        for field in ("body", "orelse", "finalbody", "decorator_list", "keywords"):
            found = getattr(node, field, None)
            for place in range(len(found) if isinstance(found, list) else 0):
                yield node, field, place


def mutate(node: ast.AST, field: str, place: int, names: list[str]) -> None:
    """Changes one site of a tree."""
    value = getattr(node, field)
    if field == "op":
        node.op = OPPOSITE.get(type(value), ast.Sub)()
    elif field == "ops":
        value[0] = OPPOSITE[type(value[0])]()
    elif field == "test":
        node.test = ast.UnaryOp(ast.Not(), value)
    elif field == "value":
        node.value = not value if isinstance(value, bool) else value + (1 if isinstance(value, int) else "x")
    elif field == "id":
        later = [name for name in names if name > value]
        node.id = (later or names or [value])[0]
    elif field in ("decorator_list", "keywords", "orelse"):
        del value[place]
    else:
        value[place] = ast.Pass()


def names_of(tree: ast.Module) -> list[str]:
    """The names that a module binds."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names} - {"*"}
        else:
            found |= {
                n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    return sorted(found)


def versions_of(files: dict[str, str]) -> Iterator[dict[str, str]]:
    """Mutants of a project, evenly spread over all that there are."""
    sites = [
        (name, number)
        for name, text in files.items()
        if name.endswith(".py") and "site-packages" not in name
        for number in range(len(list(sites_of(ast.parse(text)))))
    ]
    count = min(EACH or len(sites), len(sites))
    for n in range(count):
        for name, number in sites[n * len(sites) // count : (n + 1) * len(sites) // count]:
            made = mutant(files[name], number)
            if made is not None:
                yield {**files, name: made}
                break


def encoded(text: str) -> bytes:
    """A row's text as the bytes of its file, whose byte order mark and coding line Python's parser understands."""
    return text.encode("utf-8", "surrogateescape")


def tells(result: dict[str, str]) -> bool:
    """Whether a version worked: code that is not imported, or does not end, has no result that could be stale."""
    return bool(result) and not any(
        text.startswith(("import:", "the process ended")) for text in result.values()
    )


def digest_of(folder) -> str:
    """The stage's fingerprint, or the error that is told in its place."""
    try:
        return folder.fingerprint().digest
    except CodeError as error:
        return str(error)


@pytest.fixture(scope="session")
def ask():
    """Plain Python, warm for a whole session."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
    environment["PYTHONPATH"] = str(HERE.parent / "corpus")
    command = [sys.executable, str(HERE / "plain.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:

        def ask(versions: list[dict[str, str]], arguments: tuple[str, ...]) -> list[dict[str, str]]:
            process.stdin.write(json.dumps({"versions": versions, "arguments": arguments}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask


@pytest.mark.timeout(3600)
def test_a_mutant_that_gives_another_result_has_another_fingerprint(rows, folder, ask, capsys):
    made = differing = 0
    stale: list[str] = []
    projects = {json.dumps(row.before): row for row in rows if "stages.py" in row.before}
    light_first = sorted(projects, key=lambda text: any(name in text for name in HEAVY))
    for number, row in enumerate(projects[text] for text in light_first):
        folder.root = folder.root.with_name(f"project{number}")
        plain = {
            name: ast.unparse(ast.parse(encoded(text))) + "\n" if name.endswith(".py") else text
            for name, text in row.before.items()
        }
        versions = [*versions_of(plain)]
        original, again, *results = ask(
            [plain, plain, *versions], (row.argument or ARGUMENTS[0], ARGUMENTS[1])
        )
        if original != again or not tells(original):
            continue
        folder.write(plain)
        digest = digest_of(folder)
        for version, result in zip(versions, results, strict=True):
            made += 1
            if not tells(result) or result == original:
                continue
            differing += 1
            folder.write(version)
            if digest_of(folder) == digest:
                name = next(name for name in plain if plain[name] != version[name])
                stale.append(
                    f"{row}\n{plain[name]}\nbecame, in {name},\n{version[name]}\n{original} {result}"
                )
        folder.write(plain)
    with capsys.disabled():
        print(
            f"\n{made} mutants of {len(projects)} projects, {differing} give another result, {len(stale)} stale"
        )
    assert differing > made // 4
    assert not stale, "\n\n".join(stale[:20])
