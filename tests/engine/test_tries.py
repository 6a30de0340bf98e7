"""Stages that are tried again, that may not take long, and that always run: with real workers, watched from outside."""

import json

import pytest

from pivot.engine.history import past_run
from pivot.model.event import Outcome, StageFinished, StageOutput, StageRetried, StageStarted
from pivot.project import Project
from pivot.store.events import event_from_json, event_json

# counts its own attempts beside the project, where nothing is observed, and fails until the given one
FLAKY = """
with open("../{name}.attempts", "a") as file:
    print(os.getpid(), file=file)
number = len(open("../{name}.attempts").readlines())
print(f"attempt {{number}}")
if number < {good}:
    raise {error}
"""


def attempts(folder, name):
    file = folder.path.parent / f"{name}.attempts"
    return len(file.read_text().splitlines()) if file.exists() else 0


def flaky(folder, name, good, rules, *, error="ConnectionError('no')", deps=()):
    folder.stage(name, FLAKY.format(name=name, good=good, error=error), deps=deps)
    ruled(folder, name, rules)


def ruled(folder, name, rules):
    folder.yaml += f"    {rules}\n"
    folder.write("pivot.yaml", folder.yaml)


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_a_stage_that_fails_is_tried_again_and_each_attempt_is_told_logged_and_in_the_history(folder):
    flaky(folder, "fetch", 3, "retries: 2")
    run, events = folder.repro()
    assert run.stages["fetch"].outcome is Outcome.RAN
    assert attempts(folder, "fetch") == 3
    assert [event.attempt for event in of(StageStarted, events)] == [1, 2, 3]
    told = of(StageRetried, events)
    assert [(event.attempt, event.of, event.delay) for event in told] == [(1, 3, 0), (2, 3, 0)]
    assert told[0].reason.startswith("ConnectionError: no (stages.py:")
    assert [event_from_json(json.loads(json.dumps(event_json(event)))) for event in told] == told
    printed = "".join(event.text for event in of(StageOutput, events))
    with Project(str(folder.path)) as project:
        assert project.log("fetch") == printed  # each line of the log is told once
        (past,) = past_run(project.store.layout, "last").stages
    assert printed.count("attempt 2\n") == 1
    assert printed.count("ConnectionError: no\n") == 2
    assert (past.attempts, past.outcome) == (3, Outcome.RAN)
    assert folder.outcomes() == {"fetch": "unchanged"}


def test_the_last_attempt_fails_the_stage_and_what_was_there_before_stays(folder):
    flaky(folder, "fetch", 1, "retries: 1")
    folder.repro()
    folder.edit("if number < 1:", "if number < 9:")
    run, _ = folder.repro()
    end = run.stages["fetch"]
    assert (end.outcome, attempts(folder, "fetch")) == (Outcome.FAILED, 3)
    assert end.reason.endswith(", attempt 2 of 2")
    assert folder.read("fetch.txt") == "fetch"


@pytest.mark.parametrize(
    ("error", "on", "count"),
    [
        ("ConnectionResetError('no')", "[ConnectionError]", 2),
        ("json.JSONDecodeError('no', '', 0)", "json.JSONDecodeError", 2),
        ("ValueError('no')", "[ConnectionError]", 1),
        ("SystemExit(3)", "[ConnectionError, SystemExit]", 2),
    ],
)
def test_only_what_is_named_is_tried_again(folder, error, on, count):
    folder.functions = "import json\n" + folder.functions
    flaky(folder, "fetch", 9, f"retries: {{times: 1, on: {on}}}", error=error)
    assert folder.outcomes() == {"fetch": "failed"}
    assert attempts(folder, "fetch") == count


def test_a_worker_that_dies_is_tried_again(folder):
    flaky(folder, "fetch", 2, "retries: 1", error="os.kill(os.getpid(), signal.SIGKILL)")
    assert folder.outcomes() == {"fetch": "ran"}


def test_other_stages_run_in_the_pause_in_the_only_slot(folder):
    flaky(folder, "fetch", 2, "retries: {times: 1, delay: 300ms}")
    folder.stage("other", "import time\ntime.sleep(0)")
    _, events = folder.repro(jobs=1)
    began = [event.stage for event in of(StageStarted, events)]
    assert began == ["fetch", "other", "fetch"]


def test_an_interrupt_in_the_pause_ends_it(folder):
    flaky(folder, "fetch", 9, "retries: {times: 1, delay: 1h}")
    folder.stage("after", deps=["fetch.txt"])
    failed = []

    def sink(event):
        failed.extend([event] if isinstance(event, StageRetried) else [])

    with Project(str(folder.path)) as project:
        run = project.repro(sinks=[sink], stopped=lambda: bool(failed))
    assert run.cancelled
    assert {name: str(end.outcome) for name, end in run.stages.items()} == {
        "fetch": "cancelled",
        "after": "cancelled",
    }
    assert attempts(folder, "fetch") == 1


def test_a_stage_is_stopped_in_its_pause_and_the_others_go_on(folder, until):
    flaky(folder, "fetch", 9, "retries: {times: 1, delay: 1h}")
    folder.stage("other", "meet('other')")
    with Project(str(folder.path)) as project, Project(str(folder.path)) as person:

        def sink(event):
            if isinstance(event, StageRetried):
                assert person.stop(["fetch"])
            if isinstance(event, StageFinished) and event.stage == "fetch":
                (folder.path.parent / "other.go").touch()

        run = project.repro(sinks=[sink], jobs=2)
    ends = {name: str(end.outcome) for name, end in run.stages.items()}
    assert (ends, run.cancelled) == ({"fetch": "cancelled", "other": "ran"}, False)


OWN_FILES = """
class Outs(TypedDict):
    grown: Annotated[Path, pivot.Out("grown.txt", PathOnly())]
    state: Annotated[dict, pivot.IncrementalOut("state.json")]

def grow(state: Annotated[dict, pivot.IncrementalOut("state.json")]) -> Outs:
    with open("grown.txt", "a") as file:
        file.write("x")
    state["runs"] = state.get("runs", 0) + 1
    with open("../grow.attempts", "a") as file:
        file.write("x")
    if len(open("../grow.attempts").read()) % 2:
        raise OSError
    return {"grown": Path("grown.txt"), "state": state}
"""


def test_an_attempt_begins_as_the_one_before_did(folder):
    folder.functions = "from typing import TypedDict\n" + folder.functions + OWN_FILES
    folder.write("stages.py", folder.functions)
    folder.write("pivot.yaml", "stages: {grow: {python: stages.grow, retries: 1, always: true}}")
    for runs in (1, 2):
        assert folder.outcomes() == {"grow": "ran"}
        assert (folder.read("grown.txt"), json.loads(folder.read("state.json"))) == ("x", {"runs": runs})
    assert (folder.path.parent / "grow.attempts").read_text() == "xxxx"


def test_what_a_dep_holds_after_the_pause_is_what_the_next_attempt_rests_on(folder):
    folder.write("in.txt", "old")
    flaky(folder, "fetch", 2, "retries: {times: 1, delay: 10ms}", deps=["in.txt"])
    folder.edit(
        "if number < 2:", "if number < 2:\n        open('in.txt', 'w').write('new')\n    if number < 2:"
    )
    assert folder.outcomes() == {"fetch": "ran"}
    assert folder.outcomes() == {"fetch": "unchanged"}


def test_a_stage_that_takes_too_long_is_ended_with_all_it_started(folder, until):
    folder.stage(
        "slow",
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "Path('../pids').write_text(f'{os.getpid()} {child.pid}')\ntime.sleep(600)",
    )
    ruled(folder, "slow", "timeout: 1s")
    run, _ = folder.repro()
    end = run.stages["slow"]
    assert (end.outcome, run.cancelled, run.exit_code) == (Outcome.FAILED, False, 1)
    assert end.reason == "took longer than 1.0 s and was ended (pivot.yaml:2)"
    assert "timeout:" in (end.hint or "")
    assert not folder.exists("slow.txt")
    for pid in (folder.path.parent / "pids").read_text().split():
        until(lambda pid=pid: not alive(int(pid)))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_each_attempt_has_the_whole_time_and_one_that_is_late_is_tried_again(folder):
    flaky(folder, "slow", 2, "retries: {times: 1, on: TimeoutError}")
    ruled(folder, "slow", "timeout: 2")
    folder.edit("raise ConnectionError('no')", "time.sleep(600)")
    run, events = folder.repro()
    assert run.stages["slow"].outcome is Outcome.RAN
    assert [event.reason[:24] for event in of(StageRetried, events)] == ["took longer than 2.0 s a"]


def test_a_stage_that_always_runs_does_and_those_behind_it_skip_while_its_content_is_the_same(folder):
    folder.write("../said", "one")
    folder.stage("fetch", "return Path('../said').read_text()")
    ruled(folder, "fetch", "always: true")
    folder.stage("after", "return d0.upper()", deps=["fetch.txt"])
    assert folder.outcomes() == {"fetch": "ran", "after": "ran"}
    assert folder.outcomes() == {"fetch": "ran", "after": "unchanged"}
    folder.write("../said", "two")
    assert folder.outcomes() == {"fetch": "ran", "after": "ran"}
    assert folder.read("after.txt") == "TWO"
    (folder.path / "fetch.txt").unlink()
    assert folder.outcomes("fetch") == {"fetch": "ran"}


def test_nothing_says_nothing_to_do_of_a_stage_that_becomes_one_that_always_runs(folder):
    folder.stage("fetch")
    assert folder.outcomes() == {"fetch": "ran"}
    for _ in range(3):  # until the answer is kept
        assert folder.outcomes() == {"fetch": "unchanged"}
    ruled(folder, "fetch", "always: true")
    assert folder.outcomes() == {"fetch": "ran"}
    assert folder.outcomes() == {"fetch": "ran"}


def test_how_a_stage_is_run_is_no_reason_to_run_it(folder, statuses):
    folder.stage("fetch")
    folder.repro()
    ruled(folder, "fetch", "resources: {memory: 1MiB, cpus: 1}")
    ruled(folder, "fetch", "retries: 3")
    ruled(folder, "fetch", "timeout: 1h")
    assert statuses(folder) == {"fetch": "unchanged"}
