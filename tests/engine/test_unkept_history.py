"""A history that cannot be kept or read hides neither the result of a run nor its error."""

from pathlib import Path

import pytest

from pivot.project import Project


@pytest.fixture
def ran(folder):
    folder.write("in.txt", "one")
    folder.stage("a", "return d0", deps=["in.txt"])
    assert folder.outcomes() == {"a": "ran"}
    return folder


def a_file_instead(runs: Path) -> None:
    runs.rename(runs.with_name("old"))
    runs.write_text("")


def a_circle_instead(runs: Path) -> None:
    runs.rename(runs.with_name("old"))
    runs.symlink_to("runs")


@pytest.mark.parametrize("spoil", [a_file_instead, a_circle_instead])
def test_results_are_told_and_what_needs_a_log_says_why_there_is_none(ran, spoil):
    spoil(ran.path / ".pivot/runs")
    assert ran.outcomes() == {"a": "unchanged"}
    (ran.path / "a.txt").unlink()
    with Project(str(ran.path)) as project:
        run = project.repro()
        assert {name: str(end.outcome) for name, end in run.stages.items()} == {"a": "restored"}
        (notice,) = project.notices()
    assert notice.startswith("the history lacks (part of) this run: cannot write ")
    ran.write("in.txt", "two")
    run, _ = ran.repro()
    assert str(run.stages["a"].outcome) == "failed"
    assert ".pivot/runs" in run.stages["a"].reason
    assert run.stages["a"].hint
    assert ran.read("a.txt") == "one"
    (ran.path / ".pivot/runs").unlink()
    assert ran.outcomes() == {"a": "ran"}


def test_a_history_that_is_lost_during_a_run_ends_no_stage(folder):
    folder.stage("a", "Path('.pivot/runs').rename('.pivot/old'); Path('.pivot/runs').touch()")
    folder.stage("b", deps=["a.txt"])
    run, _ = folder.repro()
    assert str(run.stages["a"].outcome) == "ran"
    assert folder.read("a.txt") == "a"
    assert str(run.stages["b"].outcome) == "failed"  # its log has no place
    assert ".pivot/runs" in run.stages["b"].reason
