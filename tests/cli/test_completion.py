"""What a shell is given when a person presses Tab."""

import subprocess
import sys

import pytest


@pytest.fixture
def complete(shell):
    """Makes a project that never ran; gives what Tab offers at the end of some words."""
    shell.write("stages.py", "raise SystemExit('imported')\n")
    stages = "".join(f"  {name}:\n    python: stages.make\n" for name in ("train", "tidy", "evaluate"))
    shell.write("pivot.yaml", f"stages:\n{stages}")

    def complete(words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from pivot.cli.main import main; main()"],
            cwd=shell.path,
            env={
                **shell.environment,
                "_PIVOT_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split(" ")) - 1),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    return complete


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pivot his", ["plain,history"]),
        ("pivot note", ["plain,notebook"]),
        ("pivot metrics d", ["plain,diff"]),
        ("pivot repro --kee", ["plain,--keep-going"]),
        ("pivot repro t", ["plain,train", "plain,tidy"]),
        ("pivot repro models/", ["file,models/"]),
        ("pivot log ev", ["plain,evaluate"]),
        ("pivot params show -s ti", ["plain,tidy"]),
        ("pivot show last tr", ["plain,train"]),
    ],
)
def test_commands_options_and_stages_are_completed_without_importing_code(complete, words, offered):
    assert complete(words) == offered


def test_stages_that_are_known_from_a_run_only_are_completed_too(complete, shell):
    code = "import pivot\n\n@pivot.stage(outs=['a.txt'])\ndef make_it():\n    open('a.txt', 'w').close()\n"
    (shell.path / "pivot.yaml").unlink()
    shell.write("pipeline.py", code)
    assert complete("pivot repro ma") == ["file,ma"]
    assert shell.pivot("repro").code == 0
    assert complete("pivot repro ma") == ["plain,make_it"]


def test_where_nothing_is_to_be_known_files_are_offered(complete, shell):
    shell.write("pivot.yaml", "stages: [")
    assert complete("pivot repro t") == ["file,t"]
