"""The reference of the state machine: a project's sources as one value, and what running everything would give.

An `Edition` is all that a person edits. `Edition.files` writes it down as a project; `Edition.stages` says what each
stage makes of what it reads, computed here without Pivot.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

Folder = tuple[tuple[str, bytes], ...]
"""The files in a folder, by the path inside it, sorted."""

Content = bytes | Folder | None
Contents = Mapping[str, Content]

HELPERS = '''
"""Helpers.{remark}"""
SCALE = {scale}


def spread(text):
    return [f"{{word}}*{{SCALE}}" for word in text.split()]  # {remark}


def unused():
    return {remark!r}
'''

STAGES = '''
"""Stages.{remark}"""
import os
from pathlib import Path
from typing import Annotated, TypedDict

import pivot
from pivot import Dep, DirectoryOut, IncrementalOut, Metric, Out
from pivot.loaders import PathOnly, Text

import helpers


class Params(pivot.StageParams):
    rate: int = 1
    name: str = ""


class Trained(TypedDict):
    model: Annotated[str, Out("model.txt")]
    score: Annotated[dict, Metric("score.json")]


def clean(text: Annotated[str, Dep("data.txt")]) -> Annotated[str, Out("clean.txt")]:
    {clean}
    # {remark}
    return f"{{version}} " + " ".join(helpers.spread(text))


def split(text: Annotated[str, Dep("clean.txt")]) -> Annotated[dict, DirectoryOut("parts/", Text())]:
    {split}
    words = text.split()
    return {{"first.txt": f"{{version}} {{words[0]}}", **{{f"in/{{w.split('*')[0]}}.txt": w for w in words[1:]}}}}


def whole(
    parts: Annotated[dict, Dep("parts/", Text())], extra: Annotated[dict, Dep("extra/", Text())]
) -> Annotated[str, Out("whole.txt")]:
    {whole}
    return "\\n".join([version, *(f"{{name}}={{text}}" for files in (parts, extra) for name, text in files.items())])


def one(first: Annotated[str, Dep("parts/first.txt")]) -> Annotated[dict, Metric("one.json")]:
    {one}
    return {{"first": first, "version": version}}


def shards(
    both: Annotated[list[str], Dep(["clean.txt", "whole.txt"])],
) -> Annotated[list[str], Out(["x.txt", "y.txt"])]:
    {shards}
    return [version + text for text in both]


def train(text: Annotated[str, Dep("clean.txt")], params: Params) -> Trained:
    {train}
    return {{"model": f"{{version}} {{params.name}} {{params.rate}} {{text}}", "score": {{"rate": params.rate}}}}


def log(
    state: Annotated[str, IncrementalOut("log.txt", Text())], text: Annotated[str, Dep("data.txt")]
) -> Annotated[str, IncrementalOut("log.txt", Text())]:
    {log}
    return f"{{state}}{{version}} {{text}};"


def copy(text: Annotated[str, Dep("clean.txt")]) -> Annotated[Path, Out("copy.bin", PathOnly())]:
    Path("copy.bin").write_text("half")
    {copy}
    Path("copy.bin").write_text(version + text)
    return Path("copy.bin")


def peek(text: Annotated[str, Dep("data.txt")]) -> Annotated[str, Out("peek.txt")]:
    {peek}
    notes = Path("notes.txt").read_text() if os.path.exists("notes.txt") else "nothing"
    return f"{{version}} {{text}} {{notes}}"


def tail(x: Annotated[str, Dep("x.txt")]) -> Annotated[str, Out("tail.txt")]:
    {tail}
    return version + x
'''

FUNCTIONS = ("clean", "split", "whole", "one", "shards", "train", "log", "copy", "peek", "tail")


@dataclass(frozen=True)
class Node:
    """A stage.

    Attributes:
        code: all that its result rests on beside the deps.
        outs: path → whether it is cached.
        make: the contents of deps → the content of each out; of the last ones, too, where it carries state.
    """

    name: str
    code: tuple[object, ...]
    deps: tuple[str, ...]
    outs: Mapping[str, bool]
    make: Callable[[Contents], dict[str, Content]]
    carries: bool = False

    def key(self, read: Callable[[str], Content]) -> tuple[object, ...]:
        """All that its result rests on now: equal keys, equal result."""
        return (self.name, self.code, tuple(self.outs.items()), tuple((dep, read(dep)) for dep in self.deps))


@dataclass(frozen=True)
class Edition:
    """All that a person edits.

    Attributes:
        versions: function → a number that its body holds.
        broken: the functions that raise.
        remark: in comments, docstrings and unused code only.
        rate: in ``params.yaml``; ``None``: there is no such file.
        notes: in a file that a stage reads and does not declare; ``None``: there is no such file.
        moved: whether two stages agree on another path for ``whole.txt``.
        cached: whether ``copy.bin`` is.
        tail: the name of the last stage; empty: there is none.
    """

    scale: int = 2
    versions: Mapping[str, int] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    remark: int = 0
    rate: int | None = None
    data: str = "a b"
    extra: Mapping[str, str] = field(default_factory=lambda: {"one.txt": "1"})
    notes: str | None = None
    models: tuple[str, ...] = ("small", "big")
    moved: bool = False
    cached: bool = True
    mutex: bool = False
    tail: str = "tail"

    def version(self, function: str) -> str:
        """What its body holds."""
        return f"v{self.versions.get(function, 0)}"

    def edit(self, function: str, version: int) -> "Edition":
        """With another number in the body of a function."""
        return replace(self, versions={**self.versions, function: version})

    @property
    def whole(self) -> str:
        """Where the stage of this name writes."""
        return "moved/here/whole.txt" if self.moved else "whole.txt"

    def files(self) -> dict[str, str]:
        """The text of each file of the project."""
        bodies = {
            name: ("raise ValueError('broken')  ; " if name in self.broken else "")
            + f"version = {self.version(name)!r}"
            for name in FUNCTIONS
        }
        found = {
            "helpers.py": HELPERS.format(scale=self.scale, remark=self.remark),
            "stages.py": STAGES.format(remark=self.remark, **bodies),
            "pivot.yaml": self._pipeline(),
            "data.txt": self.data,
            **{f"extra/{name}": text for name, text in self.extra.items()},
        }
        if self.rate is not None:
            found["params.yaml"] = "".join(f"train@{m}:\n  rate: {self.rate}\n" for m in self.models)
        if self.notes is not None:
            found["notes.txt"] = self.notes
        return found

    def _pipeline(self) -> str:
        mutex = ", mutex: [disk]" if self.mutex else ""
        cached = "true" if self.cached else "false"
        lines = [
            f"  {name}: {{python: stages.{name}{mutex}}}" for name in ("clean", "split", "one", "log", "peek")
        ]
        lines += [
            f"  whole: {{python: stages.whole, outs: {{whole: {self.whole}}}}}",
            f"  shards: {{python: stages.shards, deps: {{both: [clean.txt, {self.whole}]}}}}",
            f"  copy: {{python: stages.copy, outs: {{copy: {{path: copy.bin, cache: {cached}}}}}}}",
            "  train:",
            "    python: stages.train",
            f"    matrix: {{model: [{', '.join(self.models)}]}}",
            '    params: {name: "${model}"}',
            '    outs: {model: "models/${model}.txt"}',
            '    metrics: {score: "scores/${model}.json"}',
        ]
        lines += [f"  {self.tail}: {{python: stages.tail}}"] if self.tail else []
        return "\n".join(["stages:", *lines, ""])

    def stages(self) -> tuple[Node, ...]:
        """The stages, each after those that it reads from."""
        found = [
            self._node("clean", ["data.txt"], "clean.txt", self._clean, self.scale),
            self._node("split", ["clean.txt"], "parts/", self._split),
            self._node("whole", ["parts/", "extra/"], self.whole, self._whole),
            self._node("one", ["parts/first.txt"], "one.json", self._one, cached=False),
            Node(
                "shards",
                (self.version("shards"), "shards" in self.broken),
                ("clean.txt", self.whole),
                {"x.txt": True, "y.txt": True},
                lambda read: {
                    "x.txt": self._plus("shards", read["clean.txt"]),
                    "y.txt": self._plus("shards", read[self.whole]),
                },
            ),
            *(self._train(model) for model in self.models),
            replace(self._node("log", ["data.txt"], "log.txt", self._log), carries=True),
            self._node(
                "copy",
                ["clean.txt"],
                "copy.bin",
                lambda read: self._plus("copy", read["clean.txt"]),
                cached=self.cached,
            ),
            self._node("peek", ["data.txt"], "peek.txt", self._peek, self.notes),
        ]
        if self.tail:
            make = lambda read: self._plus("tail", read["x.txt"])  # noqa: E731
            found.append(replace(self._node("tail", ["x.txt"], "tail.txt", make), name=self.tail))
        return tuple(found)

    def _node(
        self,
        name: str,
        deps: list[str],
        out: str,
        make: Callable[[Contents], Content],
        *code: object,
        cached: bool = True,
    ) -> Node:
        code = (self.version(name), name in self.broken, *code)
        return Node(name, code, tuple(deps), {out: cached}, lambda read: {out: make(read)})

    def _train(self, model: str) -> Node:
        rate = 1 if self.rate is None else self.rate
        text = f"{self.version('train')} {model} {rate} "
        score = json.dumps({"rate": rate}, indent=2) + "\n"
        outs = {f"models/{model}.txt": True, f"scores/{model}.json": False}
        return Node(
            f"train@{model}",
            (self.version("train"), "train" in self.broken, rate),
            ("clean.txt",),
            outs,
            lambda read: dict(zip(outs, (text.encode() + read["clean.txt"], score.encode()), strict=True)),
        )

    def _plus(self, name: str, content: Content) -> Content:
        assert isinstance(content, bytes)
        return self.version(name).encode() + content

    def _clean(self, read: Contents) -> Content:
        words = read["data.txt"].decode().split()
        return f"{self.version('clean')} {' '.join(f'{word}*{self.scale}' for word in words)}".encode()

    def _split(self, read: Contents) -> Content:
        first, *words = read["clean.txt"].decode().split()
        files = {f"in/{word.split('*')[0]}.txt": word.encode() for word in words}
        files["first.txt"] = f"{self.version('split')} {first}".encode()
        return tuple(sorted(files.items()))

    def _whole(self, read: Contents) -> Content:
        files = [*read["parts/"], *read["extra/"]]
        return b"\n".join(
            [self.version("whole").encode(), *(name.encode() + b"=" + text for name, text in files)]
        )

    def _one(self, read: Contents) -> Content:
        value = {"first": read["parts/first.txt"].decode(), "version": self.version("one")}
        return (json.dumps(value, indent=2) + "\n").encode()

    def _log(self, read: Contents) -> Content:
        return (read.get("log.txt") or b"") + f"{self.version('log')} ".encode() + read["data.txt"] + b";"

    def _peek(self, read: Contents) -> Content:
        notes = "nothing" if self.notes is None else self.notes
        return f"{self.version('peek')} {read['data.txt'].decode()} {notes}".encode()


def content(root: Path, path: str) -> Content:
    """What lies at a path of a project; with ``/`` at its end: a folder. A link that leads nowhere is nothing."""
    place = os.path.join(root, path)
    if not path.endswith("/"):
        try:
            with open(place, "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
    if not os.path.isdir(place):
        return None
    names = (
        os.path.relpath(os.path.join(folder, name), place)
        for folder, _, names in os.walk(place)
        for name in names
    )
    found = ((name, content(root, path + name)) for name in names)
    return tuple(sorted((name, data) for name, data in found if isinstance(data, bytes)))


@pytest.fixture
def edition() -> Edition:
    """The first one."""
    return Edition()


@pytest.fixture
def look() -> Callable[[Path, str], Content]:
    """What lies at a path."""
    return content
