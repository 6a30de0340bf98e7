"""Fingerprints are equal in every process, under every hash seed, in every folder and on every CPython >= 3.11.

Other interpreters need nothing installed: there, and in the run they are compared with, a module called ``xxhash``
that hashes with blake2b stands in. Equal digests then say that the same bytes were hashed.
"""

import glob
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "hashing" / "hashes.py"
GOLDEN = Path(__file__).parent / "hashing" / "golden.json"
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
MODULE = "quickstart_stages"
STAGES = ("clean", "features", "train_forest", "train_logistic", "evaluate")
STAND_IN = """
import hashlib
def xxh3_128(data=b""): return hashlib.blake2b(data, digest_size=16)
def xxh3_128_hexdigest(data): return xxh3_128(data).hexdigest()
"""
GOLDEN_ROWS = (
    "classes: a base class",
    "classes: an enum member",
    "functions: a decorator of a helper",
    "functions: two functions that call each other",
    "hidden: a comprehension in a class body reads a global",
    "modules: a re-export through a package",
    "modules: modules that import each other",
    "state: an alias of an alias in another module",
    "values: a registering decorator",
    "values: a constant that only a query names",
)
"""Rows without libraries, whose digests are kept: a change of these re-runs every stage of every user."""


def other_interpreters() -> list[str]:
    """One CPython >= 3.11 of each minor version but this one's, wherever this machine keeps them."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *sorted(glob.glob(f"{pyenv}/versions/*/bin"))]
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "python3.*"))):
            name = re.fullmatch(r"python(3\.(\d+))", os.path.basename(path))
            if (
                name
                and int(name[2]) >= 11
                and int(name[2]) != sys.version_info.minor
                and _starts(path, name[1])
            ):
                found.setdefault(name[1], path)
    return [found[version] for version in sorted(found)]


def _starts(path: str, version: str) -> bool:
    code = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.version_info[3])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.split() == ["cpython", version, "final"]


@pytest.fixture(scope="module")
def question(rows, tmp_path_factory) -> dict:
    """Every row's project before the edits, the quick start's notebook, and what it exports."""
    everywhere = [row for row in rows if not row.python]
    projects = {str(row): {"files": row.before, "stages": ["stages.train"]} for row in everywhere}
    stages = [f"{MODULE}.{stage}" for stage in STAGES]
    projects["the export"] = {"files": _exported(tmp_path_factory.mktemp("export")), "stages": stages}
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    texts = [text for text in texts if not text.startswith("%") or text.startswith("%%pivot_stage")]
    notebook = {"cells": texts, "module": MODULE, "stages": list(STAGES)}
    return {"projects": projects, "notebooks": {"the notebook": notebook}, "search": [_libraries()]}


@pytest.fixture(scope="module")
def here(question, tmp_path_factory) -> dict[str, str]:
    """What this interpreter says, with the real hash."""
    return ask(question, tmp_path_factory.mktemp("here"))


def _libraries() -> str:
    return sysconfig.get_paths()["purelib"]


def _exported(folder: Path) -> dict[str, str]:
    """The modules that ``pivot notebook export`` writes for the quick start."""
    copy = folder / NOTEBOOK.name
    copy.write_bytes(NOTEBOOK.read_bytes())
    command = [sys.executable, "-m", "pivot", "notebook", "export", str(copy), "--module", MODULE]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}


def ask(
    question: dict, folder: Path, *, python: str = sys.executable, seed: str = "0", stand_in: bool = False
):
    """What an interpreter says in a new process: ``name stage`` → digest."""
    own = folder / "stand_in"
    own.mkdir(parents=True)
    if stand_in:
        (own / "xxhash.py").write_text(STAND_IN, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{own}{os.pathsep}{ROOT}", "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [python, "-B", str(PROGRAM), str(folder / "projects")],
        input=json.dumps(question),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The stages whose digests are not equal."""
    return sorted(name for name in one | other if one.get(name) != other.get(name))


def test_every_stage_has_a_digest(here, rows):
    read_by_all = [row for row in rows if not row.python]
    assert len(here) == len(read_by_all) + 2 * len(STAGES)
    assert [name for name, digest in here.items() if not re.fullmatch("[0-9a-f]{32}", digest)] == []


@pytest.mark.parametrize("seed", ["1", "random"])
def test_other_processes_hash_seeds_and_folders_give_equal_hashes(here, question, tmp_path, seed):
    assert differing(here, ask(question, tmp_path / "far" / "away", seed=seed)) == []


def test_other_python_versions_give_equal_hashes(question, tmp_path):
    others = other_interpreters()
    if not others:
        pytest.skip("there is no other CPython >= 3.11 on this machine")
    own = ask(question, tmp_path / "own", stand_in=True)
    for number, python in enumerate(others):
        there = ask(question, tmp_path / str(number), python=python, stand_in=True)
        assert differing(own, there) == [], python


def test_the_quick_start_has_equal_hashes_in_the_notebook_and_in_its_export(here):
    for stage in STAGES:
        assert here[f"the notebook {MODULE}.{stage}"] == here[f"the export {MODULE}.{stage}"]


def test_the_hash_itself_is_what_it_was(here):
    """If the hash was changed on purpose, copy what this test prints into ``golden.json``: all stages run again."""
    found = {name: here[f"{name} stages.train"] for name in GOLDEN_ROWS}
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert found == kept, json.dumps(found, indent=2)
