"""``pivot repro`` where there is nothing to do: the same words with and without the manifest, and little else."""

import contextlib
import re

import pytest

from pivot.cli.commands import run
from pivot.cli.main import told_nothing_to_do
from pivot.project import Project

HEAVY = {
    "click",
    "dataclasses",
    "inspect",
    "json",
    "networkx",
    "pandas",
    "pydantic",
    "sqlite3",
    "typing",
    "yaml",
}


@pytest.fixture
def inside(settled):
    """The project, as the current folder."""
    with contextlib.chdir(settled.path):
        settled.settle()  # for this current folder
        yield settled


@pytest.mark.parametrize("words", [["repro"], ["repro", "-k"], ["repro", "--keep-going", "-k"]])
def test_a_plain_repro_says_what_it_says_after_a_full_check(inside, words, capfd):
    assert told_nothing_to_do(words)
    told = capfd.readouterr().out
    inside.touch("pivot.yaml")
    assert run(words) == 0
    without_time = re.compile(r"\(.*\)")
    assert without_time.sub("", told) == without_time.sub("", capfd.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["repro", "--json"],
        ["repro", "-f"],
        ["repro", "--nonsense"],
        ["repro", "nonsense"],
        ["repro", "first"],
        ["repro", "-s"],
        ["status"],
        [],
    ],
    ids=" ".join,
)
def test_other_words_go_the_whole_way(inside, words, capfd):
    assert not told_nothing_to_do(words)
    assert capfd.readouterr() == ("", "")


def test_where_nothing_can_be_written_nothing_was_told(inside, monkeypatch):
    with open("/dev/full", "w", encoding="ascii") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert not told_nothing_to_do(["repro"])


def test_a_run_tells_the_same_events_with_and_without_the_manifest(settled, monkeypatch):
    def told():
        events = []
        with Project(str(settled.path), settled.executor) as project:
            ended = project.repro(jobs=1, sinks=[events.append])
        started, *ends, finished = events
        names = (started.stages, started.jobs, started.targets, finished.counts, finished.cancelled)
        return names, ends, ended.stages, ended.cancelled

    with_manifest = told()
    monkeypatch.setenv("PIVOT_FULL_CHECK", "1")
    assert told() == with_manifest


def test_a_run_with_nothing_to_do_leaves_nothing_behind(settled):
    def files():
        return {path: path.lstat().st_mtime_ns for path in settled.path.rglob("*")}

    before = files()
    with Project(str(settled.path), settled.executor) as project:
        project.repro()
    assert files() == before


def test_forced_stages_run_whatever_the_manifest_says(settled):
    with Project(str(settled.path), settled.executor) as project:
        assert project.repro(["first"], force=True, single_stage=True).executed == ("first",)


def test_a_command_with_nothing_to_do_imports_next_to_nothing(settled):
    words = ("repro", "--single-stage", "second")  # which observed no variable
    for _ in range(2):  # the first one makes a manifest for processes that begin so
        done = settled.process("-X", "importtime", "-c", "from pivot.cli.main import main; main()", *words)
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line]
    own = {name for name in names if name.startswith("pivot.")}
    assert own == {"pivot.cli", "pivot.cli.main", "pivot.store", "pivot.store.manifest", "pivot.store.root"}
    assert not HEAVY.intersection(names[names.index("pivot") :])
