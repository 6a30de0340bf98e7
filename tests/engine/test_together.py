"""Two runs at once, interrupted runs, and runs that their watchers break."""

import json
import signal
import subprocess
import threading

import psutil
import pytest

from pivot.model.event import Event, Notice, StageOutput
from pivot.project import Project
from pivot.store.guard import try_guard
from pivot.store.layout import plan_layout

BUSY = """
with open("executions", "a") as file:
    file.write("x")
meet("work")
"""


def events_of(process: subprocess.Popen[str], until: str) -> list[dict]:
    """The events that a command with ``--json`` writes, up to the first that holds a text."""
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if until in line:
            return events
    raise AssertionError(f"no event holds {until!r}: {events}")


def test_a_second_run_waits_for_the_first_and_finds_its_work_done(folder, until):
    folder.stage("work", BUSY)
    folder.stage("after", "return d0", deps=["work.txt"])
    first = folder.start("repro")
    until(lambda: folder.exists("../work.here"))
    second = folder.start("repro", "--json")
    told = events_of(second, "waits for another run")
    assert f"process {first.pid}" in told[-1]["text"]
    folder.write("../work.go")
    rest = [json.loads(line) for line in second.stdout]
    assert (first.wait(30), second.wait(30)) == (0, 0)
    first.communicate()
    second.communicate()
    ends = {e["stage"]: e["outcome"] for e in rest if e["event"] == "StageFinished"}
    assert ends == {"work": "unchanged", "after": "unchanged"}
    assert not [e for e in rest if e["event"] == "Notice" and e["stage"] == "work"]
    assert folder.read("executions") == "x"
    assert folder.read("after.txt") == "work"


def test_two_projects_in_one_process_exclude_each_other_too(folder, until):
    folder.stage("work", BUSY)
    runs: list[dict[str, str]] = []
    notices: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Notice) and "waits for another run" in event.text:
            notices.append(event.text)
            folder.write("../work.go")

    def second() -> None:
        with Project(str(folder.path)) as project:
            run = project.repro(sinks=[watch])
        runs.append({name: str(end.outcome) for name, end in run.stages.items()})

    thread = threading.Thread(target=lambda: runs.append(folder.outcomes()))
    thread.start()
    until(lambda: folder.exists("../work.here"))
    second()
    thread.join()
    assert sorted(runs, key=str) == [{"work": "ran"}, {"work": "unchanged"}]
    assert notices == ["waits for another run (this process)"]
    assert folder.read("executions") == "x"


@pytest.mark.parametrize(("meanwhile", "outcome"), [("restored", "unchanged"), ("lost", "ran")])
def test_a_stage_to_be_restored_waits_for_its_guard_and_is_judged_anew(folder, meanwhile: str, outcome: str):
    folder.stage("work")
    folder.outcomes()
    (folder.path / "work.txt").unlink()
    guard = try_guard(plan_layout(str(folder.path), None), "work")
    notices: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.text)
            if meanwhile == "restored":
                folder.write("work.txt", "work")
            else:
                for path in folder.objects():
                    path.unlink()
            guard.release()

    with Project(str(folder.path)) as project:
        run = project.repro(sinks=[sink])
    assert [str(end.outcome) for end in run.stages.values()] == [outcome]
    assert notices == ["waits for another run (this process)"]
    assert folder.read("work.txt") == "work"


def test_a_run_that_waits_for_another_one_can_be_interrupted(folder, until):
    folder.stage("work", "meet('work')")
    first = folder.start("repro")
    until(lambda: folder.exists("../work.here"))
    second = folder.start("repro", "--json")
    events_of(second, "waits for another run")
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 130
    rest = [json.loads(line) for line in second.stdout]
    assert [e["outcome"] for e in rest if e["event"] == "StageFinished"] == ["cancelled"]
    folder.write("../work.go")
    assert first.wait(30) == 0
    for process in (first, second):
        process.communicate()


def test_ctrl_c_keeps_what_is_finished_and_undoes_what_runs(folder, until):
    folder.stage("done")
    folder.stage(
        "slow",
        "Path('slow.txt').write_text('half')\nmeet('slow')\nreturn Path('slow.txt')",
        deps=["done.txt"],
        loader="PathOnly",
    )
    process = folder.start("repro")
    until(lambda: folder.exists("../slow.here"))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in out
    assert "1 cancelled" in out
    assert not folder.exists("slow.txt")
    folder.write("../slow.go")
    folder.edit("'half'", "'whole'")
    assert folder.outcomes() == {"done": "unchanged", "slow": "ran"}
    assert folder.read("slow.txt") == "whole"


def test_a_second_ctrl_c_kills_a_stage_that_ignores_the_first(folder):
    deaf = "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)"
    folder.stage("deaf", f"{deaf}\nprint(os.getpid())\nmeet('deaf')")
    folder.stage("other")
    process = folder.start("repro", "--json", "--jobs", "1")
    try:
        worker = int(events_of(process, "StageOutput")[-1]["text"])
        process.send_signal(signal.SIGINT)
        events_of(process, "cancelled")  # the other one: the first Ctrl-C has arrived
        process.send_signal(signal.SIGINT)
        assert process.wait(7.5) == 130  # without the second one SIGKILL would come after 8 seconds
    finally:
        process.kill()
        process.communicate()
    assert not psutil.pid_exists(worker)
    assert not folder.exists("deaf.txt")


def test_a_run_goes_on_without_the_stages_that_a_person_stops(folder, until):
    for name in ("one", "other", "third"):
        folder.stage(name, f"Path('{name}.here').touch()\nmeet('{name}')")
    folder.stage("after_one", "return d0", deps=["one.txt"])
    folder.stage("after_other", "return d0", deps=["other.txt"])
    process = folder.start("repro", "--json", "--jobs", "2")
    until(lambda: folder.exists("../one.here") and folder.exists("../other.here"))
    wrong = folder.start("stop", "oen")
    assert "no run that is going on has the stage 'oen'" in wrong.communicate(timeout=60)[0]
    assert wrong.returncode == 2
    # the one that is at work, and one that waits for a free slot
    asked = folder.start("stop", "one", "third").communicate(timeout=60)[0]
    told = events_of(process, '"stage": "after_one"')
    folder.write("../other.go")
    told += [json.loads(line) for line in process.stdout]
    assert process.wait(30) == 1
    process.communicate()
    ends = {event["stage"]: event["outcome"] for event in told if event["event"] == "StageFinished"}
    assert ends == {
        "one": "cancelled",
        "after_one": "cancelled",
        "third": "cancelled",
        "other": "ran",
        "after_other": "ran",
    }
    assert told[0]["run"].startswith(asked.removeprefix("asked to stop: ").strip())
    assert not folder.exists("third.here")
    folder.write("../one.go")
    folder.write("../third.go")
    assert set(folder.outcomes().values()) == {"ran", "unchanged"}


class Broken(Exception):
    """A sink's own trouble."""


def test_a_sink_that_raises_ends_the_run_and_leaves_nothing_behind(folder):
    folder.stage("work", "print(os.getpid(), flush=True)\nmeet('work')")
    workers: list[int] = []

    def sink(event: Event) -> None:
        if isinstance(event, StageOutput):
            workers.append(int(event.text))
            raise Broken

    with Project(str(folder.path)) as project:
        with pytest.raises(Broken):
            project.repro(sinks=[sink])
        assert workers
        assert not psutil.pid_exists(workers[0])
        assert not folder.exists("work.txt")
        folder.write("../work.go")
        assert [str(end.outcome) for end in project.repro().stages.values()] == ["ran"]
    assert "pivot-driver" not in [thread.name for thread in threading.enumerate()]


def test_a_question_whether_to_stop_that_raises_ends_the_run_in_order(folder):
    folder.stage("work", "meet('work')")

    def stopped() -> bool:
        if folder.exists("../work.here"):
            raise Broken
        return False

    with Project(str(folder.path)) as project:
        with pytest.raises(Broken):
            project.repro(stopped=stopped)
        assert not folder.exists("work.txt")
        folder.write("../work.go")
        assert [str(end.outcome) for end in project.repro().stages.values()] == ["ran"]
    assert "pivot-driver" not in [thread.name for thread in threading.enumerate()]
