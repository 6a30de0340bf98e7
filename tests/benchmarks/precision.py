"""How much of a library a stage reaches that calls one of its functions, the library taken as a project's own code.

    python tests/benchmarks/precision.py [--functions N] [PACKAGE ...]     (`make precision`)

A definition is a function, a class or a value at the top level of a module. *Whole* ones count with their bodies, of
*headers* only decorators, name and defaults do, unless the body is seen to run. Where Pivot does not see what runs
(Python 3.11), those bodies count too: *all*.
"""

import argparse
import ast
import importlib.util
import shutil
import statistics
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.fingerprint import Beside, Fingerprint
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

PACKAGES = ("networkx", "jinja2", "click")
KINDS = ("func", "class", "value")


@dataclass(frozen=True)
class Measured:
    """What stages reach that call one function each.

    Attributes:
        definitions: of the whole library.
        whole: of each stage, how many of them count with their bodies.
        headers: how many count with their headers alone.
        everything: how many count with their bodies where nothing tells which of them run.
    """

    package: str
    definitions: int
    whole: tuple[int, ...]
    headers: tuple[int, ...]
    everything: tuple[int, ...]


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", default=PACKAGES, help="installed packages of pure Python")
    parser.add_argument("--functions", type=int, default=40, help="how many of each, spread over its modules")
    chosen = parser.parse_args()
    print("\n".join(heading()))
    for package in chosen.packages:
        print(row(measure(package, chosen.functions)), flush=True)


def measure(package: str, functions: int) -> Measured:
    """What is reached by each of some public functions of an installed package, spread evenly over its modules."""
    with tempfile.TemporaryDirectory(prefix="pivot-precision-") as temporary:
        root = Path(temporary)
        copy(package, root)
        public = list(public_functions(root / package))
        count = min(functions, len(public))
        stages = {}
        for number in range(count):
            module, name = public[number * len(public) // count]
            stage = f"stage_{number}"
            text = f"from {module} import {name}\n\n\ndef run(*given):\n    return {name}(*given)\n"
            (root / f"{stage}.py").write_text(text, encoding="utf-8")
            stages[stage] = ObjectRef(stage, "run")
        search = [sysconfig.get_paths()["purelib"]]
        fingerprinter = Fingerprinter(Sources(str(root), [ProjectPath(".")], search=search))
        static = [fingerprinter.stage(function) for function in stages.values()]
        everything = [
            fingerprinter.stage(function, Beside(ran=found.weak))
            for function, found in zip(stages.values(), static, strict=True)
        ]
        return Measured(
            package,
            definitions_of(root / package),
            tuple(reached(each, package) for each in static),
            tuple(reached(each, package, headers=True) for each in static),
            tuple(reached(each, package) for each in everything),
        )


def copy(package: str, root: Path) -> None:
    """Copies an installed package, without its tests, into a project folder."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None, f"{package} has no file"
    left_out = shutil.ignore_patterns("tests", "__pycache__", "*.pyi")
    shutil.copytree(Path(spec.origin).parent, root / package, ignore=left_out)


def public_functions(folder: Path) -> Iterator[tuple[str, str]]:
    """The module and the name of each public function at the top level of a public module."""
    for path in sorted(folder.rglob("*.py")):
        words = path.relative_to(folder.parent).with_suffix("").parts
        if any(word.startswith("_") for word in words):
            continue
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_"):
                yield ".".join(words), statement.name


def definitions_of(folder: Path) -> int:
    """How many functions, classes and assignments stand at the top level of a library's modules."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py"))
    return sum(isinstance(statement, kinds) for tree in trees for statement in tree.body)


def reached(found: Fingerprint, package: str, *, headers: bool = False) -> int:
    """How many definitions of the package a fingerprint counts: with their bodies, or their headers alone."""
    places = {
        (part.key, part.place)
        for part in found.parts
        if part.kind in KINDS
        and (part.detail == "header") == headers
        and part.place is not None
        and part.place.file.startswith(f"{package}/")
    }
    return len(places)


def heading() -> list[str]:
    """The head of the table."""
    return [
        "| library as project code | definitions | functions | whole: median | max | headers: median | all: median |",
        "|---|" + "---:|" * 6,
    ]


def row(found: Measured) -> str:
    """One row: counts, and their share of the library."""
    median = statistics.median
    counts = (median(found.whole), max(found.whole), median(found.headers), median(found.everything))
    cells = [found.package, f"{found.definitions:,}", str(len(found.whole))]
    cells += [f"{count:,.0f} ({count / found.definitions:.1%})" for count in counts]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
