"""What the driver hears of how far a running stage is."""

import math
import struct
import textwrap

import pytest

from pivot.engine.progress import ProgressTail
from pivot.model.event import StageProgress
from pivot.worker.report import Reporter, Standing, progress_file


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "train.log")


def write(log, data):
    with open(progress_file(log), "wb") as file:
        file.write(data)


def test_the_newest_word_of_the_worker_becomes_an_event_once(log):
    tail, reporter = ProgressTail("train", log), Reporter(progress_file(log))
    assert tail.newest() is None
    reporter.report(1, Standing(1, 20, "epoch"))
    reporter.report(1, Standing(2.5, 20, "epoch"))
    assert tail.newest() == StageProgress("train", 2.5, 20, "epoch")
    assert tail.newest() is None
    reporter.count(1, 3)
    assert tail.newest() == StageProgress("train", 3, 20, "epoch")
    reporter.report(1, Standing(3, None, ""))
    assert tail.newest() == StageProgress("train", 3, None, "")


FIRST, SECOND = Standing(1, 2, "a").record(1), Standing(2, 2, "ü").record(2)


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"junk",
        bytes(len(FIRST)),
        FIRST[:-8],
        FIRST + b" ",
        SECOND[:300] + FIRST[300:],
        FIRST.replace(b"a", b"\xff"),
        FIRST[:16] + struct.pack("d", math.inf) + FIRST[24:],
    ],
    ids=["empty", "junk", "not begun", "short", "long", "half", "no text", "no end"],
)
def test_what_is_no_whole_record_is_passed_over(log, other):
    tail = ProgressTail("train", log)
    write(log, FIRST)
    assert tail.newest() == StageProgress("train", 1, 2, "a")
    write(log, other)
    assert tail.newest() is None
    write(log, SECOND)
    assert tail.newest() == StageProgress("train", 2, 2, "ü")


def test_the_file_goes_with_the_stage(log, tmp_path):
    tail = ProgressTail("train", log)
    tail.discard()
    write(log, FIRST)
    tail.discard()
    assert list(tmp_path.iterdir()) == []
    assert tail.newest() is None


def test_how_far_a_stage_is_reaches_those_who_watch_and_not_the_history(folder):
    from pivot.project import Project

    body = """
    bar = pivot.progress(total=9)
    for number in range(8):
        bar.update(text=f"step {number}")
    meet("count")
    """
    folder.stage("count", textwrap.dedent(body))
    last, told = StageProgress("count", 8, 9, "step 7"), []

    def watch(event):
        if isinstance(event, StageProgress):
            told.append(event)
            if event == last:  # said just before the stage waits
                (folder.path.parent / "count.go").touch()

    with Project(str(folder.path)) as project:
        run = project.repro(sinks=[watch])
    assert run.ok
    assert told[-1] == last
    (log,) = (folder.path / ".pivot/runs").glob("*/events.jsonl")
    assert "StageProgress" not in log.read_text()
    assert [path.name for path in log.parent.iterdir() if "progress" in path.name] == []
