"""What the history tells of runs, and which run a word means."""

import os
import re
import signal
from datetime import UTC, datetime, timedelta

import pytest

from pivot.engine.history import log_text, past_run, past_runs, runs_meant, short_id, stop_runs
from pivot.errors import UsageError
from pivot.store.history import RunLog, is_asked_to_stop, list_runs, read_result
from pivot.store.layout import plan_layout

IDS = (
    "20260101-000000-000000-aaaa",
    "20260101-000000-500000-bbbb",
    "20260102-000000-000000-cccc",
)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("last", (IDS[2],)),
        ("-1", (IDS[2],)),
        ("-3", (IDS[0],)),
        ("-4", ()),
        ("-0", ()),
        (IDS[0], (IDS[0],)),
        ("20260102", (IDS[2],)),
        ("20260101-000000-5", (IDS[1],)),
        ("20260101", IDS[:2]),
        ("2027", ()),
        ("", ()),
    ],
)
def test_a_word_means_a_run(word, meant):
    assert runs_meant(word, IDS) == meant


def test_an_id_is_shortened_as_far_as_it_means_one_run():
    assert [short_id(run, IDS) for run in IDS] == [
        "20260101-000000-0",
        "20260101-000000-5",
        "20260102-000000",
    ]
    assert short_id("r1", ["r1", "r11"]) == "r1"


def test_a_run_is_told_with_reasons_outcomes_and_logs(folder):
    folder.stage("same")
    folder.outcomes()
    folder.stage("fine", "print('hello')", deps=["same.txt"])
    folder.stage("bad", "raise ValueError('no')")
    folder.stage("after", deps=["bad.txt"])
    run, _ = folder.repro("fi*", "after", keep_going=True)
    layout = plan_layout(str(folder.path), None)
    newest, first = past_runs(layout)
    assert past_runs(layout, 1) == (newest,)
    assert (newest.id, newest.seconds, str(newest.state)) == (run.id, run.seconds, "finished")
    assert newest.targets == ("fi*", "after")
    assert first.targets == ()
    assert abs(datetime.now(UTC) - newest.began) < timedelta(minutes=5)
    ends = {end.stage: end for end in newest.stages}
    assert {name: str(end.outcome) for name, end in ends.items()} == {
        "same": "unchanged",
        "fine": "ran",
        "bad": "failed",
        "after": "blocked",
    }
    assert ends["fine"].reason == "First run"
    assert ends["bad"].reason.startswith("ValueError: no")
    assert "Traceback" in ends["bad"].traceback
    assert ends["after"].reason == "bad"
    assert log_text(str(folder.path), ends["fine"]) == "hello\n"
    assert log_text(str(folder.path), ends["same"]) == ""
    assert {str(outcome): count for outcome, count in newest.counts().items()} == {
        "ran": 1,
        "unchanged": 1,
        "failed": 1,
        "blocked": 1,
    }


def test_each_stage_that_is_up_to_date_names_its_result(folder):
    folder.stage("one")
    folder.stage("two", deps=["one.txt"])
    folder.outcomes()
    folder.edit("return 'two'", "return 'three'")
    folder.outcomes()
    layout = plan_layout(str(folder.path), None)
    newest, first = past_runs(layout)
    names = {end.stage: end.record for end in newest.stages}
    before = {end.stage: end.record for end in first.stages}
    assert names["one"] == before["one"]
    assert names["two"] != before["two"]
    for run in (names, before):
        for stage, name in run.items():
            assert read_result(layout, name).stage == stage


def test_forced_runs_of_a_stage_that_gives_something_else_each_time_are_kept_apart(folder):
    folder.stage("dice", "import uuid\nreturn str(uuid.uuid4())")
    values = []
    for _ in range(2):
        folder.outcomes(force=True)
        values.append(folder.read("dice.txt"))
    layout = plan_layout(str(folder.path), None)
    records = [read_result(layout, run.stages[0].record) for run in reversed(past_runs(layout))]
    assert [record.outputs["dice.txt"].size for record in records] == [36, 36]
    assert records[0].outputs != records[1].outputs
    assert records[0].inputs.key == records[1].inputs.key


def test_a_run_goes_on_until_it_ends_and_is_killed_if_its_process_is(folder, until):
    folder.stage("work", "meet('work')")
    folder.stage("later", deps=["work.txt"])
    process = folder.start("repro")
    until(lambda: (folder.path / "../work.here").exists())
    layout = plan_layout(str(folder.path), None)
    run = past_run(layout, "last")
    assert (str(run.state), run.seconds) == ("running", None)
    assert {end.stage: (end.outcome, end.reason, bool(end.log)) for end in run.stages} == {
        "work": (None, "First run", True),
        "later": (None, "", False),
    }
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: str(past_run(layout, "last").state) == "killed")
    assert {end.reason for end in past_run(layout, "last").stages} == {"the run was killed"}
    assert stop_runs(layout, run=run.id) == ()  # an order that comes late


def test_one_run_is_asked_to_stop_and_no_other(tmp_path):
    layout = plan_layout(str(tmp_path), None)
    with RunLog(layout, IDS[0]), RunLog(layout, IDS[2]):
        assert stop_runs(layout, run="20260102") == ("20260102-000000",)
        assert [is_asked_to_stop(layout, run) for run in (IDS[0], IDS[2])] == [False, True]
        assert len(stop_runs(layout)) == 2
        with pytest.raises(UsageError, match="there is no run '2027'"):
            stop_runs(layout, run="2027")


def test_old_runs_are_pruned_at_the_end_of_a_run(folder):
    folder.stage("work")
    (folder.path / ".pivot").mkdir()
    folder.write(".pivot/config.yaml", "history:\n  keep: 2\n")
    folder.write(".pivot/format.json", '{"hash": "xxh3-128", "version": 1}\n')
    runs = [folder.repro(force=True)[0].id for _ in range(4)]
    assert list(list_runs(plan_layout(str(folder.path), None))) == runs[-2:]


@pytest.mark.parametrize(
    ("word", "message"),
    [("2027", "there is no run '2027'"), ("-9", "there is no run '-9'"), ("2", "2 runs begin with '2'")],
)
def test_a_word_that_means_no_run_or_two_is_an_error(folder, word, message):
    layout = plan_layout(str(folder.path), None)
    with pytest.raises(UsageError, match="no run in the history yet"):
        past_run(layout, "last")
    folder.stage("work")
    for _ in range(2):
        folder.outcomes(force=True)
    with pytest.raises(UsageError, match=re.escape(message)):
        past_run(layout, word)
