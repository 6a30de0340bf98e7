"""``pivot history`` and ``pivot show``."""

import json
import re
from datetime import datetime

import pytest

pytestmark = pytest.mark.called


def test_without_a_run_the_history_says_so(experiment):
    result = experiment.pivot("history")
    assert (result.code, result.out[:10]) == (0, "no run yet")
    result = experiment.pivot("show")
    assert result.code == 2
    assert "there is no run in the history yet" in result.err
    assert json.loads(experiment.pivot("history", "--json").out) == {"runs": []}


def test_runs_are_listed_newest_first_with_what_they_did(experiment):
    experiment.pivot("repro")
    experiment.pivot("repro")  # has nothing to do, and is not listed
    experiment.write("params.yaml", "train: {lr: 0.1}\n")
    experiment.pivot("repro", "model.json", "train")
    lines = experiment.pivot("history").out.splitlines()
    assert lines[0].split() == ["run", "when", "took", "stages", "targets"]
    assert len(lines) == 3
    row = re.compile(r"\d{8}-\d{6}\S*  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  +\S+ s  ")
    assert all(row.match(line) for line in lines[1:])
    assert lines[1].endswith("1 ran   model.json train")
    assert lines[2].endswith("2 ran")
    assert len(experiment.pivot("history", "-n", "1").out.splitlines()) == 2


def test_the_history_is_there_for_programs(experiment):
    experiment.pivot("repro", "train")
    (run,) = json.loads(experiment.pivot("history", "--json").out)["runs"]
    assert (run["state"], run["cancelled"], run["counts"], run["targets"]) == (
        "finished",
        False,
        {"ran": 1},
        ["train"],
    )
    assert run["seconds"] > 0
    assert datetime.fromisoformat(run["began"]).tzinfo is not None


def test_a_run_is_shown_with_each_stage_and_its_log(experiment):
    experiment.pivot("repro")
    experiment.write("params.yaml", "train: {lr: 0.1}\n")
    experiment.pivot("repro")
    shown = experiment.pivot("show").out
    assert experiment.pivot("show", "-1").out == experiment.pivot("show", "last").out == shown
    lines = shown.splitlines()
    assert re.match(r"run \d{8}-\d{6}-\d{6}-\w{4}, ", lines[0])
    assert lines[2].startswith("✓ ran ")
    assert lines[2].endswith("train     Parameter changed: lr 0.5 → 0.1")
    assert (experiment.path / lines[3].strip()).read_text() == "training with 0.1\n"
    assert lines[-1] == "2 ran"
    before = experiment.pivot("show", "-2").out
    assert "train     First run" in before
    run = json.loads(experiment.pivot("show", "-2", "--json").out)
    assert experiment.pivot("show", run["id"]).out == before
    assert experiment.pivot("show", run["id"][:-3]).out == before
    assert [end["name"] for end in run["stages"]] == ["train", "evaluate"]


def test_what_a_stage_wrote_in_an_old_run_is_shown(experiment):
    experiment.pivot("repro")
    experiment.write("params.yaml", "train: {lr: 0.1}\n")
    experiment.pivot("repro")
    assert experiment.pivot("show", "-2", "train").out == "training with 0.5\n"
    assert experiment.pivot("show", "last", "train").out == "training with 0.1\n"
    end = json.loads(experiment.pivot("show", "last", "train", "--json").out)
    assert (end["outcome"], end["text"]) == ("ran", "training with 0.1\n")


def test_a_failed_stage_shows_its_traceback_and_one_that_did_not_run_says_so(experiment):
    text = (experiment.path / "stages.py").read_text()
    experiment.write("stages.py", text.replace("    curve = [", "    raise ValueError('no')\n    curve = ["))
    assert experiment.pivot("repro").code == 1
    shown = experiment.pivot("show", "last", "train").out
    assert shown.startswith("training with 0.5\nTraceback")
    assert shown.rstrip().endswith("ValueError: no")
    result = experiment.pivot("show", "last", "evaluate")
    assert (result.code, result.out) == (0, "")
    assert "'evaluate' was not run" in result.err
    assert "1 failed, 1 blocked" in experiment.pivot("show").out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-7"], "there is no run '-7'"),
        (["20260101"], "there is no run '20260101'"),
        (["last", "trian"], "nothing to do with a stage 'trian'"),
        (["--jsno"], "No such option"),
        (["last", "--jsno"], "No such option"),
    ],
)
def test_wrong_words_are_explained(experiment, words, error):
    experiment.pivot("repro")
    result = experiment.pivot("show", *words)
    assert result.code == 2
    assert error in result.err
