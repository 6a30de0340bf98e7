"""Every way to be wrong has one clear line, the right exit code, and loses nothing."""

import json
import os
import signal
import time

import psutil
import pytest

pytestmark = pytest.mark.called

FAILING_BODIES = [
    # body, out, what the message says
    ("raise ValueError('bad data')", None, ["ValueError: bad data", "stages.py:"]),
    ("import os\nos._exit(3)", None, ["exit", "3"]),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", None, ["SIGKILL"]),
    ("import sys\nsys.exit(4)", None, ["sys.exit(4)"]),
    ("return {1, 2}", None, ["out.json", "set"]),
    ("return Path('out.bin')", 'pivot.Out("out.bin", PathOnly())', ["out.bin", "did not write"]),
    ("return Path('other.bin')", 'pivot.Out("out.bin", PathOnly())', ["out.bin", "other.bin"]),
    ("return lambda: 1", 'pivot.Out("out.pkl", Pickle())', ["out.pkl"]),
]


@pytest.mark.parametrize(("body", "out", "words"), FAILING_BODIES)
def test_a_failing_stage_is_named_with_what_went_wrong(
    one_stage, body: str, out: str | None, words: list[str]
):
    shell = one_stage(body) if out is None else one_stage(body, out)
    result = shell.pivot("repro")
    assert result.code == 1
    for word in ["work", *words]:
        assert word in result.out, result.out
    assert not (shell.path / "out.json").exists()
    assert not [name for name in os.listdir(shell.path) if name.startswith(".pivot-")]


def test_wrong_keys_are_named_on_both_sides(shell):
    shell.write(
        "stages.py",
        """
        from typing import Annotated, TypedDict
        import pivot

        class Outputs(TypedDict):
            left: Annotated[int, pivot.Metric("left.json")]
            right: Annotated[int, pivot.Metric("right.json")]

        def work() -> Outputs:
            return {"left": 1, "rihgt": 2}
        """,
    )
    shell.write("pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
    result = shell.pivot("repro")
    assert result.code == 1
    assert "right" in result.out
    assert "rihgt" in result.out
    assert not (shell.path / "left.json").exists()


DEFINITIONS = [
    # pivot.yaml, words of the message, words of the hint
    ("stages:\n  work:\n    pyhton: stages.work\n", ["pyhton", "pivot.yaml:3"], "python"),
    ("stages:\n  work:\n    python: stages.wrk\n", ["wrk", "pivot.yaml:3"], "work"),
    ("stages:\n  work:\n    python: nowhere.work\n", ["nowhere", "pivot.yaml:3"], ""),
    (
        "stages:\n  work:\n    python: stages.work\n    deps:\n      dta: in.json\n",
        ["dta", "pivot.yaml:5"],
        "data",
    ),
    (
        "stages:\n  work:\n    python: stages.work\n  again:\n    python: stages.work\n",
        ["out.json", "again", "work"],
        "",
    ),
    (
        "stages:\n  work:\n    python: stages.work\n    outs:\n      output: in.json\n",
        ["in.json", "work"],
        "",
    ),
    ("stages:\n  work: [\n", ["pivot.yaml:"], ""),
]


@pytest.mark.parametrize(("text", "words", "hint"), DEFINITIONS)
def test_a_wrong_definition_is_found_before_anything_runs(one_stage, text: str, words: list[str], hint: str):
    shell = one_stage("return data")
    shell.write("pivot.yaml", text)
    result = shell.pivot("repro")
    assert result.code == 2, result
    for word in [*words, hint]:
        assert word in result.err, result.err
    assert "Traceback" not in result.err
    assert not (shell.path / "out.json").exists()


def test_all_definition_errors_are_told_at_once(one_stage):
    shell = one_stage("return data")
    shell.write("pivot.yaml", "stages:\n  a:\n    pyhton: stages.work\n  b:\n    python: stages.wrk\n")
    result = shell.pivot("status")
    assert result.code == 2
    assert [line for line in result.err.splitlines() if line.startswith("error: ")] == [
        "error: stage 'a': 'python' is missing (pivot.yaml:2)",
        "error: stage 'a': unknown key 'pyhton' (pivot.yaml:3)",
        "error: stage 'b': module stages has no function 'wrk' (pivot.yaml:5)",
    ]


def test_a_missing_dep_is_an_error_and_not_a_run(one_stage):
    shell = one_stage("return data")
    (shell.path / "in.json").unlink()
    result = shell.pivot("repro")
    assert result.code == 1
    assert "stage 'work': dep 'data'" in result.err
    assert "in.json" in result.err


def test_a_syntax_error_names_file_and_line(one_stage):
    shell = one_stage("return data")
    text = (shell.path / "stages.py").read_text()
    (shell.path / "stages.py").write_text(text + "def broken(:\n    pass\n")
    result = shell.pivot("status")
    assert result.code == 2
    assert f"stages.py:{len(text.splitlines()) + 1}" in result.err
    assert "Traceback" not in result.err


def test_an_unknown_target_suggests_the_nearest(one_stage):
    result = one_stage("return data").pivot("repro", "wrok")
    assert result.code == 2
    assert "wrok" in result.err
    assert "work" in result.err


def test_an_unknown_command_suggests_the_nearest(shell):
    result = shell.pivot("stauts")
    assert result.code == 2
    assert "status" in result.err


def test_a_folder_without_a_pipeline_says_what_to_write(shell):
    result = shell.pivot("repro")
    assert result.code == 2
    assert "pivot.yaml" in result.err


def test_a_corrupt_lock_file_counts_as_absent(one_stage):
    shell = one_stage("return data")
    assert shell.pivot("repro").code == 0
    (shell.path / ".pivot/stages/work.lock").write_text("<<<<<<< HEAD\n{")
    result = shell.pivot("repro", "--json")
    assert result.code == 0
    finished = [json.loads(line) for line in result.out.splitlines()]
    assert [e["outcome"] for e in finished if e["event"] == "StageFinished"] == ["restored"]


def test_a_corrupt_object_is_not_restored_but_made_again(one_stage):
    shell = one_stage("return data")
    assert shell.pivot("repro").code == 0
    for folder, _, names in os.walk(shell.path / ".pivot/cache/files"):
        for name in names:
            path = os.path.join(folder, name)
            os.chmod(path, 0o644)
            with open(path, "w") as file:
                file.write("garbage")
    (shell.path / "out.json").unlink()
    result = shell.pivot("repro")
    assert result.code == 0
    assert json.loads((shell.path / "out.json").read_text()) == [1, 2]


def wait_until(condition, seconds: float = 20.0) -> None:
    """Wait for a fact, not for a time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


SLOW = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
pathlib.Path("pids").write_text(f"{__import__('os').getpid()} {child.pid}")
time.sleep(120)
return data
"""


def gone(pids: list[int]) -> bool:
    """Whether none of these processes lives."""
    return not any(psutil.pid_exists(p) and psutil.Process(p).status() != psutil.STATUS_ZOMBIE for p in pids)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_or_killed_run_leaves_no_process_and_no_output(one_stage, number: int, code: int):
    shell = one_stage(SLOW)
    process = shell.start("repro")
    pids_file = shell.path / "pids"
    wait_until(lambda: pids_file.exists() and len(pids_file.read_text().split()) == 2)
    pids = [int(word) for word in pids_file.read_text().split()]
    process.send_signal(number)
    assert process.wait(timeout=30) == code
    wait_until(lambda: gone(pids), seconds=5)
    process.communicate()
    assert not (shell.path / "out.json").exists()
    text = (shell.path / "stages.py").read_text()
    (shell.path / "stages.py").write_text(text.replace("time.sleep(120)\n", "time.sleep(0)\n"))
    assert shell.pivot("repro").code == 0


SLOW_TO_END = """
import pathlib, time
pathlib.Path("pids").write_text("here")
try:
    time.sleep(120)
finally:
    while not pathlib.Path("enough").exists():
        time.sleep(0.01)
"""


def test_an_interrupted_run_says_what_it_waits_for(one_stage):
    shell = one_stage(SLOW_TO_END)
    process = shell.start("repro")
    wait_until((shell.path / "pids").exists)
    process.send_signal(signal.SIGINT)
    while "interrupted: " not in (line := process.stdout.readline()):
        assert line, "the run ended without a word"
    assert line == "interrupted: waits for work to end; interrupt again to kill\n"
    (shell.path / "enough").touch()
    process.communicate()
    assert process.returncode == 130


def test_a_run_in_a_project_that_cannot_be_written_says_so(one_stage):
    shell = one_stage("return data")
    # a file where the folder belongs: works for root too, whom permissions do not stop
    (shell.path / ".pivot").write_text("")
    result = shell.pivot("repro")
    assert result.code != 0
    assert ".pivot" in result.err
    assert "Traceback" not in result.err
