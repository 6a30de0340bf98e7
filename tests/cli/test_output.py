"""What the commands write: for a person, for a pipe, for a program."""

import json
import os
import shlex
import subprocess
import sys

import pytest

pytestmark = pytest.mark.called


@pytest.fixture
def two(shell):
    """A project of two stages; the second one reads what the first one writes."""
    shell.write("in.txt", "words")
    shell.write(
        "stages.py",
        """
        from typing import Annotated
        import pivot
        from pivot.loaders import Text

        def first(data: Annotated[str, pivot.Dep("in.txt", Text())]
                  ) -> Annotated[str, pivot.Out("first.txt", Text())]:
            print("at work")
            return data

        def second(data: Annotated[str, pivot.Dep("first.txt", Text())]
                   ) -> Annotated[str, pivot.Out("second.txt", Text())]:
            return data
        """,
    )
    shell.write(
        "pivot.yaml", "stages:\n  first:\n    python: stages.first\n  second:\n    python: stages.second\n"
    )
    return shell


def test_repro_in_a_pipe_writes_a_plain_line_for_each_stage_that_did_something(two):
    result = two.pivot("repro")
    assert (result.code, result.err) == (0, "")
    made, first, second, total = result.out.splitlines()
    assert made.startswith("made ")
    assert first.startswith("✓ ran ")
    assert first.split()[4:] == ["first", "First", "run"]
    assert second.split()[4:] == ["second", "First", "run"]
    assert first.index("first") == second.index("second")
    assert total.startswith("2 stages run (")
    assert "\x1b" not in result.out
    again = two.pivot("repro")
    assert again.out.startswith("0 stages run, 2 unchanged (")
    assert len(again.out.splitlines()) == 1


def test_a_failed_stage_is_told_with_the_end_of_its_log_and_where_the_rest_is(two):
    text = (two.path / "stages.py").read_text()
    (two.path / "stages.py").write_text(text.replace("    return data\n", "    raise ValueError('no')\n", 1))
    result = two.pivot("repro")
    assert result.code == 1
    lines = result.out.splitlines()
    rows = [line for line in lines if line.startswith(("✗", "⊘"))]
    assert "ValueError: no (stages.py:" in rows[0]
    assert rows[1].split() == ["⊘", "blocked", "second", "first", "failed"]
    story = lines[lines.index("--- first failed ---") :]
    assert story[1] == "at work"
    assert story[2].startswith("Traceback")
    assert story[-1].startswith("1 stage run, 1 failed, 1 blocked")
    log, _, command = next(line for line in story if line.startswith("log: ")).partition(" (")
    assert command == "pivot log first)"
    assert (two.path / log.removeprefix("log: ")).read_text().startswith("at work\n")


def test_repro_json_is_one_event_a_line(two):
    events = [json.loads(line) for line in two.pivot("repro", "--json").out.splitlines()]
    assert {event["schema"] for event in events} == {1}
    assert (events[0]["event"], events[-1]["event"]) == ("RunStarted", "RunFinished")
    assert events[-1]["counts"] == {"ran": 2}
    assert [e["stage"] for e in events if e["event"] == "StageFinished"] == ["first", "second"]
    shown = [(e["icon"], e["phrase"].split()[0]) for e in events if e.get("stage") == "first" and "icon" in e]
    assert shown == [("◐", "will"), ("▶", "running"), ("✓", "ran")]


def test_status_json_holds_every_stage_with_its_reasons(two):
    two.pivot("repro")
    two.write("in.txt", "other")
    report = json.loads(two.pivot("status", "--json").out)
    first, second = report["stages"]
    assert list(report) == ["root", "stages"]
    assert report["root"] == str(two.path)
    assert set(first) == {"name", "verdict", "icon", "phrase", "reason", "reasons", "upstream"}
    assert (first["name"], first["verdict"], first["reason"]) == (
        "first",
        "run",
        "Dependency changed: in.txt",
    )
    (reason,) = first["reasons"]
    assert set(reason) == {"kind", "name", "before", "after", "file"}
    assert (reason["kind"], reason["name"]) == ("dep", "in.txt")
    assert reason["before"] != reason["after"]
    assert (second["verdict"], second["reason"]) == ("waits", "Waits for first")
    assert [(stage["icon"], stage["phrase"], stage["upstream"]) for stage in (first, second)] == [
        ("◐", "will run", []),
        ("◔", "waits for first", ["first"]),
    ]


def test_check_exits_with_1_exactly_if_something_would_run(two):
    assert two.pivot("status").code == 0
    assert two.pivot("status", "--check").code == 1
    two.pivot("repro")
    assert two.pivot("status", "--check").code == 0
    (two.path / "first.txt").unlink()
    assert two.pivot("status", "--check").code == 0  # it would be restored
    two.write("in.txt", "other")
    assert two.pivot("status", "--check").code == 1


def test_a_dry_run_says_what_would_run_and_runs_nothing(two):
    result = two.pivot("repro", "--dry-run")
    assert result.out.splitlines() == [
        "◐ will run        first   Never run",
        "◐ will run        second  Never run",
        "2 of 2 stages will run",
    ]
    assert not (two.path / ".pivot").exists()


def test_list_says_what_is_read_and_written(two):
    assert two.pivot("list").out.splitlines() == [
        "first   in.txt -> first.txt",
        "second  first.txt -> second.txt",
    ]
    rows = json.loads(two.pivot("list", "--json").out)["stages"]
    assert [(row["name"], row["deps"], row["outs"]) for row in rows] == [
        ("first", ["in.txt"], ["first.txt"]),
        ("second", ["first.txt"], ["second.txt"]),
    ]


def test_dag_is_drawn_as_text_and_as_mermaid(two):
    text = two.pivot("dag").out
    assert text.index("first") < text.index("second")
    mermaid = two.pivot("dag", "--mermaid").out
    assert mermaid.startswith("flowchart")
    assert "-->" in mermaid
    assert "second" not in two.pivot("dag", "first").out


@pytest.mark.parametrize("command", ["status", "list", "dag", "status --explain"])
def test_a_project_without_stages_says_so(shell, command: str):
    shell.write("pivot.yaml", "stages: {}\n")
    assert shell.pivot(*command.split()).out == "no stages are defined\n"


def test_of_many_names_a_few_are_told(shell):
    shell.write("stages.py", "def make(): ...\n")
    stages = "".join(f"  stage_{n}:\n    python: stages.make\n" for n in range(40))
    shell.write("pivot.yaml", f"stages:\n{stages}")
    hint = shell.pivot("params", "show", "-s", "nothing").err.splitlines()[1]
    assert hint.startswith("hint: known: stage_0, stage_1, ")
    assert hint.endswith(" and 28 more")


def test_init_makes_the_folder_once_and_mends_it(shell):
    assert shell.pivot("init").out.startswith("made .pivot/")
    assert "/cache/" in (shell.path / ".pivot/.gitignore").read_text()
    assert shell.pivot("init").out.startswith(".pivot/ is there")
    (shell.path / ".pivot/format.json").unlink()
    assert shell.pivot("init").code == 0
    assert (shell.path / ".pivot/format.json").exists()


def test_a_stream_without_the_icons_gets_the_words(two):
    two.environment |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    lines = two.pivot("status").out.splitlines()
    assert lines[0] == "will run          first   Never run"
    text = (two.path / "stages.py").read_text()
    (two.path / "stages.py").write_text(text.replace("    return data\n", "    raise ValueError('né')\n", 1))
    result = two.pivot("repro")
    assert result.code == 1
    assert r"ValueError: n\xe9" in result.out
    assert "UnicodeEncodeError" not in result.err


def test_a_reader_that_goes_away_is_no_error_to_talk_about(two):
    process = two.start("list")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1
    process.stderr.close()


def test_help_imports_nothing_heavy(shell):
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pivot", "--help"],
        cwd=shell.path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"pandas", "numpy", "pydantic", "networkx", "yaml", "IPython", "multiprocessing"}
    for command in ("init", "repro", "status", "list", "dag", "notebook"):
        assert f"  {command} " in result.stdout


def test_debug_shows_pivots_own_traceback(shell):
    assert "Traceback" not in shell.pivot("repro").err
    assert "Traceback" in shell.pivot("--debug", "repro").err


def test_a_run_whose_reader_goes_away_ends_without_a_word(two):
    process = two.start("repro")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1
    process.stderr.close()
    assert two.pivot("repro").code == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(two, closed: str):
    words = f"{shlex.quote(sys.executable)} -m pivot repro {closed}"
    assert subprocess.run(words, shell=True, cwd=two.path, env=two.environment, check=False).returncode == 0
    assert two.pivot("status", "--check").code == 0


def test_output_that_finds_no_room_is_told_as_such(two):
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "pivot", "repro"]
        done = subprocess.run(
            words,
            cwd=two.path,
            env=two.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write: ")
    assert "Pivot itself failed" not in done.stderr


def test_log_shows_what_a_stage_printed_when_it_last_ran(one_stage):
    shell = one_stage("print('seen', len(data))\nreturn data")
    before = shell.pivot("log", "work")
    assert (before.code, before.out) == (0, "")
    assert before.err == "stage 'work' has written nothing, or has not run here\n"
    shell.pivot("repro")
    assert shell.pivot("log", "work").out == "seen 2\n"
    assert shell.pivot("log", "wrok").code == 2


def test_log_ends_with_the_traceback_of_a_stage_that_failed(one_stage):
    shell = one_stage("print('seen', len(data))\nreturn 1 / 0")
    shell.pivot("repro")
    lines = shell.pivot("log", "work").out.splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        "seen 2",
        "Traceback (most recent call last):",
        "ZeroDivisionError: division by zero",
    )


def test_paths_of_outs_are_taken_from_the_current_folder(two):
    (two.path / "sub").mkdir()
    here = two.at(two.path / "sub")
    assert here.pivot("status", "../first.txt").out.splitlines()[-1] == "1 of 1 stage will run"
    assert here.pivot("status", "first.txt").out.splitlines()[-1] == "1 of 1 stage will run"


@pytest.mark.parametrize(
    "command", ["status", "history", "show", "gc", "verify", "remote list", "check-ignore x"]
)
def test_a_folder_in_no_project_is_told_and_left_alone(shell, command: str):
    done = shell.pivot(*command.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: there is no pivot.yaml and no pipeline.py here or in a folder above\n")
    assert list(shell.path.iterdir()) == []


def test_above_the_folders_of_its_pipeline_files_a_project_says_where_they_are(shell):
    shell.write("sub/stages.py", "def make(): ...\n")
    shell.write("sub/pivot.yaml", "stages:\n  make:\n    python: stages.make\n")
    assert shell.pivot("init").code == 0
    assert shell.at(shell.path / "sub").pivot("repro").code == 0
    assert "defined in sub: go there, or name it: pivot -C FOLDER" in shell.pivot("status").err
    assert shell.pivot("history").code == 0
