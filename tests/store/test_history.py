import json
from pathlib import Path

import pytest

from pivot.model.decision import Change, ChangeKind, Verdict
from pivot.model.event import (
    Notice,
    Outcome,
    RunFinished,
    RunStarted,
    StageDecided,
    StageFinished,
    StageOutput,
    StageStarted,
)
from pivot.model.place import Place
from pivot.store.events import event_from_json, event_json
from pivot.store.history import RunLog, list_runs, read_events

EVENTS = (
    RunStarted("r1", ("a", "b"), 2),
    StageDecided("a", Verdict.RUN, (Change(ChangeKind.CODE, "func:f", "1", "2", Place("s.py", 3)),)),
    StageDecided("b", Verdict.WAITS, (Change(ChangeKind.UPSTREAM, "a"),)),
    StageStarted("a", ".pivot/runs/r1/a.log"),
    StageOutput("a", "tqdm 50%\r\n\udce9"),
    StageFinished("a", Outcome.FAILED, "ValueError: bad", 1.5, "Traceback", "mend it", "x.log"),
    Notice("kept a file"),
    RunFinished("r1", {Outcome.FAILED: 1, Outcome.BLOCKED: 1}, 2.5, False),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_json(event):
    text = json.dumps(event_json(event))
    assert event_from_json(json.loads(text)) == event


def test_an_event_names_itself_and_its_schema():
    data = event_json(EVENTS[5])
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


def test_runs_are_listed_in_order(project):
    assert list_runs(project.layout) == ()
    for run in ("20260102-b", "20260101-a"):
        RunLog(project.layout, run).close()
    assert list_runs(project.layout) == ("20260101-a", "20260102-b")
    assert read_events(project.layout, "none") == ()
