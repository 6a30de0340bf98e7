"""Several pipeline files in one project: what they take from each other, and what their stages are called."""

import pytest

from pivot.define.discover import definition
from pivot.paths import relative_to_root

PREPARE = """\
from typing import Annotated
from pivot import Dep, Out


def fetch() -> Annotated[str, Out("raw.txt")]: ...


def clean(raw: Annotated[str, Dep("raw.txt")]) -> Annotated[str, Out("data/clean.txt")]: ...


def other() -> Annotated[str, Out("other.txt")]: ...
"""
TRAIN = """\
from typing import Annotated
from pivot import Dep, Out, StageParams


class P(StageParams):
    rate: float = 1


def train(data: Annotated[str, Dep("../prepare/data/clean.txt")], params: P) -> Annotated[str, Out("model.txt")]: ...
"""
YAML = "stages:\n  fetch: {python: stages.fetch}\n  clean: {python: stages.clean}\n  other: {python: stages.other}\n"


@pytest.fixture
def two(project):
    """``train/pivot.yaml`` reads what ``prepare/pivot.yaml`` writes; both have a module ``stages``."""
    project.write("prepare/stages.py", PREPARE)
    project.write("prepare/pivot.yaml", YAML)
    project.write("train/stages.py", TRAIN)
    project.write("train/pivot.yaml", "stages:\n  train: {python: stages.train}\n")
    return project


def names(stages):
    return [stage.name for stage in stages]


def errors(project, file):
    return "\n".join(project.errors(file))


def test_what_a_file_reads_is_made_by_the_file_in_whose_folder_it_lies(two):
    found = two.stages("train/pivot.yaml")
    assert names(found) == ["train", "prepare:clean", "prepare:fetch"]
    assert [stage.out_paths() for stage in found] == [
        ("train/model.txt",),
        ("prepare/data/clean.txt",),
        ("prepare/raw.txt",),
    ]
    assert {stage.name: stage.roots for stage in found} == {
        "train": ("train", "."),
        "prepare:clean": ("prepare", "."),
        "prepare:fetch": ("prepare", "."),
    }
    assert names(two.stages("prepare/pivot.yaml")) == ["fetch", "clean", "other"]


def test_a_stage_has_one_key_from_wherever_it_is_looked_at(two):
    here = {stage.key: stage for stage in two.stages("prepare/pivot.yaml")}
    there = {stage.key: stage for stage in two.stages("train/pivot.yaml")}
    assert list(here) == ["prepare:fetch", "prepare:clean", "prepare:other"]
    assert list(there) == ["train:train", "prepare:clean", "prepare:fetch"]
    one, other = here["prepare:clean"], there["prepare:clean"]
    assert (one.function, one.deps, one.outs, one.folder) == (
        other.function,
        other.deps,
        other.outs,
        other.folder,
    )


def test_stages_of_the_root_have_their_bare_name_as_key(two):
    two.write("stages.py", PREPARE.replace('Out("raw.txt")', 'Out("train/raw.txt")'))
    two.write("pivot.yaml", "stages:\n  fetch: {python: stages.fetch}\n")
    two.write("train/more.py", TRAIN.replace("../prepare/data/clean.txt", "raw.txt"))
    two.write("train/pivot.yaml", "stages:\n  train: {python: more.train}\n")
    found = two.stages("train/pivot.yaml")
    assert [(stage.name, stage.key) for stage in found] == [("train", "train:train"), (":fetch", "fetch")]
    assert [(stage.name, stage.key) for stage in two.stages("pivot.yaml")] == [("fetch", "fetch")]


def test_equal_names_in_two_files_are_two_stages(two):
    two.write("train/pivot.yaml", "stages:\n  clean: {python: stages.train}\n")
    found = two.stages("train/pivot.yaml")
    assert [(stage.name, stage.key) for stage in found[:2]] == [
        ("clean", "train:clean"),
        ("prepare:clean", "prepare:clean"),
    ]


def test_params_beside_another_file_are_those_of_its_stages(two):
    two.write("prepare/params.yaml", "nothing: {a: 1}\n")
    assert "params of 'nothing': no such stage (prepare/params.yaml:1)" in errors(two, "train/pivot.yaml")


def test_what_is_wrong_in_a_file_that_is_needed_is_told_and_in_one_that_is_not_is_none_of_ours(two):
    two.write("prepare/pivot.yaml", YAML.replace("stages.other", "stages.othr"))
    assert "no function 'othr' (prepare/pivot.yaml:4)" in errors(two, "train/pivot.yaml")
    two.write("train/stages.py", TRAIN.replace("../prepare/data/clean.txt", "local.txt"))
    assert names(two.stages("train/pivot.yaml")) == ["train"]


def test_two_kinds_of_file_in_a_folder_that_is_needed_are_an_error(two):
    two.write("prepare/pipeline.py", "import pivot\n")
    assert "pivot.yaml and pipeline.py both define stages" in errors(two, "train/pivot.yaml")


@pytest.mark.parametrize(
    "text", ["", "import pandas\npandas.DataFrame().pivot_table()\n", "import pivotal\n"]
)
def test_a_pipeline_py_that_has_nothing_to_do_with_pivot_is_left_alone(two, text):
    two.write("pipeline.py", f"{text}raise SystemExit('another tool')\n")
    two.write("train/stages.py", TRAIN.replace("../prepare/data/clean.txt", "local.txt"))
    assert names(two.stages("train/pivot.yaml")) == ["train"]


def test_a_cycle_through_two_files_is_told(two):
    two.write("prepare/stages.py", PREPARE.replace('Dep("raw.txt")', 'Dep("../train/model.txt")'))
    found = errors(two, "train/pivot.yaml")
    assert "stage 'train' depends on itself" in found
    assert "of 'prepare:clean'" in found


def test_a_folder_is_read_from_all_that_write_into_it(two):
    two.write(
        "train/stages.py",
        TRAIN.replace("../prepare/data/clean.txt", "../prepare/").replace("[str, Dep", "[object, Dep"),
    )
    assert names(two.stages("train/pivot.yaml")) == [
        "train",
        "prepare:fetch",
        "prepare:clean",
        "prepare:other",
    ]


def test_all_files_that_a_definition_rests_on_are_known(two):
    two.write("prepare/pivot.yaml", "vars: v.yaml\n" + YAML)
    two.write("prepare/v.yaml", "a: 1\n")
    found = definition(str(two.root / "train/pivot.yaml"), str(two.root))
    read = {relative_to_root(path, str(two.root)) for path in found.read}
    assert read >= {
        "train/pivot.yaml",
        "train/params.yaml",
        "train/stages.py",
        "prepare/pivot.yaml",
        "prepare/params.yaml",
        "prepare/stages.py",
        "prepare/v.yaml",
        "prepare/data/pivot.yaml",
        "prepare/data/pipeline.py",
        "pivot.yaml",
    }
    assert {relative_to_root(path, str(two.root)) for path in found.roots} == {"train", "prepare", "."}


INCLUDES = ["prepare", "prepare/", "./prepare", "prepare/pivot.yaml"]


@pytest.mark.parametrize("path", INCLUDES)
def test_an_included_file_gives_all_its_stages(two, path):
    two.write("pivot.yaml", f"include: {path}\nstages:\n")
    assert names(two.stages()) == ["prepare:fetch", "prepare:clean", "prepare:other"]


def test_files_include_each_other(two):
    two.write("pivot.yaml", "include: [train]\nstages:\n")
    two.write("train/pivot.yaml", "include: [../prepare, ..]\nstages:\n  train: {python: stages.train}\n")
    assert names(two.stages()) == ["train:train", "prepare:fetch", "prepare:clean", "prepare:other"]
    assert names(two.stages("train/pivot.yaml")) == [
        "train",
        "prepare:fetch",
        "prepare:clean",
        "prepare:other",
    ]


def test_an_included_file_is_where_outputs_outside_of_its_folder_are_found(two):
    two.write("prepare/pivot.yaml", "stages:\n  fetch: {python: stages.fetch, outs: {o: ../data/raw.txt}}\n")
    two.write("train/stages.py", TRAIN.replace("../prepare/data/clean.txt", "../data/raw.txt"))
    assert names(two.stages("train/pivot.yaml")) == ["train"]
    two.write("train/pivot.yaml", "include: ../prepare\nstages:\n  train: {python: stages.train}\n")
    assert names(two.stages("train/pivot.yaml")) == ["train", "prepare:fetch"]


WRONG_INCLUDES = {
    "nowhere": "include: 'nowhere' is no pipeline file, nor a folder with one (pivot.yaml:1)",
    "prepare/stages.py": "include: 'prepare/stages.py' is no pipeline file",
    "../outside": "include: path '../outside' leaves the project (pivot.yaml:1)",
    ".": "include: '.' is this file itself (pivot.yaml:1)",
    "pivot.yaml": "include: 'pivot.yaml' is this file itself",
    "3": "include must be a path or a list of paths, not 3 (pivot.yaml:1)",
}


@pytest.mark.parametrize("path", WRONG_INCLUDES)
def test_a_wrong_include_is_told_with_its_line(two, path):
    two.write("pivot.yaml", f"include: {path}\nstages:\n")
    assert WRONG_INCLUDES[path] in errors(two, "pivot.yaml")


PIPELINE = """\
from pivot import Pipeline
from prepare.stages import clean, fetch, other

pipeline = Pipeline("prepare")
pipeline.register(fetch)
pipeline.register(clean)
spare = Pipeline("spare")
spare.register(other)
"""


@pytest.fixture
def python(two):
    """``prepare/pipeline.py`` and a ``pipeline.py`` at the root that includes it."""
    (two.root / "prepare/pivot.yaml").unlink()
    two.write("prepare/pipeline.py", PIPELINE)
    two.write(
        "pipeline.py",
        """\
        from pivot import Pipeline
        from prepare.pipeline import pipeline as prepare
        from train.stages import train

        pipeline = Pipeline("all")
        pipeline.include(prepare)
        pipeline.register(
            train,
            dep_path_overrides={"data": "prepare/data/clean.txt"},
            out_path_overrides={"m": "model.txt"},
        )
        """,
    )
    return two


def test_an_included_pipeline_keeps_its_paths_and_its_keys(python):
    found = python.stages("pipeline.py")
    assert [(stage.name, stage.out_paths()) for stage in found] == [
        ("train", ("model.txt",)),
        ("prepare:fetch", ("prepare/raw.txt",)),
        ("prepare:clean", ("prepare/data/clean.txt",)),
    ]
    own = {stage.key: stage for stage in python.stages("prepare/pipeline.py")}
    assert all(own[stage.key].function == stage.function for stage in found if stage.key in own)
    assert list(own) == ["prepare:fetch", "prepare:clean", "prepare:other"]


def test_a_pipeline_made_in_a_module_belongs_to_the_file_that_uses_it(python):
    python.write("parts.py", PIPELINE.replace("spare.register(other)", ""))
    python.write(
        "pipeline.py",
        "from pivot import Pipeline\nfrom parts import pipeline as p\nmine = Pipeline('m')\nmine.include(p)\n",
    )
    assert [(s.name, s.out_paths()) for s in python.stages("pipeline.py")] == [
        ("fetch", ("raw.txt",)),
        ("clean", ("data/clean.txt",)),
    ]


def test_equal_names_in_one_file_are_an_error(python):
    python.write(
        "pipeline.py",
        """\
        from pivot import Pipeline
        from prepare.stages import fetch
        one, two = Pipeline("one"), Pipeline("two")
        one.register(fetch)
        two.register(fetch, out_path_overrides={"o": "more.txt"})
        one.include(two)
        """,
    )
    assert "stage 'fetch' is defined twice: at pipeline.py:4 and at pipeline.py:5" in errors(
        python, "pipeline.py"
    )


def test_a_stage_that_is_registered_twice_is_an_error(python):
    python.write(
        "pipeline.py",
        "from pivot import Pipeline\nfrom prepare.stages import fetch\np = Pipeline('p')\n"
        "for _ in range(2):\n    p.register(fetch)\n",
    )
    assert "stage 'fetch' is defined twice: at pipeline.py:5 and at pipeline.py:5" in errors(
        python, "pipeline.py"
    )


def test_only_a_pipeline_can_be_included(python):
    python.write(
        "pipeline.py", "from pivot import Pipeline\nimport prepare.pipeline as p\nPipeline('x').include(p)\n"
    )
    assert "include takes a Pipeline, not <module" in errors(python, "pipeline.py")
    assert "(pipeline.py:3)" in errors(python, "pipeline.py")
