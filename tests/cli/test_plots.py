"""``pivot plots``: one page, and what is on it."""

import json

import pytest

pytestmark = pytest.mark.called


def test_the_plots_of_a_side_are_one_page(experiment):
    experiment.pivot("repro")
    result = experiment.pivot("plots", "show")
    assert (result.code, result.out, result.err) == (0, "wrote plots.html (1 plot)\n", "")
    page = (experiment.path / "plots.html").read_text()
    assert "curve.json" in page
    assert page.count("<svg") == 1
    assert ">epoch</text>" in page
    assert (
        experiment.pivot("plots", "show", "last", "--out", "other.html").out == "wrote other.html (1 plot)\n"
    )
    assert (experiment.path / "other.html").read_text().count("<svg") == 1


def test_two_sides_stand_next_to_each_other_also_when_the_old_one_is_in_the_cache_only(committed):
    (committed.path / ".gitignore").write_text("curve.json\n")
    committed.git("rm", "-q", "--cached", "curve.json")
    committed.git("commit", "-qm", "plots are not in git")
    committed.git("checkout", "-q", "HEAD~1", "--", ".pivot/stages/train.lock")
    committed.commit()
    result = committed.pivot("plots", "diff")
    assert result.out == "wrote plots.html (1 plot, 1 changed)\n"
    page = (committed.path / "plots.html").read_text()
    assert page.count("<svg") == 2
    assert "not there" not in page
    data = json.loads(committed.pivot("plots", "diff", "-2", "-1", "--json").out)
    assert [(plot["file"], plot["stage"], plot["what"]) for plot in data["plots"]] == [
        ("curve.json", "train", "changed")
    ]


def test_a_plot_that_is_nowhere_is_said_on_the_page(committed):
    for path in committed.path.glob(".pivot/cache/files/*/*"):
        path.unlink()
    (committed.path / "curve.json").unlink()
    told = committed.pivot("plots", "diff", "-2", "-1").out
    assert told == "wrote plots.html (1 plot, 1 not there)\n"
    assert (committed.path / "plots.html").read_text().count("not there") == 2


def test_runs_are_compared_while_the_code_is_broken(committed):
    committed.write("stages.py", "def train(:\n")
    result = committed.pivot("plots", "diff", "-2", "-1")
    assert (result.code, result.out) == (0, "wrote plots.html (1 plot, 1 changed)\n")
    assert committed.pivot("metrics", "diff", "-2", "-1").code == 0


def test_without_plots_no_page_is_written(experiment):
    result = experiment.pivot("plots", "show", "-s", "evaluate")
    assert result.out.startswith("no plots: no stage of the workspace has a pivot.Plot")
    assert not (experiment.path / "plots.html").exists()


def test_a_page_that_cannot_be_written_is_an_error(experiment):
    experiment.pivot("repro")
    result = experiment.pivot("plots", "show", "--out", "no/such/folder.html")
    assert result.code == 1
    assert "cannot write no/such/folder.html" in result.err
