"""A project with every kind of dep and out, the ``pivot`` commands run in it, and places with something wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

STAGES = """
from pathlib import Path
from typing import Annotated

import pivot
from pivot.loaders import JSON, PathOnly, Text

END = ''

In = Annotated[str, pivot.Dep(f"in{END}.txt", Text())]


def file(text: In) -> Annotated[str, pivot.Out(f"file{END}.txt", Text())]:
    return text * 3


def several(texts: Annotated[list, pivot.Dep([f"in{END}.txt", f"file{END}.txt"], Text())]
            ) -> Annotated[list, pivot.Out([f"x{END}.txt", f"y{END}.txt"], Text())]:
    return texts[::-1]


def folder(text: In) -> Annotated[dict, pivot.DirectoryOut(f"folder{END}/", Text())]:
    return {f"a{END}.txt": text, f"deep/b{END}.txt": text + "!"}


def loose(text: In) -> Annotated[dict, pivot.DirectoryOut(f"loose{END}/", Text(), cache=False)]:
    return {f"a{END}.txt": text}


def own(text: In) -> Annotated[Path, pivot.Out(f"own{END}.txt", PathOnly())]:
    path = pivot.out_path()
    path.write_text(text + "\\n")
    return path


def uncached(text: In) -> Annotated[str, pivot.Out(f"uncached{END}.txt", Text(), cache=False)]:
    return text.upper()


def plot(text: In) -> Annotated[list, pivot.Plot(f"plot{END}.json", JSON())]:
    return [len(text)]


def state(last: Annotated[list, pivot.IncrementalOut(f"state{END}.json", JSON(empty_factory=list))],
          text: In) -> Annotated[list, pivot.IncrementalOut(f"state{END}.json", JSON(empty_factory=list))]:
    return [*last, text]


def metric(folder: Annotated[Path, pivot.Dep(f"folder{END}/", PathOnly())],
           loose: Annotated[dict, pivot.Dep(f"loose{END}/", Text())],
           one: Annotated[str, pivot.Dep(f"folder{END}/a{END}.txt", Text())]) -> Annotated[int, pivot.Metric(f"metric{END}.json")]:
    return len(one) + len(loose) + len((folder / f"deep/b{END}.txt").read_text())
"""
NAMES = ("file", "several", "folder", "loose", "own", "uncached", "plot", "state", "metric")
YAML = "stages:\n" + "".join(f"  {name}: {{ python: stages.{name} }}\n" for name in NAMES)


def right(text: str, end: str = "") -> dict[str, str]:
    """What every output but the one with state holds; `end`: of all their names."""
    return {
        f"file{end}.txt": text * 3,
        f"x{end}.txt": text * 3,
        f"y{end}.txt": text,
        f"folder{end}/a{end}.txt": text,
        f"folder{end}/deep/b{end}.txt": text + "!",
        f"loose{end}/a{end}.txt": text,
        f"own{end}.txt": text + "\n",
        f"uncached{end}.txt": text.upper(),
        f"plot{end}.json": f"[\n  {len(text)}\n]\n",
        f"metric{end}.json": f"{len(text) + 1 + len(text) + 1}\n",
    }


@dataclass(frozen=True)
class Finished:
    """A finished command."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """All that it said."""
        return f"{self.out}\n{self.err}"


@dataclass
class Kinds:
    """The project, and how commands are run in it.

    Attributes:
        path: as this process sees it.
        inner: as the commands see it.
        prefix: what starts a command.
        end: of the names of all files.
        root: what is before absolute paths of theirs, for this process.
    """

    path: Path
    inner: str = ""
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    end: str = ""
    root: str = ""

    def make(self, text: str = "one", settings: str = "") -> "Kinds":
        """Write the project; it has not run."""
        self.path.mkdir(exist_ok=True)
        (self.path / "stages.py").write_text(STAGES.replace("END = ''", f"END = {self.end!a}"))
        (self.path / "pivot.yaml").write_text(YAML)
        self.edit(text)
        if settings:
            (self.path / ".pivot").mkdir(exist_ok=True)
            (self.path / ".pivot/config.yaml").write_text(settings)
            (self.path / ".pivot/format.json").write_text('{"hash": "xxh3-128", "version": 1}\n')
        return self

    def edit(self, text: str) -> None:
        """Give every stage another text to read."""
        (self.path / f"in{self.end}.txt").write_text(text)

    def start(self, *words: str, **options: object) -> "subprocess.Popen[bytes]":
        """Start ``pivot`` and do not wait for it."""
        known = {k: v for k, v in os.environ.items() if not k.startswith("PIVOT_")}
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [*self.prefix, sys.executable, "-m", "pivot", "-C", self.inner or str(self.path), *words],
            env={**known, "NO_COLOR": "1", "PYTHONUTF8": "1", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def pivot(self, *words: str, **options: object) -> Finished:
        """Run ``pivot`` to its end; it never shows a traceback of its own and never ends in any other way."""
        process = self.start(*words, **options)
        try:
            out, err = (data.decode(errors="surrogateescape") for data in process.communicate(timeout=300))
        except BaseException:
            process.kill()
            process.communicate()
            raise
        done = Finished(words, process.returncode, out, err)
        assert done.code in (0, 1, 2), done
        assert "Pivot itself failed" not in done.told, done
        assert "Traceback" not in done.err, done
        return done

    def outcomes(self, *words: str, **options: object) -> dict[str, str]:
        """Run; how each stage ended."""
        done = self.pivot("repro", "--json", *words, **options)
        events = [json.loads(line) for line in done.out.splitlines()]
        return {e["stage"]: e["outcome"] for e in events if e["event"] == "StageFinished"}

    def held(self) -> dict[str, str]:
        """What the outputs hold, but the one with state, as far as they are there."""
        places = {name: self._behind(self.path / name) for name in right("", self.end)}
        return {name: place.read_text() for name, place in places.items() if place.is_file()}

    def state(self) -> list[str]:
        """What the output with state holds."""
        return json.loads((self.path / f"state{self.end}.json").read_text())

    def _behind(self, place: Path) -> Path:
        return Path(self.root + os.readlink(place)) if place.is_symlink() else place

    def objects(self) -> list[Path]:
        """All objects in the project's own cache."""
        return [path for path in (self.path / ".pivot/cache/files").rglob("*") if path.is_file()]

    def leftovers(self) -> list[str]:
        """Files of ours that are gone when nothing is under way."""
        found = [str(path) for path in self.path.rglob(".pivot-*")]
        for name in ("tmp", "journal", "cache/tmp"):
            found += [str(path) for path in (self.path / ".pivot" / name).glob("*")]
        return found


def all_are(outcome: str, **others: str) -> dict[str, str]:
    """Every stage with the same outcome, but these."""
    return {**dict.fromkeys(NAMES, outcome), **others}


@pytest.fixture
def kinds(tmp_path: Path) -> Kinds:
    """The project; it has not run."""
    return Kinds(tmp_path / "project").make()


@dataclass(frozen=True)
class Room:
    """A mount namespace of its own: what is mounted in it is seen by nobody else, and gone when it ends."""

    process: "subprocess.Popen[bytes]"
    prefix: tuple[str, ...]

    def inside(self, path: str) -> Path:
        """A path of the room, as this process sees it."""
        return Path(f"/proc/{self.process.pid}/root{path}")


_WAYS = ((("unshare", "--mount"), ("nsenter", "--mount")),
         (("unshare", "--mount", "--map-root-user"), ("nsenter", "--user", "--mount", "--preserve-credentials")))  # fmt: skip


@pytest.fixture
def room() -> Iterator[Callable[[str], Room]]:
    """Makes a room in which a shell script has mounted something."""
    rooms: list[subprocess.Popen[bytes]] = []

    def make(script: str) -> Room:
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            pytest.skip("no unshare and nsenter here, which give a process mounts of its own")
        said = ""
        for unshare, enter in _WAYS:
            command = [*unshare, "sh", "-ec", f"{script}\necho ready\nexec sleep 1000"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            rooms.append(process)
            assert process.stdout is not None
            if process.stdout.readline() == b"ready\n":
                return Room(process, (*enter, "--target", str(process.pid)))
            said = process.communicate()[1].decode()
        pytest.skip(f"this machine lets us mount nothing: {said.strip()}")

    yield make
    for process in rooms:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture
def expected() -> Callable[..., Mapping[str, str]]:
    """What every output but the one with state holds, by what is read."""
    return right


@pytest.fixture
def every() -> Callable[..., dict[str, str]]:
    """Every stage with the same outcome, but those that are named."""
    return all_are
