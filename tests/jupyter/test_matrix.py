"""A matrix at the head of a cell: a stage of each value, and the same stages again after export."""

import pytest

from pivot.project import Project

PARAMS = "class TrainParams(pivot.StageParams):\n    depth: int = 2\n    mark: str = '${HOME}'"
TRAIN = """%%pivot_stage --matrix "model={small: , big: {params: {depth: 9}}}" --matrix data=poem,song \
--dep text=${data}.txt --out model=models/${model}_${data}.json
def train(text: Annotated[str, pivot.Dep("poem.txt")], params: TrainParams, variant: dict) -> Annotated[dict, pivot.Out("m.json")]:
    return {**variant, "depth": params.depth, "words": len(text.split()), "suffix": SUFFIX}
"""
COMPARE = """%%pivot_stage
def compare(models: Annotated[list[dict], pivot.Dep(["models/small_poem.json", "models/big_song.json"])]) -> Annotated[dict, pivot.Metric("words.json")]:
    return {m["model"]: [m["words"], m["depth"]] for m in models}
"""
VARIANTS = ["train@small_poem", "train@small_song", "train@big_poem", "train@big_song"]


@pytest.fixture
def texts(ready, kernel_place):
    """A session with its params, in a folder with two texts."""
    (kernel_place / "poem.txt").write_text("to be or not to be")
    (kernel_place / "song.txt").write_text("let it be")
    assert ready(PARAMS) == ""
    return ready


def ran(told):
    return [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")]


def test_a_stage_of_each_combination_runs_and_is_loaded_by_its_name(texts, shell):
    told = texts(COMPARE, TRAIN)
    assert "train@big_song: song.txt → models/big_song.json  ◐ will run" in told
    assert sorted(ran(texts("%pivot run"))) == sorted([*VARIANTS, "compare"])
    assert shell.run_cell("%pivot load compare").result == {"small": [6, 2], "big": [3, 9]}
    assert shell.run_cell("%pivot load train@big_song").result["data"] == "song"
    assert "0 of 2 stages will run" in texts("%pivot status train@*_song")
    assert "say which: train@small_poem, train@small_song" in texts("%pivot load train")
    assert "say which" in texts("%pivot log train")
    assert texts("%pivot log train@big_song") == ""
    assert "def train(" in texts("%pivot code train@big_song")
    assert texts("%pivot code train") == texts("%pivot code train@small_poem")


def test_params_yaml_says_what_belongs_to_one_variant_and_to_all(texts, shell, kernel_place):
    (kernel_place / "params.yaml").write_text("train: {depth: 3}\ntrain@big_song: {depth: 12}\n")
    texts(TRAIN, "%pivot run")
    depths = [shell.run_cell(f"%pivot load {name}").result["depth"] for name in VARIANTS]
    assert depths == [3, 3, 3, 12]


def test_the_exported_file_makes_the_same_stages_and_runs_nothing(texts, shell, kernel_place):
    from pivot_jupyter.extension import _HANDLE

    texts(TRAIN, COMPARE, "%pivot run", "%pivot export")
    here = {stage.name: stage for stage in getattr(shell, _HANDLE).session.define().stages}
    with Project(str(kernel_place)) as project:
        there = {stage.name: stage for stage in project.stages()}
        assert {d.verdict.value for d in project.status()} == {"unchanged"}
    assert list(there) == [*VARIANTS, "compare"]
    for name, stage in there.items():
        own = here[name]
        assert (stage.deps, stage.outs, stage.params, stage.variant) == (
            own.deps,
            own.outs,
            own.params,
            own.variant,
        )
    text = (kernel_place / "pivot.yaml").read_text()
    assert "model: models/${model}_${data}.json" in text
    assert texts("%pivot export", "%pivot export --check") == ""
    texts("%pivot forget train@big_poem", "%pivot export")
    assert "train" not in (kernel_place / "pivot.yaml").read_text()


def test_a_text_that_looks_like_a_placeholder_survives_export(texts, kernel_place):
    texts(
        '%%pivot_stage\ndef tell(params: TrainParams) -> Annotated[str, pivot.Out("a${b}.txt")]:\n'
        "    return params.mark",
        "%pivot run",
        "%pivot export",
    )
    assert (kernel_place / "a${b}.txt").read_text() == "${HOME}"
    with Project(str(kernel_place)) as project:
        assert [d.verdict.value for d in project.status()] == ["unchanged"]


def test_options_of_a_matrix_are_explained_where_they_are_wrong(texts):
    def told(old, new):
        return texts(TRAIN.replace(old, new))

    assert "${dota} has no value (Cell In[" in told("${data}.txt", "${dota}.txt")
    assert "both write 'models/small.json': ${data} is missing in the path" in told("_${data}.json", ".json")
    assert "unknown key 'parms' (Cell In[" in told("params:", "parms:")
    assert "dimension 'data' has 'poem' twice" in told("poem,song", "poem,poem")
    assert "--matrix data is given twice: keep one" in told("--dep", "--matrix data=x --dep")
    assert "write --matrix name=value" in told("data=poem,song", "data")


def test_a_variant_made_by_hand_and_a_template_have_the_names_that_were_given(texts):
    one = TRAIN.split("\n", 1)[1]
    texts(
        "%%pivot_stage --name train@one --out model=1.json\n" + one.replace("variant: dict", "n: None = None")
        .replace("**variant, ", ""),
        "%%pivot_stage --name train@two --out model=2.json\n" + one.replace("variant: dict", "n: None = None")
        .replace("**variant, ", ""),
    )  # fmt: skip
    told = texts(TRAIN.replace("--dep", "--name fit@{data}-{model} --dep").replace("def train", "def fit"))
    assert "fit@poem-small: poem.txt → models/small_poem.json" in told
    names = [line.split()[0] for line in texts("%pivot list").splitlines()]
    fits = ["fit@poem-small", "fit@song-small", "fit@poem-big", "fit@song-big"]
    assert names == ["train@one", "train@two", *fits]
