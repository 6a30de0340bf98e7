"""``pivot push`` here and ``pivot pull`` in a clone, as two people use them."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pivot.model.digest import digest_bytes

pytestmark = pytest.mark.called

STAGES = """
from typing import Annotated
import pivot
from pivot.loaders import JSON, Text

def double(numbers: Annotated[list, pivot.Dep("in.json", JSON())]) -> Annotated[list, pivot.Out("doubled.json", JSON())]:
    return [n * 2 for n in numbers]

def total(doubled: Annotated[list, pivot.Dep("doubled.json", JSON())]) -> Annotated[dict, pivot.Metric("total.json")]:
    return {"total": sum(doubled)}

def shown(total: Annotated[dict, pivot.Dep("total.json", JSON())]) -> Annotated[str, pivot.Out("shown.txt", Text())]:
    return str(total)
"""
YAML = "stages:\n" + "".join(
    f"  {name}:\n    python: stages.{name}\n" for name in ("double", "total", "shown")
)
TRACKED = ["stages.py", "pivot.yaml", "in.json", ".pivot/format.json", ".pivot/config.yaml", ".pivot/stages"]


class Team:
    """A project, its clones, and the folder that they share."""

    def __init__(self, path: Path, shell) -> None:
        self.path = path
        self._shell = shell
        self.mine = self._folder("mine")
        self.mine.write("stages.py", STAGES)
        self.mine.write("pivot.yaml", YAML)
        self.mine.write("in.json", "[1, 2]")
        assert self.mine.pivot("remote", "add", "share", "../share").code == 0

    def _folder(self, name: str):
        (self.path / name).mkdir()
        return self._shell.at(self.path / name)

    def clone(self, name: str):
        """What git brings along: code, data, locks, settings."""
        made = self._folder(name)
        for item in TRACKED:
            source, target = self.mine.path / item, made.path / item
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            elif source.exists():
                shutil.copy(source, target)
        return made

    def shared(self) -> dict[str, bytes]:
        """The objects on the remote."""
        return {p.parent.name + p.name: p.read_bytes() for p in self.path.glob("share/files/*/*")}


@pytest.fixture
def team(tmp_path: Path, shell) -> Team:
    return Team(tmp_path, shell)


def executed(done) -> list[str]:
    events = [json.loads(line) for line in done.out.splitlines()]
    return [e["stage"] for e in events if e["event"] == "StageFinished" and e["outcome"] in ("ran", "failed")]


def test_after_a_pull_in_a_clone_nothing_runs(team: Team) -> None:
    team.mine.pivot("repro")
    pushed = team.mine.pivot("push")
    assert pushed.code == 0, pushed.err
    assert pushed.out.startswith("pushed 5 files (")  # two objects, three records
    clone = team.clone("clone")
    assert clone.pivot("status", "--check").code == 1
    pulled = clone.pivot("pull")
    assert pulled.code == 0, pulled.err
    rows = pulled.out.splitlines()
    assert [row.split()[-1] for row in rows[:3]] == ["doubled.json", "total.json", "shown.txt"]
    assert rows[3].startswith("pulled 5 files (")
    assert rows[4:] == ["3 stages restored"]
    assert clone.pivot("status", "--check").code == 0
    done = clone.pivot("repro", "--json")
    assert (done.code, executed(done)) == (0, [])
    for name in ("doubled.json", "total.json", "shown.txt"):
        assert (clone.path / name).read_bytes() == (team.mine.path / name).read_bytes()


def test_a_second_time_nothing_is_moved(team: Team) -> None:
    team.mine.pivot("repro")
    team.mine.pivot("push")
    assert team.mine.pivot("push").out == "pushed 0 files (0 bytes), 5 were there already\n"
    clone = team.clone("clone")
    clone.pivot("pull")
    again = clone.pivot("pull")
    assert (again.code, again.err) == (0, "")
    assert again.out.startswith("pulled 0 files (0 bytes), ")


def test_a_fetch_fills_the_cache_and_touches_no_file(team: Team) -> None:
    team.mine.pivot("repro")
    team.mine.pivot("push")
    clone = team.clone("clone")
    fetched = clone.pivot("fetch")
    assert (fetched.code, fetched.out.partition(" (")[0]) == (0, "fetched 5 files")
    assert not (clone.path / "doubled.json").exists()
    assert clone.pivot("checkout").out.splitlines()[-1] == "3 stages restored"


def test_a_pull_keeps_what_a_person_wrote_over_an_output(team: Team) -> None:
    team.mine.pivot("repro")
    team.mine.pivot("push")
    clone = team.clone("clone")
    clone.write("doubled.json", "my own")
    pulled = clone.pivot("pull", "--json")
    (double, *_) = json.loads(pulled.out)["stages"]
    assert (pulled.code, double["restored"]) == (0, ["doubled.json"])
    (notice,) = double["notices"]
    kept = digest_bytes(b"my own")
    assert f"is kept in .pivot/cache/files/{kept[:2]}/{kept[2:]}" in notice
    assert (clone.path / ".pivot/cache/files" / kept[:2] / kept[2:]).read_bytes() == b"my own"


def test_results_are_found_by_the_inputs_where_git_brought_no_locks(team: Team) -> None:
    team.mine.pivot("repro")
    team.mine.pivot("push")
    clone = team.clone("clone")
    shutil.rmtree(clone.path / ".pivot" / "stages")
    assert clone.pivot("pull").code == 0
    assert (clone.path / "shown.txt").exists()
    assert executed(clone.pivot("repro", "--json")) == []


def test_results_of_other_inputs_than_the_locks_are_found(team: Team) -> None:
    team.mine.write("in.json", "[5]")
    team.mine.pivot("repro")
    team.mine.pivot("push")
    team.mine.write("in.json", "[6]")
    team.mine.pivot("repro")
    clone = team.clone("clone")  # its locks are of [6], which nobody pushed
    clone.write("in.json", "[5]")
    assert clone.pivot("pull").code == 0
    assert executed(clone.pivot("repro", "--json")) == []
    assert json.loads((clone.path / "total.json").read_text()) == {"total": 10}


def test_targets_stand_for_themselves_and_what_they_need(team: Team) -> None:
    team.mine.pivot("repro")
    report = json.loads(team.mine.pivot("push", "double", "--json").out)
    assert (report["moved"], report["failed"], report["unknown"]) == (2, [], [])
    assert list(team.shared().values()) == [(team.mine.path / "doubled.json").read_bytes()]
    clone = team.clone("clone")
    assert clone.pivot("pull", "double").code == 0
    failed = clone.pivot("pull")
    assert failed.code == 1
    assert failed.err.splitlines()[0] == "error: stage 'shown': shown.txt: the remote does not have it"
    moved, placed = failed.out.splitlines()[-2:]
    assert moved.endswith(", 1 failed")
    assert placed == "0 stages restored, 2 failed, 1 in place"
    assert failed.err.count("shown.txt") == 1
    assert "error: stage 'total': the bytes of total.json are not in the cache" in failed.err


def test_what_never_ran_is_named_and_no_failure(team: Team) -> None:
    done = team.mine.pivot("push")
    assert (done.code, done.err.splitlines()) == (0, ["no result is known of double, total, shown"])


def test_lost_objects_are_named_and_the_others_pushed(team: Team) -> None:
    team.mine.pivot("repro")
    shown = (team.mine.path / "shown.txt").read_bytes()
    for name in ("doubled.json", "shown.txt"):
        data = (team.mine.path / name).read_bytes()
        digest = digest_bytes(data)
        (team.mine.path / ".pivot/cache/files" / digest[:2] / digest[2:]).unlink()
    (team.mine.path / "doubled.json").unlink()  # the other file is in place, so its object can be made again
    done = team.mine.pivot("push")
    assert done.code == 1
    assert "error: stage 'double': doubled.json: its bytes are not in the cache" in done.err
    assert list(team.shared().values()) == [shown]


def test_a_damaged_object_on_the_remote_is_not_taken(team: Team) -> None:
    team.mine.pivot("repro")
    team.mine.pivot("push")
    digest = digest_bytes((team.mine.path / "shown.txt").read_bytes())
    path = team.path / "share/files" / digest[:2] / digest[2:]
    path.write_bytes(b"#" * path.stat().st_size)
    clone = team.clone("clone")
    done = clone.pivot("pull")
    assert done.code == 1
    assert "error: stage 'shown': shown.txt: its bytes on the remote are damaged" in done.err
    assert executed(clone.pivot("repro", "--json")) == ["shown"]  # made again, from what did come


# for each number n that it is given, a child pushes, and is killed at the n-th thing that it does to a file under a
# folder; how it ended is printed
KILLED = """
import os, signal, sys
import pivot.engine.exchange, pivot.project
from pivot.cli.main import main
def hook(event, arguments):
    global left
    if event in ("pivot.write", "pivot.fsync", "os.rename") and str(arguments[0]).startswith(sys.argv[1]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        left = int(line)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.addaudithook(hook)
        main(["push", "-j", "1"])
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_push_killed_anywhere_leaves_whole_objects_and_goes_on(team: Team) -> None:
    team.mine.pivot("repro")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(team.path / "share")],
        cwd=team.mine.path,
        env=team.mine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as pusher:
        for step in range(1, 100):
            shutil.rmtree(team.path / "share", ignore_errors=True)
            print(step, file=pusher.stdin, flush=True)
            code = int(pusher.stdout.readline())
            if code == 0:
                break
            assert code == -signal.SIGKILL
            assert all(digest_bytes(data) == name for name, data in team.shared().items())
            if step % 5 == 0:
                assert team.mine.pivot("push").code == 0
                assert len(team.shared()) == 2
        pusher.stdin.close()
    assert step > 15


def test_remotes_are_listed_added_and_removed(team: Team) -> None:
    (team.path / "disk").mkdir()
    assert team.mine.pivot("remote", "list").out == "* share  ../share\n"
    added = team.mine.pivot("remote", "add", "disk", str(team.path / "disk"), "--default")
    assert added.code == 0
    listed = json.loads(team.mine.pivot("remote", "list", "--json").out)
    assert listed == {
        "remotes": {"share": "../share", "disk": str(team.path / "disk")},
        "default_remote": "disk",
    }
    team.mine.pivot("repro")
    team.mine.pivot("push")
    assert os.listdir(team.path / "disk") != []
    assert not (team.path / "share").exists()
    team.mine.pivot("push", "-r", "share")
    assert len(team.shared()) == 2
    assert team.mine.pivot("remote", "remove", "disk").code == 0
    assert team.mine.pivot("remote", "list").out == "* share  ../share\n"
    team.mine.pivot("remote", "remove", "share")
    assert "pivot remote add NAME FOLDER" in team.mine.pivot("remote", "list").err


def test_a_relative_folder_is_taken_from_where_the_person_is(team: Team) -> None:
    (team.mine.path / "sub").mkdir()
    assert team.mine.pivot("-C", "sub", "remote", "add", "near", "../../near").code == 0
    assert "near   ../near" in team.mine.pivot("remote", "list").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["push", "-r", "shar"], "did you mean 'share'?"),
        (["pull"], "is it mounted?"),
        (["remote", "add", "s3", "s3://bucket/x"], "s3 remotes come later"),
        (["remote", "add", "share", "/x"], "there is a remote 'share' already"),
        (["remote", "add", "-", "/x"], "cannot be called"),
        (["remote", "remove", "disk"], "remotes are: share"),
        (["push", "duoble"], "did you mean 'double'?"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(team: Team, words: list[str], said: str) -> None:
    done = team.mine.pivot(*words)
    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err
