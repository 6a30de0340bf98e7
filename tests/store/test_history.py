import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pivot.model.decision import Change, ChangeKind, Verdict
from pivot.model.digest import digest_bytes, digest_text
from pivot.model.event import (
    Notice,
    Outcome,
    RunFinished,
    RunStarted,
    StageDecided,
    StageFinished,
    StageOutput,
    StageProgress,
    StageStarted,
)
from pivot.model.place import Place
from pivot.store.events import event_from_json, event_json
from pivot.store.history import (
    SWEPT,
    UNCLAIMED,
    RunLog,
    is_going_on,
    keep_record,
    kept_records,
    list_runs,
    prune_runs,
    read_events,
    read_result,
    run_name,
)
from pivot.store.runcache import read_record, write_record

EVENTS = (
    RunStarted("r1", ("a", "b"), 2, ("b", "a*")),
    StageDecided(
        "a", Verdict.RUN, (Change(ChangeKind.CODE, "func:f", "1", "2", Place("s.py", 3), Place("s.py", 1)),)
    ),
    StageDecided("b", Verdict.WAITS, (Change(ChangeKind.UPSTREAM, "a"),)),
    StageStarted("a", ".pivot/runs/r1/a.log"),
    StageOutput("a", "tqdm 50%\r\n\udce9"),
    StageProgress("a", 3, None, "rows"),
    StageProgress("a", 0.5, 2.0),
    StageFinished("b", Outcome.RAN, "", 0.5, record=digest_text("result")),
    StageFinished("a", Outcome.FAILED, "ValueError: bad", 1.5, "Traceback", "mend it", "x.log"),
    Notice("kept a file"),
    RunFinished("r1", {Outcome.FAILED: 1, Outcome.BLOCKED: 1}, 2.5, False),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_json(event):
    text = json.dumps(event_json(event))
    assert event_from_json(json.loads(text)) == event


def test_an_event_names_itself_and_its_schema():
    data = event_json(EVENTS[8])
    assert (data["schema"], data["event"], data["outcome"]) == (1, "StageFinished", "failed")


@pytest.mark.parametrize(
    "data", [{}, {"schema": 2, "event": "Notice"}, {"schema": 1, "event": "New"}, [], None, 3]
)
def test_what_is_no_event_is_an_error(data):
    with pytest.raises(ValueError, match="an event"):
        event_from_json(data)


def test_a_run_is_read_back_wherever_it_was_torn(project):
    with RunLog(project.layout, "r1") as log:
        for event in EVENTS:
            log.append(event)
    assert read_events(project.layout, "r1") == EVENTS
    path = Path(project.layout.events_file("r1"))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert read_events(project.layout, "r1") == EVENTS[: whole[:size].count(b"\n")]


def test_lines_of_a_newer_pivot_and_zeroes_are_skipped(project):
    with RunLog(project.layout, "r1") as log:
        log.append(EVENTS[0])
    with open(project.layout.events_file("r1"), "ab") as file:
        file.write(b'{"event": "Teleported", "schema": 9}\n\0\0\0\n\xff\n')
    with RunLog(project.layout, "r1") as log:
        log.append(EVENTS[-1])
    assert read_events(project.layout, "r1") == (EVENTS[0], EVENTS[-1])


def test_a_run_is_named_after_all_others_also_when_the_clock_was_put_back(project):
    now = datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=UTC)
    assert run_name(project.layout, now).startswith("20260304-050607-000008-")
    for years in (1, 0, 2, -1):
        name = run_name(project.layout, now.replace(year=now.year + years))
        assert all(name > other for other in list_runs(project.layout))
        RunLog(project.layout, name).close()
    for odd in ("99999999-999999-999999-ab", "notes"):
        (project.path / ".pivot/runs" / odd).mkdir()
    assert run_name(project.layout, now).startswith("20260304-050607-000008-")


def test_runs_are_listed_in_order(project):
    assert list_runs(project.layout) == ()
    for run in ("20260102-b", "20260101-a"):
        RunLog(project.layout, run).close()
    assert list_runs(project.layout) == ("20260101-a", "20260102-b")
    assert read_events(project.layout, "none") == ()


def keep_run(project, run: str, *names: str) -> None:
    """A run that is over, with stages whose results have these names."""
    with RunLog(project.layout, run) as log:
        log.append(RunStarted(run, ("a",), 1))
        for name in names:
            log.append(StageFinished("a", Outcome.RAN, "", record=name))
        log.append(RunFinished(run, {}, 1.0, False))


def age_records(project, seconds: float) -> None:
    """As if all results had been kept so long ago."""
    for path in Path(project.layout.runs, ".records").rglob("*.z"):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def test_events_can_be_read_without_what_stages_printed(project):
    with RunLog(project.layout, "r1") as log:
        for event in EVENTS:
            log.append(event)
    told = [event for event in EVENTS if not isinstance(event, StageOutput | StageProgress)]
    assert list(read_events(project.layout, "r1", output=False)) == told


def test_an_event_of_an_older_pivot_lacks_what_is_new(project):
    Path(project.layout.run_folder("r1")).mkdir(parents=True)
    old = '{"event": "RunStarted", "jobs": 2, "run": "r1", "schema": 1, "stages": ["a"]}\n'
    Path(project.layout.events_file("r1")).write_text(old)
    assert read_events(project.layout, "r1") == (RunStarted("r1", ("a",), 2),)


def test_a_result_is_kept_whole_under_a_name_of_its_own(project, record):
    whole = record({"model.bin": b"m"}, uncached={"metric.json": b"1"})
    name = keep_record(project.layout, whole)
    assert read_result(project.layout, name) == whole
    assert keep_record(project.layout, whole) == name
    other = record({"model.bin": b"m2"}, uncached={"metric.json": b"2"})
    assert keep_record(project.layout, other) != name
    assert read_result(project.layout, name) == whole
    found = list(kept_records(project.layout))
    assert len(found) == 2
    assert whole in found
    assert other in found


def test_a_result_without_the_bytes_of_its_metric_gets_them_from_the_run_cache_or_the_file(project, record):
    whole = record({}, uncached={"metric.json": b"1"})
    bare = replace(whole, outputs={p: replace(s, content=None) for p, s in whole.outputs.items()})
    project.run(whole, {"metric.json": b"1"})
    assert read_result(project.layout, keep_record(project.layout, bare)) == whole
    shutil.rmtree(project.layout.runs)
    shutil.rmtree(Path(project.layout.cache, "runs"))
    assert read_result(project.layout, keep_record(project.layout, bare)) == whole
    shutil.rmtree(project.layout.runs)
    project.write("metric.json", b"edited by hand")
    assert read_result(project.layout, keep_record(project.layout, bare)) == bare


def test_a_result_is_a_second_name_of_its_run_cache_entry_and_outlasts_it(project, record):
    made = record({"a": b"1"}, uncached={"metric.json": b"1"})
    write_record(project.layout, made)
    name = keep_record(project.layout, made)
    entry = Path(project.layout.record_file("train", made.inputs.declared_key, made.inputs.observed.digest))
    (kept,) = (path for path in Path(project.layout.runs, ".records").rglob("*") if path.is_file())
    assert kept.samefile(entry)
    write_record(project.layout, replace(made, sources={"m.py": digest_bytes(b"another text, same inputs")}))
    assert read_result(project.layout, name) == made
    entry.unlink()
    assert read_result(project.layout, name) == made
    assert list(kept_records(project.layout)) == [made]


def test_a_result_is_never_a_second_name_of_another_result(project, record):
    made = record({"a": b"1"})
    other = replace(made, sources={"m.py": digest_bytes(b"another text, same inputs")})
    write_record(project.layout, other)
    assert read_result(project.layout, keep_record(project.layout, made)) == made
    assert read_record(project.layout, "train", made.inputs) == other


@pytest.mark.parametrize("damage", [b"", b"torn", zlib.compress(b"{}"), zlib.compress(b"[1]"), None])
def test_a_damaged_result_is_none(project, record, damage):
    name = keep_record(project.layout, record({"a": b"1"}))
    (path,) = Path(project.layout.runs, ".records").rglob("*.z")
    path.unlink() if damage is None else path.write_bytes(damage)
    assert read_result(project.layout, name) is None
    assert list(kept_records(project.layout)) == []


def test_the_oldest_runs_go_with_the_results_that_nobody_else_names(project, record):
    first, second, third = (keep_record(project.layout, record({"a": text})) for text in (b"1", b"2", b"3"))
    keep_run(project, "r1", first, second)
    keep_run(project, "r2", second)
    keep_run(project, "r3", third)
    age_records(project, UNCLAIMED)
    assert prune_runs(project.layout, 3, time.time()) == ()
    assert prune_runs(project.layout, 2, time.time() + 1) == ("r1",)
    assert list_runs(project.layout) == ("r2", "r3")
    assert read_result(project.layout, first) is None
    assert read_result(project.layout, second) is not None
    assert read_result(project.layout, third) is not None


def test_results_that_no_run_names_are_looked_for_once_an_hour_and_not_after_each_run(project, record):
    now = time.time()
    for number in range(4):
        keep_run(project, f"r{number}")
    assert prune_runs(project.layout, 3, now) == ("r0",)
    left = keep_record(project.layout, record({"a": b"1"}))
    age_records(project, UNCLAIMED)
    assert prune_runs(project.layout, 2, now + SWEPT - 1) == ("r1",)
    assert read_result(project.layout, left) is not None
    assert prune_runs(project.layout, 1, now + SWEPT + 1) == ("r2",)
    assert read_result(project.layout, left) is None


def test_a_result_that_a_run_may_be_about_to_name_is_kept_a_while(project, record):
    old = keep_record(project.layout, record({"a": b"1"}))
    age_records(project, UNCLAIMED)
    keep_record(project.layout, record({"a": b"1"}))  # once more, by a run that is going on
    for run in ("r1", "r2"):
        keep_run(project, run)
    assert prune_runs(project.layout, 1, time.time()) == ("r1",)
    assert read_result(project.layout, old) is not None


def test_a_run_that_is_going_on_is_never_pruned_and_a_killed_one_is(project):
    script = (
        "import sys, time\nfrom pivot.store.history import RunLog\nfrom pivot.store.layout import open_layout\n"
        "log = RunLog(open_layout(sys.argv[1]), 'r1')\nprint('here', flush=True)\ntime.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(project.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "here\n"
        keep_run(project, "r2")
        assert is_going_on(project.layout, "r1")
        assert not is_going_on(project.layout, "r2")
        assert not is_going_on(project.layout, "never")
        assert prune_runs(project.layout, 1, time.time()) == ()
    finally:
        process.kill()
        process.communicate()
    assert not is_going_on(project.layout, "r1")
    assert prune_runs(project.layout, 1, time.time()) == ("r1",)


def test_what_is_no_run_is_left_alone(project):
    notes = Path(project.layout.runs, "a-notes")
    notes.mkdir(parents=True)
    (notes / "mine.txt").write_text("mine")
    Path(project.layout.runs, "b-empty").mkdir()
    keep_run(project, "r1")
    keep_run(project, "r2")
    assert prune_runs(project.layout, 1, time.time()) == ("b-empty", "r1")
    assert (notes / "mine.txt").read_text() == "mine"
