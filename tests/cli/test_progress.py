"""The live lines of running stages."""

import io

import pytest

from pivot.cli.progress import LiveView, PlainView, running_line
from pivot.model.event import Outcome, StageFinished, StageProgress, StageStarted


@pytest.mark.parametrize(
    ("done", "total", "text", "line"),
    [
        (9, 20, "epoch", "train   45 %  epoch 9/20  12 s"),
        (0, 20, "epoch", "train    0 %  epoch 0/20  12 s"),
        (20, 20, "epoch", "train  100 %  epoch 20/20  12 s"),
        (19.99, 20, "", "train   99 %  20.0/20  12 s"),
        (25, 20, "", "train  100 %  25/20  12 s"),
        (0.5, 1.5, "", "train   33 %  0.5/1.5  12 s"),
        (9, None, "epoch", "train  epoch 9  12 s"),
        (0, None, "reading", "train  reading  12 s"),
        (0, 0, "", "train  12 s"),
        (5, 6, "items", "train   83 %  items 5/6, 1 failed  12 s"),
        (5 << 20, 50 << 20, "weights.bin", "train   10 %  weights.bin  12 s"),
    ],
)
def test_a_running_stage_shows_all_that_it_said(done, total, text, line):
    failed = 1 if "failed" in line else 0
    assert running_line("train", StageProgress("train", done, total, text, failed), 12, 80) == line


def test_a_stage_that_says_nothing_shows_how_long_it_runs():
    assert running_line("train", None, 125, 80) == "train  2 min 05 s"


@pytest.mark.parametrize("columns", range(28, 60))
def test_words_are_cut_before_numbers(columns):
    said = StageProgress("train", 9, 20, "a long text on what is done")
    line = running_line("train", said, 12, columns)
    assert len(line) <= columns
    assert line.startswith("train   45 %  ")
    assert line.endswith("9/20  12 s")


def utf8():
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def written(stream):
    return stream.buffer.getvalue().decode()


def test_the_live_lines_are_below_each_other_and_change_with_what_the_stages_say():
    stream = utf8()
    view = LiveView(stream, lambda: 7.0)
    view(StageStarted("train", "log"))
    view(StageProgress("train", 9, 20, "epoch"))
    view(StageStarted("eval", "log"))
    train, evaluate = written(stream).splitlines()[-2:]
    assert train.endswith("▶ train   45 %  epoch 9/20  0.0 s")
    assert evaluate == "▶ eval   0.0 s"
    view(StageFinished("train", Outcome.RAN, "", 3.1))
    assert written(stream).endswith("✓ ran 3.1 s       train\n▶ eval  0.0 s\n")


def test_a_stage_that_runs_again_begins_with_nothing_said():
    stream = utf8()
    view = LiveView(stream, lambda: 7.0)
    for event in (
        StageStarted("train", "log"),
        StageProgress("train", 9, 20, "epoch"),
        StageFinished("train", Outcome.RAN, "", 1.0),
        StageStarted("train", "log"),
    ):
        view(event)
    assert written(stream).endswith("▶ train  0.0 s\n")


def test_what_stages_say_is_drawn_when_it_is_time_not_when_it_comes():
    stream = utf8()
    view = LiveView(stream, lambda: 7.0)
    view(StageStarted("train", "log"))
    before = written(stream)
    for step in range(1000):
        view(StageProgress("train", step, 1000, ""))
    assert written(stream) == before


def test_a_pipe_hears_nothing_of_progress():
    stream = utf8()
    with PlainView(stream) as view:
        view(StageStarted("train", "log"))
        view(StageProgress("train", 9, 20, "epoch"))
    assert written(stream) == ""


def test_a_terminal_without_the_icons_gets_words():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    view = LiveView(stream, lambda: 7.0)
    view(StageStarted("train", "log"))
    assert written(stream) == "running train  0.0 s\n"
