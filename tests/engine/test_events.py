"""What a run tells while it goes on, and what of it is there tomorrow."""

from pathlib import Path

from pivot.model.event import (
    Event,
    Notice,
    RunFinished,
    RunStarted,
    StageDecided,
    StageFinished,
    StageOutput,
    StageStarted,
)
from pivot.project import Project
from pivot.store.history import list_runs, read_events
from pivot.store.layout import plan_layout


def of_stage(events: list[Event], stage: str) -> list[Event]:
    return [event for event in events if getattr(event, "stage", None) == stage]


def test_a_run_is_told_from_its_start_to_its_end_and_each_stage_ends_once(folder):
    folder.stage("same")
    folder.outcomes()
    folder.stage("fine", "print('hello')", deps=["same.txt"])
    folder.stage("bad", "raise ValueError('no')")
    folder.stage("after", deps=["bad.txt"])
    run, events = folder.repro(keep_going=True)
    assert isinstance(events[0], RunStarted)
    assert sorted(events[0].stages) == ["after", "bad", "fine", "same"]
    assert isinstance(events[-1], RunFinished)
    assert sum(events[-1].counts.values()) == 4
    for name in events[0].stages:
        mine = of_stage(events, name)
        assert [type(e) for e in mine].count(StageFinished) == 1
        assert mine[-1] == run.stages[name]
    assert [type(e) for e in of_stage(events, "fine")] == [
        StageDecided,
        StageStarted,
        StageOutput,
        StageFinished,
    ]
    assert [type(e) for e in of_stage(events, "same")] == [StageFinished]
    assert run.stages["fine"].seconds > 0
    assert run.stages["bad"].seconds > 0
    assert run.stages["after"].seconds == 0


def test_the_first_run_says_that_it_made_the_folder_after_its_start(folder):
    folder.stage("work")
    _, events = folder.repro()
    assert isinstance(events[1], Notice)
    assert events[1].text.startswith("made ")
    assert events[1].text.endswith(".pivot")


def test_what_is_on_disk_is_what_was_told(folder):
    folder.stage("work", "print('hello')")
    folder.stage("bad", "raise ValueError('no')")
    run, events = folder.repro(keep_going=True)
    kept = [
        event for event in events if not isinstance(event, StageOutput)
    ]  # their log holds what stages print
    assert list(read_events(plan_layout(str(folder.path), None), run.id)) == kept


def test_a_run_in_which_nothing_was_to_do_leaves_no_folder(folder):
    folder.stage("work")
    folder.outcomes()
    layout = plan_layout(str(folder.path), None)
    before = list_runs(layout)
    assert len(before) == 1
    assert folder.outcomes() == {"work": "unchanged"}
    assert list_runs(layout) == before


def test_five_megabytes_of_output_are_told_whole_and_in_order(folder):
    folder.stage("work", "for n in range(260_000):\n    print('line é', n)")
    expected = "".join(f"line é {n}\n" for n in range(260_000))
    assert len(expected.encode()) > 3_500_000
    run, events = folder.repro()
    assert "".join(e.text for e in events if isinstance(e, StageOutput)) == expected
    assert Path(folder.path, run.stages["work"].log).read_text() == expected
    with Project(str(folder.path)) as project:
        assert project.log("work") == expected


def test_output_of_a_stage_is_told_while_it_runs(folder, until):
    folder.stage("work", "print('first', flush=True)\nmeet('work')\nprint('second')")
    told: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, StageOutput):
            told.append(event.text)
            folder.write("../work.go")  # without the first text the run would never end

    with Project(str(folder.path)) as project:
        project.repro(sinks=[sink])
    assert told == ["first\n", "second\n"]
