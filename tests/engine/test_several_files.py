"""Runs across several pipeline files, and of variants."""

import json
import textwrap
from pathlib import Path

import pytest

from pivot.project import Project

PREPARE = """
from typing import Annotated
from pivot import Dep, Out


def clean(raw: Annotated[str, Dep("raw.txt")]) -> Annotated[str, Out("clean.txt")]:
    print("cleaning")
    return raw.upper()


def unused(raw: Annotated[str, Dep("raw.txt")]) -> Annotated[str, Out("unused.txt")]:
    return raw
"""
TRAIN = """
from typing import Annotated
from pivot import Dep, Out


def clean(data: Annotated[str, Dep("../prepare/clean.txt")]) -> Annotated[str, Out("model.txt")]:
    return f"model of {data}"
"""
YAML = "stages:\n  clean: {python: stages.clean}\n"


class Root:
    """A project of several folders."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def run(self, folder: str, *targets: str) -> dict[str, str]:
        """Run what a folder defines; how each stage ended."""
        with Project(str(self.path / folder)) as project:
            run = project.repro(targets)
            return {name: str(end.outcome) for name, end in run.stages.items()}

    def outs(self, folder: str) -> list[str]:
        with Project(str(self.path / folder)) as project:
            return [path for stage in project.stages() for path in stage.out_paths()]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """``train`` reads what ``prepare`` writes; both have a module ``stages`` and a stage ``clean``."""
    made = Root(tmp_path)
    (tmp_path / ".git").mkdir()
    made.write("prepare/stages.py", PREPARE)
    made.write("prepare/pivot.yaml", YAML + "  unused: {python: stages.unused}\n")
    made.write("prepare/raw.txt", "rain")
    made.write("train/stages.py", TRAIN)
    made.write("train/pivot.yaml", YAML)
    return made


def test_a_run_builds_what_it_needs_of_another_file_and_nothing_else(root: Root):
    assert root.run("train") == {"prepare:clean": "ran", "clean": "ran"}
    assert root.read("train/model.txt") == "model of RAIN"
    assert not (root.path / "prepare/unused.txt").exists()


def test_a_stage_that_ran_for_one_file_is_done_for_the_other(root: Root):
    root.run("train")
    assert root.run("prepare") == {"clean": "unchanged", "unused": "ran"}
    assert root.run("train") == {"prepare:clean": "unchanged", "clean": "unchanged"}
    root.write("prepare/raw.txt", "snow")
    assert root.run("prepare", "clean") == {"clean": "ran"}
    assert root.run("train") == {"prepare:clean": "unchanged", "clean": "ran"}


def test_equal_names_in_two_files_share_neither_lock_nor_log(root: Root):
    root.run("train")
    locks = root.path / ".pivot/stages"
    assert sorted(path.name for path in locks.iterdir()) == ["prepare%3Aclean.lock", "train%3Aclean.lock"]
    assert [json.loads(path.read_text())["stage"] for path in sorted(locks.iterdir())] == [
        "prepare:clean",
        "train:clean",
    ]
    with Project(str(root.path / "train")) as project:
        assert (project.log("prepare:clean"), project.log("clean")) == ("cleaning\n", "")
        assert project.load("prepare:clean") == "RAIN"
    with Project(str(root.path / "prepare")) as project:
        assert project.log("clean") == "cleaning\n"


def test_environment_that_a_stage_read_is_the_same_seen_from_elsewhere(root: Root, monkeypatch):
    monkeypatch.setenv("FACTOR", "3")
    root.write(
        "prepare/stages.py",
        PREPARE.replace("return raw.upper()", "import os; return raw * int(os.environ['FACTOR'])"),
    )
    root.run("prepare")
    assert root.run("train") == {"prepare:clean": "unchanged", "clean": "ran"}
    monkeypatch.setenv("FACTOR", "2")
    assert root.run("train") == {"prepare:clean": "ran", "clean": "ran"}


CHANGES = {
    "an edited file": (
        "prepare/pivot.yaml",
        YAML.replace("}", ", outs: {o: fresh.txt}}"),
        ["train/model.txt"],
    ),
    "its code": ("prepare/stages.py", PREPARE.replace('"clean.txt"', '"fresh.txt"'), ["train/model.txt"]),
    "a new file nearer by": (
        "data/pivot.yaml",
        "stages:\n  fetch: {python: prepare.stages.clean, deps: {raw: ../prepare/raw.txt}, outs: {o: ../train/x.txt}}\n",
        ["train/model.txt", "prepare/clean.txt"],
    ),
    "a new file above": (
        "pivot.yaml",
        "stages:\n  get: {python: prepare.stages.clean, deps: {raw: x.txt}, outs: {o: prepare/raw.txt}}\n",
        ["train/model.txt", "prepare/clean.txt", "prepare/raw.txt"],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_file_that_others_need_counts_as_soon_as_it_is_saved(root: Root, case: str):
    assert root.run("train") == {"prepare:clean": "ran", "clean": "ran"}
    assert root.outs("train") == ["train/model.txt", "prepare/clean.txt"]
    name, text, outs = CHANGES[case]
    root.write(name, text)
    assert root.outs("train") == outs


def test_a_var_that_is_saved_anew_counts(root: Root):
    root.write(
        "train/pivot.yaml", "vars: v.yaml\nstages:\n  clean: {python: stages.clean, outs: {o: '${n}.txt'}}\n"
    )
    root.write("train/v.yaml", "n: 1\n")
    root.run("train")
    assert root.outs("train")[0] == "train/1.txt"
    root.write("train/v.yaml", "n: 2\n")
    assert root.outs("train")[0] == "train/2.txt"


VARIANTS = """
from typing import Annotated
from pivot import Out


def told(variant) -> Annotated[object, Out("told.json")]:
    return {"variant": variant}


def untold() -> Annotated[str, Out("untold.txt")]:
    return "the same"
"""
MATRIX = """\
stages:
  told:
    python: stages.told
    matrix: {model: [a, b], seed: [1]}
    outs: {o: "${model}.json"}
  single:
    python: stages.told
    matrix: {seed: [SEED]}
    outs: {o: "${seed}.json"}
  untold:
    python: stages.untold
    matrix: {model: [a]}
"""


def test_variants_run_and_are_told_which_they_are(root: Root):
    root.write("v/stages.py", VARIANTS)
    root.write("v/pivot.yaml", MATRIX.replace("SEED", "7"))
    assert root.run("v", "told", "single@*") == {"told@a_1": "ran", "told@b_1": "ran", "single@7": "ran"}
    assert json.loads(root.read("v/a.json")) == {"variant": {"model": "a", "seed": 1}}
    assert json.loads(root.read("v/7.json")) == {"variant": 7}
    assert root.run("v", "*@a", "told@b_*") == {"untold@a": "ran", "told@b_1": "unchanged"}


def test_a_value_of_another_type_runs_the_stage_that_is_told(root: Root):
    root.write("v/stages.py", VARIANTS)
    root.write("v/pivot.yaml", MATRIX.replace("SEED", "7"))
    root.run("v")
    root.write("v/pivot.yaml", MATRIX.replace("SEED", "'7'"))
    assert root.run("v") == {
        "told@a_1": "unchanged",
        "told@b_1": "unchanged",
        "single@7": "ran",
        "untold@a": "unchanged",
    }
    assert json.loads(root.read("v/7.json")) == {"variant": "7"}


def test_both_doors_make_equal_variants(root: Root):
    root.write("v/stages.py", VARIANTS)
    root.write("v/pivot.yaml", MATRIX.replace("SEED", "7"))
    root.run("v")
    (root.path / "v/pivot.yaml").unlink()
    root.write(
        "v/pipeline.py",
        """\
        from pivot import Pipeline
        from stages import told, untold
        pipeline = Pipeline("v")
        for model in ("a", "b"):
            pipeline.register(told, variant={"model": model, "seed": 1}, out_path_overrides={"o": f"{model}.json"})
        pipeline.register(told, name="single", variant=7, out_path_overrides={"o": "7.json"})
        pipeline.register(untold, variant="a")
        """,
    )
    assert set(root.run("v").items()) == {
        (name, "unchanged") for name in ("told@a_1", "told@b_1", "single@7", "untold@a")
    }


def test_a_stage_of_a_folder_is_restored_from_the_run_cache_as_itself(root):
    root.write("pivot.yaml", YAML)
    root.write("stages.py", PREPARE)
    root.write("raw.txt", "snow")
    root.run("")
    own = root.read(".pivot/stages/clean.lock")
    root.run("prepare", "clean")
    for text in (PREPARE.replace("upper", "lower"), PREPARE):
        root.write("prepare/stages.py", text)
        outcomes = root.run("prepare", "clean")
    assert outcomes == {"clean": "restored"}
    assert root.run("prepare", "clean") == {"clean": "unchanged"}
    assert root.read(".pivot/stages/clean.lock") == own
