"""``pivot metrics`` and ``pivot params``: what a side has, and what differs between two."""

import json

import pytest

pytestmark = pytest.mark.called


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_metrics_are_shown_one_by_one(experiment):
    experiment.pivot("repro")
    assert rows(experiment.pivot("metrics", "show").out) == [
        ["file", "metric", "value"],
        ["eval.json", "scores.f1", "0.5"],
        ["eval.json", "scores.n", "12345"],
        ["eval.json", "lost", "NaN"],
        ["eval.json", "note", "ok"],
    ]
    data = json.loads(experiment.pivot("metrics", "show", "--json").out)
    assert data == {
        "side": "the workspace",
        "metrics": {"eval.json": {"scores": {"f1": 0.5, "n": 12345}, "lost": "NaN", "note": "ok"}},
    }


def test_params_are_shown_as_they_are_now(experiment):
    experiment.write("params.yaml", "train: {lr: 0.125}\n")
    assert rows(experiment.pivot("params", "show").out) == [
        ["stage", "param", "value"],
        ["train", "layers[0]", "64"],
        ["train", "layers[1]", "32"],
        ["train", "lr", "0.125"],
    ]


def test_metrics_and_params_are_compared_with_head(committed):
    assert rows(committed.pivot("metrics", "diff").out) == [
        ["file", "metric", "HEAD", "workspace", "change"],
        ["eval.json", "scores.f1", "0.5", "0.25", "-0.25"],
    ]
    assert rows(committed.pivot("params", "diff").out) == [
        ["stage", "param", "HEAD", "workspace", "change"],
        ["train", "lr", "0.5", "0.25", "-0.25"],
    ]
    assert len(rows(committed.pivot("metrics", "diff", "--all").out)) == 5
    committed.commit()
    result = committed.pivot("metrics", "diff")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("no metric differs between HEAD (")
    assert rows(committed.pivot("metrics", "diff", "HEAD~1", "HEAD").out)[1][2:4] == ["0.5", "0.25"]


def test_runs_are_compared_with_each_other_and_with_git(committed):
    for words in (["-2", "-1"], ["-2", "last"], ["-2"], ["HEAD", "last"]):
        found = rows(committed.pivot("metrics", "diff", *words).out)
        assert found[1] == ["eval.json", "scores.f1", "0.5", "0.25", "-0.25"], words
    assert rows(committed.pivot("params", "diff", "last", "-2").out)[1][2:] == ["0.25", "0.5", "+0.25"]
    assert rows(committed.pivot("metrics", "show", "-2").out)[1][2] == "0.5"
    assert rows(committed.pivot("metrics", "show", "HEAD").out)[1][2] == "0.5"


def test_a_comparison_is_there_for_programs_and_pages(committed):
    data = json.loads(committed.pivot("metrics", "diff", "--json").out)
    assert data["old"].startswith("HEAD (")
    assert data["metrics"] == [
        {"file": "eval.json", "key": "scores.f1", "old": 0.5, "new": 0.25, "change": -0.25}
    ]
    lines = committed.pivot("metrics", "diff", "--md").out.splitlines()
    assert lines == [
        "| file | metric | HEAD | workspace | change |",
        "| --- | --- | ---: | ---: | ---: |",
        "| eval.json | scores.f1 | 0.5 | 0.25 | -0.25 |",
    ]


def test_numbers_are_written_as_exactly_as_asked_for(experiment):
    experiment.write("params.yaml", "train: {lr: 0.12345678}\n")
    assert "0.12346" in experiment.pivot("params", "show").out
    assert "0.12345678" in experiment.pivot("params", "show", "--precision", "8").out


def test_a_metric_edited_by_hand_is_seen_and_head_keeps_its_own(committed):
    committed.pivot("repro")
    committed.write("eval.json", '{"scores": {"f1": 0.75}}')
    found = rows(committed.pivot("metrics", "diff").out)
    assert found[1] == ["eval.json", "scores.f1", "0.5", "0.75", "+0.25"]
    assert ["eval.json", "note", "ok"] in found


def test_a_run_keeps_its_numbers_when_the_caches_are_gone(committed):
    for path in committed.path.glob(".pivot/cache/runs/*/*.json"):
        path.unlink()
    (committed.path / "eval.json").unlink()
    assert rows(committed.pivot("metrics", "diff", "-2", "-1").out)[1][2:] == ["0.5", "0.25", "-0.25"]


def test_metrics_that_are_missing_or_broken_are_named_and_the_others_shown(experiment):
    experiment.pivot("repro")
    (experiment.path / "eval.json").unlink()
    result = experiment.pivot("metrics", "show")
    assert (result.code, result.out) == (0, "")
    assert result.err == "eval.json is not there (the workspace)\n"
    experiment.write("eval.json", "{")
    assert (
        "eval.json cannot be read (the workspace): it is not valid JSON"
        in experiment.pivot("metrics", "show").err
    )


def test_other_kinds_of_metrics_are_read_and_a_renamed_stage_is_no_change_of_its_numbers(experiment):
    text = (experiment.path / "stages.py").read_text()
    more = """
def rates(model: Annotated[dict, pivot.Dep("model.json", JSON())]
          ) -> Annotated[dict, pivot.Metric("rates.yaml", YAML())]:
    return {"by": [0.5, {"deep": True}]}

def total(model: Annotated[dict, pivot.Dep("model.json", JSON())]
          ) -> Annotated[float, pivot.Metric("total.json")]:
    return 7.5

def rows(model: Annotated[dict, pivot.Dep("model.json", JSON())]
         ) -> Annotated[object, pivot.Metric("rows.csv", CSV())]:
    import pandas
    return pandas.DataFrame({"name": ["a", "b"], "f1": [0.5, None]})
"""
    experiment.write("stages.py", text + more)
    yaml = (experiment.path / "pivot.yaml").read_text()
    extra = "".join(f"  {name}:\n    python: stages.{name}\n" for name in ("rates", "total", "rows"))
    experiment.write("pivot.yaml", yaml + extra)
    experiment.pivot("repro")
    experiment.commit()
    shown = rows(experiment.pivot("metrics", "show", "-s", "r*", "-s", "total").out)
    assert shown[1:] == [
        ["rates.yaml", "by[0]", "0.5"],
        ["rates.yaml", "by[1].deep", "true"],
        ["total.json", "7.5"],
        ["rows.csv", "[0].name", "a"],
        ["rows.csv", "[0].f1", "0.5"],
        ["rows.csv", "[1].name", "b"],
        ["rows.csv", "[1].f1", "null"],
    ]
    experiment.write(
        "pivot.yaml",
        (yaml + extra).replace("  total:", "  sum:").replace("  rates:\n    python: stages.rates\n", ""),
    )
    experiment.pivot("repro")
    assert rows(experiment.pivot("metrics", "diff").out) == [
        ["file", "metric", "HEAD", "workspace"],
        ["rates.yaml", "by[0]", "0.5"],
        ["rates.yaml", "by[1].deep", "true"],
    ]


def test_a_run_of_some_stages_says_nothing_of_the_others(committed):
    committed.write("params.yaml", "train: {lr: 0.1}\n")
    committed.pivot("repro", "train")
    result = committed.pivot("metrics", "diff", "-2", "last")
    assert result.out.startswith("no metric differs")
    assert "left out" in result.err
    assert result.err.rstrip().endswith("has no result of them: evaluate")
    assert json.loads(committed.pivot("params", "diff", "-2", "last", "--json").out)["left_out"] == [
        "evaluate"
    ]


def test_without_git_runs_are_compared_all_the_same(experiment):
    experiment.pivot("repro")
    experiment.environment["GIT_CEILING_DIRECTORIES"] = str(experiment.path.parent)
    for command in (["metrics", "diff"], ["params", "diff"], ["plots", "diff"], ["diff"]):
        result = experiment.pivot(*command)
        assert (result.code, result.out) == (2, ""), command
        assert "is in no git repository, so there is no HEAD" in result.err
        assert "hint: compare runs instead: pivot history" in result.err
    assert experiment.pivot("metrics", "diff", "last").out.startswith("no metric differs")
    experiment.git("init", "-q")
    assert "has no commit yet" in experiment.pivot("metrics", "diff").err
    experiment.environment["PATH"] = str(experiment.path)
    assert "git is not installed" in experiment.pivot("metrics", "diff").err
    assert experiment.pivot("metrics", "diff", "last").code == 0
    assert "neither a run nor a revision" in experiment.pivot("metrics", "diff", "main").err


def test_a_revision_without_lock_files_says_so(experiment):
    experiment.commit()
    experiment.pivot("repro")
    result = experiment.pivot("metrics", "diff")
    assert "HEAD holds no lock file" in result.err
    assert len(rows(result.out)) == 5


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["diff", "nonsense"], "'nonsense' is neither a run nor a revision that git knows"),
        (["diff", "-9"], "there is no run '-9'"),
        (["diff", "last", "-s", "evalute"], "there is no stage 'evalute'"),
        (["show", "--jsno"], "--jsno"),
        (["dif"], "dif"),
    ],
)
def test_wrong_words_are_explained(committed, words, error):
    result = committed.pivot("metrics", *words)
    assert result.code == 2
    assert error in result.err
