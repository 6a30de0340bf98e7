"""Random programs and random edits against the truth: what plain Python returns before and after.

If the results differ, the fingerprints must; if the edit is of a kind that is ignored, they must not.
"""

import ast
import importlib
import inspect
import re
import symtable
import sys
from importlib.machinery import ModuleSpec
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.digest import digest_text
from pivot.model.fingerprint import Beside, ModuleText
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

Program = dict[str, list[str]]
STAGE = ObjectRef("stages", "train")


def edited(program: Program, rng: Random) -> Program:
    """The program after one edit that may mean something else."""
    module = rng.choice([name for name in program if program[name]])
    chunks = list(program[module])
    number = rng.randrange(len(chunks))
    form = rng.randint(0, 9)
    if form == 0 and len(chunks) > 1:
        del chunks[number]
    elif form == 1:
        chunks.insert(rng.randrange(len(chunks)), chunks.pop(number))
    elif form == 2:
        chunks.insert(rng.randrange(len(chunks) + 1), chunks[number])
    else:
        others = sorted(
            {n for name in program if name < module for chunk in program[name] for n in bound_names(chunk)}
        )
        chunks[number] = mutated(chunks, number, others, rng)
    return {**program, module: chunks}


MUTABLE = (ast.Constant, ast.BinOp, ast.Compare, ast.Name, ast.alias, ast.Attribute)


def mutated(chunks: list[str], number: int, others: list[str], rng: Random) -> str:
    """One statement with a constant, an operator or a name changed."""
    tree = ast.parse(chunks[number])
    earlier = sorted({name for chunk in chunks[:number] for name in bound_names(chunk)})
    places = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.BinOp | ast.Compare | ast.Name | ast.If)
    ]
    rng.shuffle(places)
    for node in places:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            node.value += rng.choice([1, 2, 3])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = rng.choice("abc")
        elif isinstance(node, ast.BinOp):
            node.op = rng.choice([ast.Add, ast.Sub, ast.Mult])()
        elif isinstance(node, ast.Compare):
            node.ops = [rng.choice([ast.Lt, ast.Gt, ast.Eq])()]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and earlier:
            node.id = rng.choice([e for e in earlier if e[0] == node.id[0]] or earlier)
        elif isinstance(node, ast.Attribute):
            node.attr = rng.choice([e for e in others if e[0] == node.attr[0]] or [node.attr])
        elif isinstance(node, ast.alias) and "." not in node.name:
            node.asname = node.asname or node.name
            node.name = rng.choice([e for e in others if e[0] == node.name[0]] or [node.name])
        else:
            continue
        if (text := ast.unparse(tree)) != ast.unparse(ast.parse(chunks[number])):
            return text
    return chunks[number]


def bound_names(chunk: str) -> set[str]:
    """The names that a statement binds at module level."""
    table = symtable.symtable(chunk, "<chunk>", "exec")
    return {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }


def commented(program: Program) -> Program:
    return {
        name: [f"# {number}\n{c}  # note" for number, c in enumerate(chunks)]
        for name, chunks in program.items()
    }


def documented(program: Program) -> Program:
    """Classes and methods get docstrings (those of functions count where a function is used as a value)."""

    def with_docstrings(chunk: str) -> str:
        tree = ast.parse(chunk)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in [*classes, *(f for c in classes for f in c.body if isinstance(f, ast.FunctionDef))]:
            node.body.insert(0, ast.Expr(ast.Constant("What it is for.")))
        return ast.unparse(tree)

    return {name: [with_docstrings(chunk) for chunk in chunks] for name, chunks in program.items()}


def reformatted(program: Program) -> Program:
    return {
        name: ["\n" + ast.unparse(ast.parse(chunk)) for chunk in chunks] for name, chunks in program.items()
    }


def with_renamed_locals(program: Program) -> Program:
    """`total` and (where it is no parameter) `t` are only ever names of locals."""
    words = r"\btotal\b|\bt\b"
    return {
        name: [c if "inner(t)" in c else re.sub(words, lambda found: f"new_{found[0]}", c) for c in chunks]
        for name, chunks in program.items()
    }


def reordered(program: Program) -> Program:
    """Neighbouring plain functions change places."""
    after: Program = {}
    for name, chunks in program.items():
        bound = [word for chunk in chunks for word in bound_names(chunk)]
        after[name] = list(chunks)
        for n in range(len(chunks) - 1):
            pair = after[name][n : n + 2]
            plain = [re.match(r"def (\w+)\(x\)", chunk) for chunk in pair]
            if all(each and bound.count(each[1]) == 1 for each in plain):
                after[name][n : n + 2] = reversed(pair)
    return after


IGNORED = [commented, documented, reformatted, with_renamed_locals, reordered]


def texts(program: Program) -> dict[str, str]:
    return {name: "\n".join(chunks) + "\n" for name, chunks in program.items()}


class Finder:
    """Imports modules from texts."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self, is_package=name == "pkg") if name in self.files else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.files[module.__name__], module.__name__, "exec"), vars(module))


def depth() -> int:
    """How many frames the caller is deep."""
    frame, count = sys._getframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def result(files: dict[str, str]) -> str:
    """What the stage returns, or the error it ends with; an import that fails begins with ``import``."""
    finder = Finder(files)
    sys.meta_path.insert(0, finder)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + 250)  # a patched method may call itself for ever
    try:
        try:
            train = importlib.import_module("stages").train
        except Exception as error:
            return f"import {type(error).__name__}"
        try:
            return repr(train())
        except Exception as error:
            return f"raises {type(error).__name__}"
    finally:
        sys.setrecursionlimit(limit)
        sys.meta_path.remove(finder)
        for name in files:
            sys.modules.pop(name, None)


def code_that_runs(files: dict[str, str]) -> list[tuple[str, int]]:
    """Module and first line of each function that runs while the stage is imported and called."""
    found: set[tuple[str, int]] = set()

    def note(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename in files and code.co_flags & inspect.CO_OPTIMIZED:
            found.add((code.co_filename, code.co_firstlineno))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        result(files)
    finally:
        sys.setprofile(before)
    return sorted(found)


def fingerprinter(files: dict[str, str]) -> Fingerprinter:
    overlay = {
        name: ModuleText(name, f"<{name}>", name, text, digest_text(text), name == "pkg")
        for name, text in files.items()
    }
    return Fingerprinter(Sources("/nowhere", [ProjectPath(".")], overlay, search=[]))


def fingerprint(files: dict[str, str]) -> str:
    found = fingerprinter(files)
    return found.stage(STAGE, Beside(ran=found.stage(STAGE).weak)).digest


def sound(program: Program) -> str:
    """What the stage of a program returns; empty if it ends with an error."""
    returned = result(texts(program))
    return returned if returned.startswith("(") else ""


def fingerprint_of(program: Program) -> str:
    return fingerprint(texts(program))


PROFILE = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=60
)
RANDOM = st.integers(0, 2**32).map(Random)


@PROFILE
@given(rng=RANDOM)
def test_an_edit_that_changes_the_result_changes_the_fingerprint(write_program, rng):
    program = write_program(rng)
    returned = sound(program)
    assume(returned)
    before = fingerprint_of(program)
    for _ in range(5):
        after = edited(program, rng)
        if (now := sound(after)) and now != returned:
            assert fingerprint_of(after) != before


@PROFILE
@given(rng=RANDOM)
def test_of_what_is_reached_weakly_the_bodies_that_ran_are_enough(write_program, rng):
    program = write_program(rng)
    returned = sound(program)
    assume(returned)
    before = fingerprinter(texts(program))
    ran = before.beyond(STAGE, code_that_runs(texts(program)))
    for _ in range(5):
        after = edited(program, rng)
        if (now := sound(after)) and now != returned:
            changed = fingerprinter(texts(after)).stage(STAGE, Beside(ran=ran)).digest
            assert changed != before.stage(STAGE, Beside(ran=ran)).digest


@pytest.mark.parametrize("edit", IGNORED, ids=lambda edit: edit.__name__)
@settings(PROFILE, max_examples=15)
@given(rng=RANDOM)
def test_an_edit_that_means_nothing_keeps_the_fingerprint(write_program, edit, rng):
    program = write_program(rng)
    returned = sound(program)
    assume(returned)
    after = edit(program)
    assert sound(after) == returned
    assert fingerprint_of(after) == fingerprint_of(program)


@settings(PROFILE, max_examples=15)
@given(rng=RANDOM)
def test_an_edited_helper_that_nothing_uses_keeps_the_fingerprint(write_program, rng):
    program = write_program(rng)
    assume(sound(program))
    module = rng.choice(sorted(program))
    place = rng.randint(0, len(program[module]))
    found = set()
    for text in ("def unused(x):\n    return x + 1", "def unused(x, y):\n    return missing + 2"):
        chunks = [*program[module][:place], text, *program[module][place:]]
        found.add(fingerprint_of({**program, module: chunks}))
    assert len(found) == 1
