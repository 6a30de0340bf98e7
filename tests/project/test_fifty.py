"""A pipeline of fifty stages in a git repository: nothing runs twice, however one comes back to a result."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

KIT = """
ROUND = 3

def mean(values):
    return round(sum(values) / max(len(values), 1), ROUND)

def spread(values):
    return max(values) - min(values)
"""
PREPARE = """
from typing import Annotated
from kit import mean
from pivot import Dep, DirectoryOut, Out, StageParams, loaders

class Limits(StageParams):
    lowest: int = 0

def shards(
    raw: Annotated[dict, Dep("raw/", loaders.Text())],
) -> Annotated[dict, DirectoryOut("made/shards/", loaders.JSON())]:
    return {f"{name[:-4]}.json": [int(line) for line in text.split()] for name, text in raw.items()}

def clean(
    shard: Annotated[list, Dep("made/shards/0.json")], params: Limits
) -> Annotated[list, Out("made/clean/0.json")]:
    return [n for n in shard if n >= params.lowest]

def scaled(numbers: Annotated[list, Dep("made/clean/0.json")]) -> Annotated[list, Out("made/scaled/0.pkl")]:
    return [n / mean(numbers) for n in numbers]
"""
MEASURE = """
from typing import Annotated, TypedDict
from kit import mean, spread
from pivot import Dep, Metric, Out

class Ends(TypedDict):
    ends: Annotated[list, Out(["made/low.json", "made/high.json"])]
    count: Annotated[int, Metric("metrics/count.json")]

def measured(numbers: Annotated[list, Dep("made/clean/0.json")]) -> Annotated[dict, Metric("metrics/0.json")]:
    return {"mean": mean(numbers), "spread": spread(numbers)}

def paired(both: Annotated[list, Dep(["made/scaled/0.pkl", "made/scaled/1.pkl"])]) -> Ends:
    first, second = both
    return {"ends": [min(first, second), max(first, second)], "count": len(first) + len(second)}
"""
FOLLOW = """
from typing import Annotated
from pivot import Dep, Out

def start(high: Annotated[list, Dep("made/0/high.json")]) -> Annotated[list, Out("made/chain/0.json")]:
    return high

def step(before: Annotated[list, Dep("made/chain/0.json")]) -> Annotated[list, Out("made/chain/1.json")]:
    return [*before[1:], before[0] * 2]
"""
REPORT = """
from pathlib import Path
from typing import Annotated
from kit import mean
from pivot import Dep, DirectoryOut, Metric, Out, Plot, loaders

CLEAN = [f"made/clean/{i}.json" for i in range(10)]

def pages(
    numbers: Annotated[list, Dep(CLEAN)], last: Annotated[list, Dep("made/chain/9.json")]
) -> Annotated[dict, DirectoryOut("report/pages/", loaders.Text())]:
    return {f"{i}/page.md": f"{mean(each)} {last[0]}" for i, each in enumerate(numbers)}

def curve(numbers: Annotated[list, Dep(CLEAN)]) -> Annotated[list, Plot("report/curve.json", x="part", y="mean")]:
    return [{"part": i, "mean": mean(each)} for i, each in enumerate(numbers)]

def note(
    pages: Annotated[Path, Dep("report/pages/", loaders.PathOnly())],
) -> Annotated[Path, Out("report/note.txt", loaders.PathOnly())]:
    path = Path("report/note.txt")
    path.write_text(" ".join(sorted(page.read_text().split()[0] for page in pages.glob("*/page.md"))))
    return path

def total(
    each: Annotated[list, Dep([f"metrics/{i}.json" for i in range(10)])],
    first: Annotated[str, Dep("report/pages/0/page.md")],
) -> Annotated[dict, Metric("metrics/total.json")]:
    return {"mean": mean([one["mean"] for one in each]), "first": first}
"""


def entries():
    """The lines of ``pivot.yaml``: 1 + 3 * 10 + 5 + 10 + 4 stages."""
    yield "stages: {shards: {python: prepare.shards},"
    each = "matrix: {i: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}, deps:"
    yield f"clean: {{python: prepare.clean, {each} {{shard: 'made/shards/${{i}}.json'}}, outs: {{out: 'made/clean/${{i}}.json'}}}},"
    yield f"scaled: {{python: prepare.scaled, {each} {{numbers: 'made/clean/${{i}}.json'}}, outs: {{out: 'made/scaled/${{i}}.pkl'}}}},"
    yield f"measured: {{python: measure.measured, {each} {{numbers: 'made/clean/${{i}}.json'}}, metrics: {{out: 'metrics/${{i}}.json'}}}},"
    for i in range(5):
        yield f"paired_{i}: {{python: measure.paired, deps: {{both: [made/scaled/{i}.pkl, made/scaled/{9 - i}.pkl]}},"
        yield f" outs: {{ends: [made/{i}/low.json, made/{i}/high.json]}}, metrics: {{count: metrics/count_{i}.json}}}},"
    yield "start: {python: follow.start},"
    for i in range(1, 10):
        yield f"step_{i}: {{python: follow.step, deps: {{before: made/chain/{i - 1}.json}}, outs: {{out: made/chain/{i}.json}}}},"
    yield "pages: {python: report.pages}, curve: {python: report.curve}, note: {python: report.note}, total: {python: report.total}}"


@dataclass
class Line:
    """The repository, and what a person does in it."""

    path: Path
    cache: str = ""

    def pivot(self, *words: str) -> tuple[int, list[str], str]:
        """Run a command in a process of its own: exit code, lines of stdout, stderr."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PIVOT_")}
        environment |= {"NO_COLOR": "1", "PYTHONUTF8": "1"} | (
            {"PIVOT_CACHE_DIR": self.cache} if self.cache else {}
        )
        command = [sys.executable, "-m", "pivot", *words]
        done = subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout.splitlines(), done.stderr

    def repro(self) -> dict[str, int]:
        """Run all; what the last line of the report counts. The logs say the same of what was executed."""
        before = self.logs()
        code, out, err = self.pivot("repro")
        assert (code, err) == (0, ""), (out, err)
        counts = {
            word: int(number)
            for number, word in re.findall(r"(\d+) (?:stages? )?(\w+)", out[-1].split(" (")[0])
        }
        assert self.logs() - before == counts["run"]
        return counts

    def logs(self) -> int:
        """How many executions of stages left a log."""
        return len([*self.path.glob(".pivot/runs/*/*.log")])

    def git(self, *words: str) -> str:
        """Run ``git``."""
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", *who, *words]
        return subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=True).stdout

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a piece of a file's text."""
        text = (self.path / name).read_text()
        assert old in text
        (self.path / name).write_text(text.replace(old, new))

    def results(self) -> dict[str, bytes]:
        """All that the stages wrote."""
        folders = ("made", "report", "metrics")
        files = [file for folder in folders for file in (self.path / folder).rglob("*") if file.is_file()]
        return {str(file.relative_to(self.path)): file.read_bytes() for file in files}

    def object_of(self, path: str) -> Path:
        """Where the cache has an output, or a file of a folder that is one."""
        digests = {path: found["digest"] for lock in self.locks() for path, found in lock["outputs"].items()}
        if path in digests:
            return self._object(digests[path])
        folder = next(out for out in digests if path.startswith(out) and out.endswith("/"))
        rows = self._object(digests[folder]).read_text().splitlines()
        row = next(row for row in rows if path.removeprefix(folder) in row)
        return self._object(re.findall(r"[0-9a-f]{32}", row)[0])

    def locks(self) -> list[dict]:
        """The lock files."""
        return [json.loads(file.read_text()) for file in (self.path / ".pivot/stages").glob("*.lock")]

    def _object(self, digest: str) -> Path:
        return self.path / ".pivot/cache/files" / digest[:2] / digest[2:]


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """The repository after its first run, all committed that belongs into git."""
    line = Line(tmp_path_factory.mktemp("fifty"))
    texts = {"kit": KIT, "prepare": PREPARE, "measure": MEASURE, "follow": FOLLOW, "report": REPORT}
    for name, text in texts.items():
        (line.path / f"{name}.py").write_text(textwrap.dedent(text).lstrip())
    (line.path / "pivot.yaml").write_text("\n".join(entries()))
    (line.path / ".gitignore").write_text("/made/\n/report/\n__pycache__/\n")
    (line.path / "raw").mkdir()
    for i in range(10):
        (line.path / f"raw/{i}.txt").write_text("\n".join(str(n * n % 17 + i) for n in range(8 + i)))
    line.git("init", "-q", "-b", "main")
    assert line.repro() == {"run": 50}
    line.commit("first")
    return line


@pytest.fixture
def line(committed, tmp_path):
    """A copy of it: also what a project that was moved to another place looks like."""
    shutil.copytree(committed.path, tmp_path / "line", symlinks=True)
    return Line(tmp_path / "line")


def make_other(line: Line) -> int:
    """Edit a helper and a default, run; gives how many stages ran."""
    line.edit("kit.py", "max(len(values), 1), ROUND)", "max(len(values), 1) + 1, ROUND)")
    line.edit("prepare.py", "lowest: int = 0", "lowest: int = 3")
    return line.repro()["run"]


def test_a_second_run_and_a_moved_project_execute_nothing(line):
    assert line.repro() == {"run": 0, "unchanged": 50}
    assert line.git("status", "--porcelain") == ""


def test_a_revert_of_an_edit_executes_nothing(line):
    first = line.results()
    assert make_other(line) == 49
    other = line.results()
    assert [path for path in ("made/shards/9.json", "report/note.txt") if first[path] != other[path]] == [
        "report/note.txt"
    ]

    line.git("checkout", "kit.py", "prepare.py")  # the code only: the lock files are of the other
    code, out, _ = line.pivot("status")
    assert (code, out[-1].split(", ")[0]) == (0, "0 of 50 stages will run")
    counts = line.repro()
    assert (counts["run"], sum(counts.values())) == (0, 50)
    assert line.results() == first
    assert line.git("status", "--porcelain") == ""  # the lock files are byte for byte as they were


def test_a_stash_and_its_pop_execute_nothing(line):
    first = line.results()
    make_other(line)
    other = line.results()
    line.git("stash", "-q")
    assert line.repro()["run"] == 0
    assert line.results() == first
    line.git("stash", "pop", "-q")
    assert line.repro()["run"] == 0
    assert line.results() == other


def test_branches_that_were_run_once_are_switched_without_executions(line):
    results = {"main": line.results()}
    line.git("checkout", "-q", "-b", "other")
    make_other(line)
    line.commit("other")
    results["other"] = line.results()
    line.git("checkout", "-q", "-b", "third")
    line.edit("kit.py", "max(values) - min(values)", "max(values)")
    assert line.repro() == {"run": 11, "unchanged": 39}  # what measures, and the total of it
    line.commit("third")
    results["third"] = line.results()
    for branch in ("main", "other", "third", "main", "third"):
        line.git("checkout", "-q", branch)
        assert line.repro()["run"] == 0
        assert line.results() == results[branch]
        assert line.git("status", "--porcelain") == ""
    line.git("revert", "--no-edit", "HEAD")  # of third, so that other is back
    assert line.repro()["run"] == 0
    assert line.results() == results["other"]


def test_deleted_outputs_are_restored(line):
    first = line.results()
    for folder in ("made", "report", "metrics"):
        shutil.rmtree(line.path / folder)
    (line.path / ".pivot/state.db").unlink()
    assert line.pivot("status")[1][-1] == "0 of 50 stages will run, 50 will be restored"
    assert line.repro() == {"run": 0, "restored": 50}
    assert line.results() == first
    assert line.repro() == {"run": 0, "unchanged": 50}


def cut_short(file: Path) -> None:
    """Damage that its size shows."""
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])


def flip(file: Path) -> None:
    """Damage that nothing but the bytes shows."""
    stat = file.stat()
    file.chmod(0o644)
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def shares_blocks(folder: Path) -> bool:
    """Whether copies on this file system share blocks; then what is copied is not read, and cannot be checked."""
    (folder / "a").write_bytes(b"a" * 4096)
    copied = subprocess.run(
        ["cp", "--reflink=always", "a", "b"], cwd=folder, capture_output=True, check=False
    )
    return copied.returncode == 0


DAMAGED = {
    "a file": ("made/chain/4.json", "step_4"),
    "one of two files": ("made/3/high.json", "paired_3"),
    "a file in a folder": ("made/shards/7.json", "shards"),
    "a folder's tree": ("report/pages/", "pages"),
    "a file that the stage wrote itself": ("report/note.txt", "note"),
}


@pytest.mark.parametrize("damage", [cut_short, flip])
@pytest.mark.parametrize(("path", "stage"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_object_is_found_and_its_stage_runs_again(line, path, stage, damage, tmp_path):
    if damage is flip and shares_blocks(tmp_path):
        pytest.skip("a copy on this file system is not read")
    first = line.results()
    found = line.object_of(path)
    damage(found)
    for folder in ("made", "report"):
        shutil.rmtree(line.path / folder)
    code, out, err = line.pivot("repro")
    assert (code, err) == (0, "")
    ran = [row.split() for row in out if row.startswith("✓ ran ")]
    assert [row[4] for row in ran] == [stage]
    name = f"{found.parent.name}{found.name}"
    assert [row for row in out if name in row] == [
        f"{stage}: object {name} in the cache was damaged; it is put aside in .pivot/cache/quarantine"
    ]
    declared = "made/shards/" if stage == "shards" else path
    assert " ".join(ran[0][5:]).startswith(f"Output lost: {declared}")
    assert out[-1].startswith("1 stage run, ")
    assert line.results() == first
    assert line.pivot("verify")[0] == 0


def test_a_damaged_object_is_made_again_of_the_output_in_place(line):
    cut_short(line.object_of("made/chain/4.json"))
    flip(line.object_of("made/shards/7.json"))
    code, out, _ = line.pivot("verify")
    assert code == 1
    assert [row.split()[0] for row in out[:-1]] == ["damaged", "damaged"]
    assert line.repro() == {"run": 0, "unchanged": 50}
    assert line.pivot("verify")[0] == 0


def test_a_clone_that_shares_the_cache_executes_nothing(line, tmp_path):
    line.git("clone", "-q", str(line.path), str(tmp_path / "clone"))
    clone = Line(tmp_path / "clone", cache=str(line.path / ".pivot/cache"))
    counts = clone.repro()
    assert (counts["run"], sum(counts.values())) == (0, 50)
    assert clone.results() == line.results()
    assert clone.git("status", "--porcelain") == ""


def test_a_clone_pulls_what_it_needs_and_executes_nothing(line, tmp_path):
    assert line.pivot("remote", "add", "shared", "../remote")[0] == 0
    assert line.pivot("push")[0] == 0
    line.commit("the remote")
    line.git("clone", "-q", str(line.path), str(tmp_path / "clone"))
    clone = Line(tmp_path / "clone")
    assert clone.pivot("pull")[0] == 0
    counts = clone.repro()
    assert (counts["run"], sum(counts.values())) == (0, 50)
    assert clone.results() == line.results()


def test_a_clone_without_data_can_be_checked(line, tmp_path):
    line.git("rm", "-q", "-r", "--cached", "raw")
    line.git("commit", "-q", "-m", "no data in git")
    line.git("clone", "-q", str(line.path), str(tmp_path / "clone"))
    clone = Line(tmp_path / "clone")
    code, out, err = clone.pivot("status", "--check", "--allow-missing")
    assert (code, out[-1], err) == (0, "0 of 50 stages will run", "")
    assert clone.pivot("status", "--check")[0] == 1
    clone.edit("kit.py", "max(values) - min(values)", "max(values)")
    code, out, _ = clone.pivot("status", "--check", "--allow-missing")
    assert (code, out[-1]) == (1, "10 of 50 stages will run, 1 wait")
