"""What the driver hears of how far a running stage is."""

import pytest

from pivot.engine.progress import ProgressTail
from pivot.model.event import StageProgress
from pivot.worker.report import Reporter, Standing, progress_file


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "train.log")


def append(log, data):
    with open(progress_file(log), "ab") as file:
        file.write(data)


def test_the_newest_word_of_the_worker_becomes_an_event_once(log):
    tail, seconds = ProgressTail("train", log), iter(range(100))
    reporter = Reporter(progress_file(log), lambda: next(seconds))
    assert tail.newest() is None
    reporter.report(1, Standing(1, 20, "epoch"))
    reporter.report(1, Standing(2.5, 20, "epoch"))
    assert tail.newest() == StageProgress("train", 2.5, 20, "epoch")
    assert tail.newest() is None
    reporter.report(1, Standing(3, None, ""))
    assert tail.newest() == StageProgress("train", 3, None, "")


def test_a_line_that_is_not_all_there_yet_is_waited_for(log):
    tail = ProgressTail("train", log)
    append(log, b'{"done": 1, "total": 2, "text": "a"}\n{"done": 2, "to')
    assert tail.newest() == StageProgress("train", 1, 2, "a")
    append(log, b'tal": 2, "text": "\xc3')
    assert tail.newest() is None
    append(log, b'\xbc"}\n')
    assert tail.newest() == StageProgress("train", 2, 2, "ü")


@pytest.mark.parametrize(
    "junk",
    [
        b"junk\n",
        b"[]\n",
        b"\xff\n",
        b"{}\n",
        b'{"done": "1", "total": 2, "text": ""}\n',
        b'{"done": NaN, "total": 2, "text": ""}\n',
        b'{"done": 1, "total": Infinity, "text": ""}\n',
        b"\n\n",
    ],
)
def test_what_is_no_word_of_ours_is_passed_over(log, junk):
    tail = ProgressTail("train", log)
    append(log, b'{"done": 1, "total": 2, "text": "a"}\n' + junk)
    assert tail.newest() == StageProgress("train", 1, 2, "a")
    append(log, junk)
    assert tail.newest() is None


def test_the_file_goes_with_the_stage(log, tmp_path):
    tail = ProgressTail("train", log)
    tail.discard()
    append(log, b'{"done": 1, "total": 2, "text": "a"}\n')
    tail.discard()
    assert list(tmp_path.iterdir()) == []
    assert tail.newest() is None


def test_how_far_a_stage_is_reaches_those_who_watch_and_not_the_history(folder):
    from pivot.model.event import StageProgress
    from pivot.project import Project

    folder.stage("count", "for _ in pivot.progress(range(4), text='steps'):\n    pass\nmeet('count')")
    told = []

    def watch(event):
        if isinstance(event, StageProgress):
            told.append(event)
            (folder.path.parent / "count.go").touch()

    with Project(str(folder.path)) as project:
        run = project.repro(sinks=[watch])
    assert run.ok
    assert told[-1] == StageProgress("count", 4, 4, "steps")
    (log,) = (folder.path / ".pivot/runs").glob("*/events.jsonl")
    assert "StageProgress" not in log.read_text()
    assert [path.name for path in log.parent.iterdir() if "progress" in path.name] == []
