"""What browsers are told of a run, and how often."""

import queue
import time

import pytest

from pivot.core.graph import Graph
from pivot.core.render import StageState
from pivot.model.decision import Verdict
from pivot.model.event import (
    Outcome,
    RunFinished,
    RunStarted,
    StageFinished,
    StageProgress,
    StageRetried,
    StageStarted,
)
from pivot.model.place import Place
from pivot.model.stage import LoaderRef, ObjectRef, OutKind, Returns, Stage, StageDep, StageOut
from pivot_jupyter.board import INTERVAL, Board
from pivot_jupyter.protocol import CellView, Change, Snapshot

LOADER = LoaderRef("pivot.loaders.Text", "", 1, b"")


class Watcher:
    """Somebody who looks: what it was told, in order, with the time."""

    def __init__(self, root):
        self.told = queue.SimpleQueue()
        self.board = Board("1.0", str(root), lambda message, who: self.told.put((message, who)))

    def next(self):
        return self.told.get(timeout=10)[0]


@pytest.fixture
def watcher(tmp_path):
    one = Watcher(tmp_path)
    yield one
    one.board.close()


def test_a_snapshot_holds_all_and_changes_only_what_changed(watcher):
    states = {
        "clean": StageState(Verdict.RUN, "Never run"),
        "train": StageState(Verdict.WAITS, cause="clean"),
    }
    watcher.board.show(Graph(()), {}, ())
    assert watcher.next().stages == ()
    watcher.board.show(graph_of("clean", "train"), states, [CellView("1", ("clean",), (), "text")])
    first = watcher.next()
    assert isinstance(first, Snapshot)
    assert [(s.name, s.state, s.phrase, s.reason) for s in first.stages] == [
        ("clean", "run", "will run", "Never run"),
        ("train", "waits", "waits for clean", ""),
    ]
    assert [(e.upstream, e.downstream) for e in first.edges] == [("clean", "train")]
    watcher.board.heard(StageStarted("clean", ""))
    change = watcher.next()
    assert isinstance(change, Change)
    assert (change.seq, [(s.name, s.state) for s in change.stages]) == (first.seq + 1, [("clean", "running")])


def test_a_thousand_events_are_few_messages_and_the_last_one_is_right(watcher):
    watcher.board.show(
        graph_of("clean", "train"), dict.fromkeys(("clean", "train"), StageState(Verdict.RUN)), ()
    )
    began = time.monotonic()
    watcher.board.heard(RunStarted("r", ("clean", "train"), 2))
    watcher.board.heard(StageStarted("clean", ""))
    for done in range(1000):
        watcher.board.heard(StageProgress("clean", done, 1000))
    watcher.board.heard(StageFinished("clean", Outcome.RAN, "", seconds=3.1))
    watcher.board.heard(RunFinished("r", {Outcome.RAN: 1}, 3.2, cancelled=False))
    told = []
    while not (told and told[-1].run and not told[-1].run.going):
        told.append(watcher.next())
    assert len(told) <= 2 + (time.monotonic() - began) / INTERVAL
    stages = {}
    for message in told:
        stages.update({stage.name: stage for stage in message.stages})
    assert (stages["clean"].phrase, stages["train"].phrase) == ("ran 3.1 s", "queued")
    assert told[-1].run.summary == "1 ran"


def test_a_stage_between_two_attempts_says_why_it_is_not_over(watcher):
    def told():
        """What is said of how far the stage is, in the next message."""
        (view,) = (stage for stage in watcher.next().stages if stage.name == "clean")
        assert view.state in ("run", "running")
        return view.progress.text if view.progress else ""

    watcher.board.show(graph_of("clean", "train"), {"clean": StageState(Verdict.RUN)}, ())
    watcher.board.heard(StageStarted("clean", ""))
    watcher.board.heard(StageRetried("clean", 1, 3, "OSError: gone", 5))
    while told() != "attempt 1 of 3 failed: OSError: gone; again in 5 s":
        pass
    watcher.board.heard(StageStarted("clean", "", 2))
    while told():
        pass


def test_the_clock_of_a_running_stage_goes(watcher):
    watcher.board.show(graph_of("clean", "train"), {"clean": StageState(Verdict.RUN)}, ())
    watcher.board.heard(StageStarted("clean", ""))
    seconds = -1.0
    for _ in range(2):
        while True:
            found = [s for s in watcher.next().stages if s.name == "clean" and s.seconds is not None]
            if found and found[0].seconds > seconds:
                seconds = found[0].seconds
                break
    assert seconds > 0.5


def graph_of(first, second):
    """A stage that feeds another one."""
    return Graph((stage_of(first, (), "a.txt"), stage_of(second, ("a.txt",), "b.txt")))


def stage_of(name, deps, out):
    return Stage(
        name=name,
        function=ObjectRef("stages", name),
        deps=tuple(StageDep(path, path, LOADER, None) for path in deps),
        outs=(StageOut("output", out, OutKind.OUT, LOADER, cache=True, written_by_stage=False),),
        returns=Returns.SINGLE,
        params=None,
        mutex=(),
        folder=".",
        place=Place("stages.py", 1),
        roots=(".",),
    )
