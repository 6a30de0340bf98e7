"""A project with all that a stage can declare, what plain Python makes of its inputs, and ways to kill its commands."""

import json
import math
import os
import random
import select
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pivot.model.digest import digest_bytes
from pivot.store import codec
from pivot.store.layout import Layout, open_layout
from pivot.store.lockfile import read_locks
from pivot.store.store import Store

COMMAND = """
import os
import pivot.cli.checkout, pivot.cli.commit, pivot.cli.gc, pivot.cli.main, pivot.cli.progress, pivot.cli.repro
import pivot.cli.transfer, pivot.engine.exchange, pivot.executors.forkserver, pivot.remote.folder


def pivot(folder, *words):
    os.chdir(folder)
    return lambda: __import__("pivot").cli.main.main([*words])
"""

STAGES = Path(__file__).with_name("stages.py").read_text()

REPRO = ("repro", "--jobs", "2")

OUTS = {
    "split": ("half/", "count.json"),
    "shard": ("shards/",),
    "own": ("own/",),
    "remember": ("seen.json",),
    "enter": ("ledger.txt",),
    "report": ("report.txt", "loose/", "score.json"),
}
"""The files of each stage: what is in these folders, and these files."""

Bytes = dict[str, bytes]
Words = tuple[str, ...]


@dataclass(frozen=True)
class Given:
    """What a person gives to the project."""

    text: str
    scale: int = 2
    loud: bool = False

    @property
    def word(self) -> str:
        """What the stages that remember see of it."""
        return self.text.split()[0]


def text_of(version: int) -> str:
    """The text of ``data.txt`` in a version."""
    return f"v{version} " + f"{version} lorem ipsum dolor " * (60 + 7 * (version % 9))


def truth(given: Given, seen: Words, entered: Words) -> dict[str, Bytes]:
    """What each stage's files hold if everything is run, after what two of them remember of earlier runs."""
    seen, entered = (
        words if words[-1:] == (given.word,) else (*words, given.word) for words in (seen, entered)
    )
    middle = len(given.text) // 2
    a, b = given.text[:middle] * given.scale, given.text[middle:] * given.scale
    shards = {}
    for n, start in enumerate(range(0, len(a + b), 700)):
        piece = (a + b)[start : start + 700]
        shards[f"{n % 2}/{n}.txt"] = piece.upper() if given.loud else piece
    ledger = "".join(f"{word}\n" for word in entered)
    texts = {
        "split": {
            "half/a.txt": a,
            "half/b.txt": b,
            "count.json": as_json({"n": len(given.text) * given.scale}),
        },
        "shard": {f"shards/{name}": text for name, text in shards.items()},
        "own": dict.fromkeys(("own/raw.txt", "own/tree/deep/1.txt", "own/tree/2.txt"), a),
        "remember": {"seen.json": as_json([*seen])},
        "enter": {"ledger.txt": ledger},
        "report": {
            "report.txt": "|".join(shards[name] for name in sorted(shards)) + a + a + ledger,
            "loose/last.txt": seen[-1],
            "loose/all.txt": ledger,
            "score.json": as_json({"s": len(seen)}),
        },
    }
    return {stage: {p: text.encode() for p, text in files.items()} for stage, files in texts.items()}


def as_json(value: object) -> str:
    """As the loader writes it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


@dataclass
class Site:
    """The project, what was given to it, and the nursery whose children are its commands."""

    path: Path
    nursery: Any
    mark: str
    rng: random.Random
    given: Given = field(default_factory=lambda: Given(text_of(0)))
    seen: Words = ()
    entered: Words = ()
    by_hand: list[bytes] = field(default_factory=list)
    written: int = 0
    kills: int = 0
    misses: int = 0
    durations: dict[str, float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return open_layout(str(self.path))

    def give(self, given: Given) -> None:
        """Edit data, code and params."""
        self.given = given
        write(self.path / "data.txt", given.text)
        write(self.path / "stages.py", STAGES.replace("SCALE = 2", f"SCALE = {given.scale}"))
        params = "    params:\n      loud: true\n" if given.loud else ""
        lines = [f"  {name}:\n    python: stages.{name}\n" for name in OUTS]
        write(self.path / "pivot.yaml", "stages:\n" + "".join(lines).replace("shard\n", f"shard\n{params}"))

    def give_version(self, version: int) -> None:
        """Edit the data alone."""
        self.give(Given(text_of(version), self.given.scale, self.given.loud))

    def edit(self) -> None:
        """Change something, or change it back; what a stage wrote may be deleted, or written over by hand."""
        version, scale, loud = self.rng.randrange(4), self.rng.choice([2, 2, 3]), self.rng.random() < 0.3
        self.give(Given(text_of(version), scale, loud))
        if self.rng.random() < 0.6:
            self.mangle()

    def mangle(self) -> None:
        """Delete a file that a stage wrote, or write it over by hand."""
        place = self.path / self.rng.choice(["half/b.txt", "count.json", "shards/0/0.txt", "own/raw.txt"])
        if not place.exists():
            return
        if place.read_bytes() in self.by_hand:  # then this person does not want it any more
            self.by_hand.remove(place.read_bytes())
        if self.rng.random() < 0.5:
            place.unlink()
            return
        self.written += 1
        self.by_hand.append(f"by hand {self.written} {self.mark}".encode())
        place.write_bytes(self.by_hand[-1])

    def clear(self) -> None:
        """Delete all that stages wrote and can be had from the cache."""
        for place in (path for places in OUTS.values() for path in places if path != "loose/"):
            if place.endswith("/"):
                shutil.rmtree(self.path / place, ignore_errors=True)
            else:
                (self.path / place).unlink(missing_ok=True)

    def files(self) -> dict[str, Bytes]:
        """What is in the workspace, by stage."""
        found: dict[str, Bytes] = {}
        for stage, places in OUTS.items():
            paths = [p for place in places for p in files_in(self.path / place)]
            found[stage] = {str(p.relative_to(self.path)): p.read_bytes() for p in paths}
        return found

    def run(self, *words: str) -> Any:
        """Run a command to its end, which must be a good one."""
        began = time.monotonic()
        ended = self.nursery.run("pivot", str(self.path), *words)
        self.durations[words[0]] = max(self.durations.get(words[0], 0.0), time.monotonic() - began)
        self.steps[words[0]] = max(self.steps.get(words[0], 0), ended.steps)
        assert ended.code == 0, ended.out + ended.err
        return ended

    def complete(self) -> None:
        """Run what is to be run: everything must be as if all had been run anew."""
        expected = truth(self.given, self.seen, self.entered)
        self.run(*REPRO)
        assert self.files() == expected
        self.remember()
        assert {digest_bytes(data) for data in self.by_hand} <= self.names(), "what a person wrote is lost"

    def start(self, *words: str, last: int = 0) -> Any:
        """Begin a command."""
        return self.nursery.start("pivot", str(self.path), *words, last=last)

    def killed(self, *words: str, changes: bool) -> None:
        """Begin a command, kill it, and wait for its end; it may have been faster.

        Args:
            changes: whether to kill it before one of its changes to a file, rather than at a random instant.
        """
        share = self.rng.random() * 0.8**self.misses  # there is not always as much to do
        child = self.start(*words, last=1 + int(share * self.steps[words[0]]) if changes else 0)
        if not changes:
            kill_after(child.pid, share * self.durations[words[0]])
        hit = child.wait().killed
        self.kills += hit
        self.misses = 0 if hit else self.misses + 1

    def killed_other(self, driver: int) -> bool:
        """Kill one of the processes of a run but its driver, at a random instant; gives whether there was one."""
        fd = os.pidfd_open(driver)
        select.select([fd], [], [], self.rng.random() * self.durations["repro"])
        os.close(fd)
        others = sorted(self.processes().keys() - {driver})
        return bool(others) and kill_after(self.rng.choice(others), 0)

    def settled(self, before: dict[str, Bytes]) -> None:
        """After a kill: no process is left, and the next command finds each stage as it was, or as it is to be."""
        self.all_gone()
        store = Store(str(self.path), None)  # every command begins with it
        store.close()
        assert self.leftovers() == []
        after, found = truth(self.given, self.seen, self.entered), self.files()
        for stage, files in found.items():
            assert files in (before[stage], after[stage]), f"{stage} is torn"
        self.remember()
        self.sound()

    def remember(self) -> None:
        """What stages remember counts from now on; a file that was deleted comes back as it was."""
        for file in files_in(self.path / "seen.json"):
            self.seen = tuple(json.loads(file.read_text()))
        for file in files_in(self.path / "ledger.txt"):
            self.entered = tuple(file.read_text().split())

    def all_gone(self) -> None:
        """Wait until no process of the project is left."""
        end = time.monotonic() + 60
        while left := self.processes():
            assert time.monotonic() < end, f"orphans: {left}"
            time.sleep(0.005)

    def processes(self) -> dict[int, str]:
        """The processes of the project and their names: fork server, workers, the programs of stages."""
        return {pid: name for pid, name in marked(self.mark).items() if pid != self.nursery.pid}

    def names(self) -> set[str]:
        """The objects in the cache."""
        return {path.parent.name + path.name for path in self.objects()}

    def objects(self) -> list[Path]:
        """The files that hold them."""
        return files_in(self.path / ".pivot/cache/files")

    def leftovers(self) -> list[str]:
        """Files of ours that should be gone when nothing is under way."""
        found = [*self.path.rglob(".pivot-*"), *files_in(self.path / ".pivot/journal")]
        return [str(path.relative_to(self.path)) for path in found]

    def unfinished(self) -> list[Path]:
        """What was only half written into the cache."""
        return files_in(self.path / ".pivot/cache/tmp")

    def sound(self) -> None:
        """All that is under ``.pivot`` reads well."""
        for path in self.objects():
            assert digest_bytes(path.read_bytes()) == path.parent.name + path.name
        assert not read_locks(self.layout)[1]
        for path in files_in(self.path / ".pivot/cache/runs"):
            text = path.read_text()
            assert codec.decode(text, json.loads(text)["stage"], str(path)).outputs
        with sqlite3.connect(self.layout.state_db) as database:
            assert database.execute("pragma quick_check").fetchone() == ("ok",)
        database.close()


def write(path: Path, text: str) -> None:
    """Write a file, unless it holds the text."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def files_in(place: Path) -> list[Path]:
    """The files of a folder at any depth, or the file itself."""
    if place.is_file():
        return [place]
    return [path for path in place.rglob("*") if path.is_file() and ".pivot-" not in str(path)]


def marked(mark: str) -> dict[int, str]:
    """The processes that have a text in their environment, and their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it is gone, or another person's
    return found


def kill_after(pid: int, seconds: float) -> bool:
    """Kill a process after so many seconds; gives whether it was still there."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if select.select([fd], [], [], seconds)[0]:
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


@pytest.fixture
def site(tmp_path: Path, nursery: Callable[..., Any], request: pytest.FixtureRequest) -> Iterator[Site]:
    """The project, which has run once."""
    mark = f"killed-{os.getpid()}-{tmp_path.name}"
    path = tmp_path / "project"
    path.mkdir()
    made = Site(path, nursery(COMMAND, KILLED_PROJECT=mark), mark, random.Random(request.node.name))
    made.give(Given(text_of(0)))
    made.complete()
    yield made
    made.all_gone()


@pytest.fixture
def kills() -> Callable[[int], int]:
    """How many kills a test is to do, from its part of the 320 that are done by default; PIVOT_KILLS: of so many."""
    factor = int(os.environ.get("PIVOT_KILLS", "320")) / 320
    return lambda part: math.ceil(part * factor)
