"""What CI can check without the data: ``--allow-missing``."""

import shutil

import pytest

pytestmark = pytest.mark.called

STAGES = """
from typing import Annotated
import pivot
from pivot.loaders import JSON, Text

def split(data: Annotated[str, pivot.Dep("data.txt", Text())]) -> Annotated[dict, pivot.DirectoryOut("words/", Text())]:
    return {f"{word}.txt": word for word in data.split()}

def count(words: Annotated[dict, pivot.Dep("words/", Text())]) -> Annotated[int, pivot.Metric("count.json", JSON())]:
    return len(words)

def first(word: Annotated[str, pivot.Dep("words/a.txt", Text())]) -> Annotated[str, pivot.Out("first.txt", Text(), cache=False)]:
    return word
"""
YAML = "stages:\n" + "".join(
    f"  {name}:\n    python: stages.{name}\n" for name in ("split", "count", "first")
)


@pytest.fixture
def clone(shell):
    """What git brings to CI: code and lock files, neither data nor cache nor outputs."""
    shell.write("stages.py", STAGES)
    shell.write("pivot.yaml", YAML)
    shell.write("data.txt", "a b c")
    done = shell.pivot("repro")
    assert done.code == 0, done
    for name in ("data.txt", "first.txt", "count.json"):
        (shell.path / name).unlink()
    shutil.rmtree(shell.path / "words")
    for name in ("cache", "runs"):
        shutil.rmtree(shell.path / ".pivot" / name)
    (shell.path / ".pivot/state.db").unlink()
    return shell


@pytest.mark.parametrize("command", [("status", "--check"), ("repro", "--dry-run")])
def test_files_that_are_not_there_count_as_they_were(clone, command):
    done = clone.pivot(*command, "--allow-missing")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "0 of 3 stages will run"
    assert clone.pivot("status", "--check").code == 1
    assert clone.pivot("status", "--check", "count", "--allow-missing").code == 0


def test_edited_code_is_seen_all_the_same(clone):
    clone.write("stages.py", STAGES.replace("return len(words)", "return len(words) + 1"))
    done = clone.pivot("status", "--check", "--allow-missing", "--explain")
    assert done.code == 1
    assert "Stage: count" in done.out
    assert "Stage: split" not in done.out


def test_files_that_are_there_count_as_they_are(clone):
    clone.write("data.txt", "a b")
    done = clone.pivot("status", "--allow-missing")
    assert "Dependency changed: data.txt" in done.out
    assert done.out.splitlines()[-1] == "1 of 3 stages will run, 2 wait"


def test_a_file_that_no_run_has_seen_is_missing(clone):
    (clone.path / ".pivot/stages/split.lock").unlink()
    done = clone.pivot("status", "--check", "--allow-missing")
    assert done.code == 1
    assert "data.txt" in done.out


def test_a_run_needs_the_files(clone):
    done = clone.pivot("repro", "--allow-missing")
    assert done.code == 2
    assert "--allow-missing needs --dry-run" in done.err
