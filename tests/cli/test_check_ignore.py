"""``pivot check-ignore``: what `.pivotignore` leaves out, as git's command of that name says it."""

import pytest

pytestmark = pytest.mark.called


@pytest.fixture
def rules(shell):
    """A project with rules, one of them in a folder."""
    shell.write("pivot.yaml", "stages: {}\n")
    shell.write(".pivotignore", "# logs\n*.log\n!keep.log\nscratch/\n")
    shell.write("data/.pivotignore", "/raw.csv\n")
    shell.write("scratch/x.csv", "")
    return shell


def test_ignored_paths_are_printed_as_they_were_given(rules) -> None:
    done = rules.pivot("check-ignore", "a.log", "keep.log", "./data/raw.csv", "scratch", "raw.csv")
    assert (done.code, done.out.splitlines()) == (0, ["a.log", "./data/raw.csv", "scratch"])


def test_paths_are_those_of_the_folder_where_the_person_is(rules) -> None:
    assert rules.pivot("-C", "data", "check-ignore", "raw.csv").out == "raw.csv\n"


def test_none_ignored_exits_with_1(rules) -> None:
    done = rules.pivot("check-ignore", "a.csv", "keep.log")
    assert (done.code, done.out) == (1, "")


def test_verbose_names_the_line_that_decides(rules) -> None:
    done = rules.pivot("check-ignore", "-v", "a.log", "keep.log", "data/raw.csv", "a.csv", ".pivot/state.db")
    assert done.out.splitlines() == [
        ".pivotignore:2:*.log\ta.log",
        ".pivotignore:3:!keep.log\tkeep.log",
        "data/.pivotignore:1:/raw.csv\tdata/raw.csv",
        "Pivot's own\t.pivot/state.db",
    ]


def test_a_path_outside_the_project_is_an_error(rules) -> None:
    done = rules.pivot("check-ignore", "/etc/passwd")
    assert done.code == 2  # 1 says that none is ignored
    assert "does not lie in the project" in done.err
    assert rules.pivot("check-ignore").code == 2
