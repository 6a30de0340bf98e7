"""What becomes of each stage of a run."""

import pytest

from pivot.errors import PivotError, UsageError
from pivot.model.decision import Verdict
from pivot.model.event import Notice, RunStarted
from pivot.project import Project

FAILURES = [
    (False, {"bad": "failed", "after": "blocked", "other": "cancelled"}),
    (True, {"bad": "failed", "after": "blocked", "other": "ran"}),
]


@pytest.mark.parametrize(("keep_going", "expected"), FAILURES)
def test_after_a_failure_only_keep_going_runs_what_does_not_need_it(folder, keep_going: bool, expected: dict):
    folder.stage("bad", "raise ValueError('no')")
    folder.stage("after", deps=["bad.txt"])
    folder.stage("other")
    run, _ = folder.repro(jobs=1, keep_going=keep_going)
    assert {name: str(end.outcome) for name, end in run.stages.items()} == expected
    assert run.stages["after"].reason == "bad"
    assert run.exit_code == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_stages_run_at_once_than_asked_for(folder, jobs: int):
    names = "abcde"
    for name in names:
        folder.stage(name, f"return count_running({name!r})")
    folder.outcomes(jobs=jobs)
    assert max(int(folder.read(f"{name}.txt")) for name in names) <= jobs


def test_stages_run_at_the_same_time(folder):
    for name, other in ("ab", "ba"):
        folder.stage(name, f"Path('../{other}.go').touch()\nmeet('{name}')")
    assert folder.outcomes(jobs=2) == {"a": "ran", "b": "ran"}


def test_a_mutex_keeps_stages_apart_and_others_not(folder):
    for name in "abc":
        folder.stage(name, f"return count_running({name!r})", mutex="gpu")
    folder.outcomes(jobs=3)
    assert [folder.read(f"{name}.txt") for name in "abc"] == ["1", "1", "1"]


def test_a_dep_that_changes_while_its_stage_runs_fails_it_and_the_next_run_is_right(folder, until):
    import threading

    folder.write("in", "one")
    folder.write("../work.go")
    folder.stage("work", "meet('work')\nreturn d0.upper()", deps=["in"])
    folder.outcomes()
    for name in ("../work.go", "../work.here"):
        (folder.path / name).unlink()
    folder.write("in", "two")
    runs: list = []
    thread = threading.Thread(target=lambda: runs.append(folder.repro()[0]))
    thread.start()
    until(lambda: folder.exists("../work.here"))
    folder.write("in", "three")
    folder.write("../work.go")
    thread.join()
    end = runs[0].stages["work"]
    assert (end.outcome, "in changed while the stage ran" in end.reason) == ("failed", True)
    assert folder.read("work.txt") == "ONE"
    assert folder.outcomes() == {"work": "ran"}
    assert folder.read("work.txt") == "THREE"


def test_a_file_that_a_failing_stage_wrote_itself_is_put_back(folder):
    folder.stage("work", "Path('work.txt').write_text('old')\nreturn Path('work.txt')", loader="PathOnly")
    folder.outcomes()
    folder.edit("'old')", "'new')\n    raise ValueError('no')")
    assert folder.outcomes() == {"work": "failed"}
    assert folder.read("work.txt") == "old"


def test_a_file_of_the_users_own_at_an_outs_path_is_kept_and_told(folder):
    folder.stage("work")
    folder.write("work.txt", "mine")
    _, events = folder.repro()
    told = [event.text for event in events if isinstance(event, Notice) and event.stage == "work"]
    assert len(told) == 1
    assert "'work.txt'" in told[0]
    assert "mine" in [path.read_text() for path in folder.objects()]
    assert folder.read("work.txt") == "work"


def test_an_object_that_was_lost_is_made_again_from_the_file_in_place(folder):
    folder.stage("work")
    folder.outcomes()
    for path in folder.objects():
        path.unlink()
    assert folder.outcomes() == {"work": "unchanged"}
    (folder.path / "work.txt").unlink()
    assert folder.outcomes() == {"work": "restored"}
    assert folder.read("work.txt") == "work"


def test_an_object_that_was_spoiled_is_not_restored(folder):
    folder.stage("work", "print('here')")
    folder.outcomes()
    (folder.path / "work.txt").unlink()
    for path in folder.objects():
        path.chmod(0o644)
        path.write_text("spoiled")
    assert folder.outcomes() == {"work": "ran"}
    assert folder.read("work.txt") == "work"


def test_equal_bytes_stop_a_change_from_going_further(folder):
    folder.stage("first", "x = 1")
    folder.stage("second", deps=["first.txt"])
    folder.outcomes()
    folder.edit("x = 1", "x = 2")
    assert folder.outcomes() == {"first": "ran", "second": "unchanged"}


def test_a_single_stage_leaves_what_it_needs_alone(folder):
    folder.stage("first", "return 'one'")
    folder.stage("second", "return d0", deps=["first.txt"])
    with pytest.raises(PivotError, match=r"first\.txt does not exist(.|\n)*run 'first' first"):
        folder.repro("second", single_stage=True)
    folder.outcomes("first")
    folder.edit("'one'", "'two'")
    assert folder.outcomes("second", single_stage=True) == {"second": "ran"}
    assert folder.read("second.txt") == "one"


def test_a_lock_file_of_a_newer_pivot_is_refused_before_anything_runs(folder):
    folder.stage("old")
    folder.outcomes()
    folder.stage("new")
    lock = folder.path / ".pivot/stages/old.lock"
    text = lock.read_text()
    assert '"schema": 2' in text
    lock.write_text(text.replace('"schema": 2', '"schema": 99'))
    with pytest.raises(PivotError, match="newer Pivot") as caught:
        folder.repro()
    assert caught.value.exit_code == 2
    assert not folder.exists("new.txt")


def test_every_missing_dep_is_told_before_anything_runs(folder):
    folder.stage("fine")
    folder.stage("one", deps=["nowhere"])
    folder.stage("two", deps=["neither"])
    with pytest.raises(PivotError) as caught:
        folder.repro()
    assert "nowhere" in str(caught.value)
    assert "neither" in str(caught.value)
    assert not folder.exists("fine.txt")


def test_every_folder_where_a_file_must_be_is_told_before_anything_runs(folder):
    for name in ("in", "out.txt"):
        (folder.path / name).mkdir()
    folder.stage("fine")
    folder.stage("reader", deps=["in"])
    folder.stage("out")
    with pytest.raises(PivotError) as caught:
        folder.repro()
    assert "stage 'reader': dep in is a folder" in str(caught.value)
    assert "stage 'out': output out.txt is a folder" in str(caught.value)
    assert not folder.exists("fine.txt")


def test_a_damaged_lock_file_is_told_once(folder):
    folder.stage("work")
    folder.outcomes()
    (folder.path / ".pivot/stages/work.lock").write_text("<<<<<<< HEAD")
    run, events = folder.repro()
    assert [str(end.outcome) for end in run.stages.values()] == ["restored"]
    assert len([e for e in events if isinstance(e, Notice) and "work.lock counts as absent" in e.text]) == 1


def test_a_name_that_stands_for_several_stages_cannot_be_loaded(folder):
    folder.stage("one")
    folder.stage("two")
    folder.outcomes()
    with Project(str(folder.path)) as project:
        assert project.load("one") == "one"
        with pytest.raises(UsageError, match=r"'\*' stands for 2 stages"):
            project.load("*")


def test_two_hundred_stages_give_two_hundred_right_results(folder):
    for number in range(200):
        feeder = [f"s{number // 2}.txt"] if number > 1 else []
        value = "d0 + '.'" if feeder else "'.'"
        folder.stage(f"s{number}", f"return {value}", deps=feeder)
    assert set(folder.outcomes().values()) == {"ran"}
    assert [len(folder.read(f"s{n}.txt")) for n in (0, 1, 2, 7, 199)] == [1, 1, 2, 3, 8]
    assert set(folder.outcomes().values()) == {"unchanged"}


def test_a_frozen_run_takes_the_code_of_its_beginning_whatever_is_edited_meanwhile(folder):
    folder.stage("first", "return meet('first') or 'one'")
    folder.stage("second", "from late import WORD\nreturn WORD", deps=["first.txt"])
    folder.write("late.py", "WORD = 'old'\n")

    def edit(event):
        if isinstance(event, RunStarted):  # nobody has looked at the first stage yet
            folder.edit("'one'", "'two'")
            folder.write("late.py", "WORD = 'new'\n")
            (folder.path.parent / "first.go").touch()

    with Project(str(folder.path)) as project:
        assert project.repro(frozen=True, sinks=[edit]).ok
        assert (folder.read("first.txt"), folder.read("second.txt")) == ("one", "old")
        assert [decision.verdict for decision in project.status()] == [Verdict.RUN, Verdict.RUN]
        assert project.repro().ok
    assert (folder.read("first.txt"), folder.read("second.txt")) == ("two", "new")
