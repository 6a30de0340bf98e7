"""Loaders that a project brings along: in every door, and as code whose edits count."""

import pytest

FORMATS = '''
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pivot.loaders import Loader, Reader, Writer

T = TypeVar("T")
MARK = ";"


def joined(words, mark):
    return mark.join(words)


def unused():
    return 1


VOICE = 1


def louder(text):
    return text * VOICE


@dataclass(frozen=True)
class Framed:
    def __call__(self, text):
        return text + ""


@dataclass(frozen=True)
class Words:
    """No base: what it can do makes it a loader."""

    upper: bool = False

    def load(self, path):
        text = Path(path).read_text()
        return (text.upper() if self.upper else text).split(MARK)

    def save(self, value, path):
        Path(path).write_text(joined(value, MARK))

    def empty(self):
        return ["nothing"]


@dataclass(frozen=True)
class Lines(Reader[list[str]]):
    def load(self, path):
        return Path(path).read_text().splitlines()


class Base(Writer[T]):
    def shown(self, value):
        return "=" + value


@dataclass(frozen=True)
class Shown(Base[str]):
    end: str = "!"
    changes: tuple = ()

    def save(self, value, path):
        for change in self.changes:
            value = change(value)
        Path(path).write_text(self.shown(value) + self.end)


@dataclass(frozen=True)
class Both(Loader[list[str], list[str]]):
    def load(self, path):
        return Path(path).read_text().split("+")

    def save(self, value, path):
        Path(path).write_text("+".join(value))

    def empty(self):
        return []
'''

STAGES = """
from typing import Annotated, TypedDict

import pivot
from formats import Both, Framed, Lines, Shown, Words, louder


class Outs(TypedDict):
    words: Annotated[list[str], pivot.Out("words.x", Words())]
    first: Annotated[str, pivot.Metric("first.x", Shown(changes=(louder, Framed())))]
    both: Annotated[list[str], pivot.Plot("both.x", Both())]


def work(
    lines: Annotated[list[str], pivot.Dep("lines.x", Lines())],
    words: Annotated[list[str], pivot.Dep("in.x", Words(upper=True))],
) -> Outs:
    return {"words": lines + words, "first": lines[0], "both": words}
"""

DOORS = {
    "pivot.yaml": ("pivot.yaml", "stages:\n  work:\n    python: stages.work\n"),
    "register": (
        "pipeline.py",
        "import pivot\nfrom stages import work\npipeline = pivot.Pipeline('p')\npipeline.register(work)\n",
    ),
    "decorator": ("pipeline.py", STAGES.replace("def work", "@pivot.stage\ndef work")),
}


@pytest.fixture
def own(folder):
    """A project whose one stage reads and writes by loaders of its own."""
    folder.write("formats.py", FORMATS)
    folder.write("stages.py", STAGES)
    folder.write("lines.x", "a\nb\n")
    folder.write("in.x", "c;d")
    folder.write(*DOORS["pivot.yaml"])
    return folder


@pytest.mark.parametrize("door", DOORS)
def test_loaders_of_the_project_work_in_every_door(own, door):
    (own.path / "pivot.yaml").unlink()
    own.write(*DOORS[door])
    assert own.repro().ok
    assert own.read("words.x") == "a;b;C;D"
    assert own.read("first.x") == "=a!"
    assert own.read("both.x") == "C+D"
    assert own.load("work", "words") == ["a", "b", "C", "D"]
    assert own.repro().executed == ()


EDITS = {
    "save": ("formats.py", "(joined(value, MARK))", '(joined(value, MARK) + "\\n")'),
    "load": ("formats.py", "Path(path).read_text().splitlines()", "Path(path).read_text().splitlines()[:1]"),
    "helper of save": ("formats.py", "return mark.join(words)", "return mark.join(reversed(words))"),
    "constant of load": ("formats.py", 'MARK = ";"', 'MARK = ","'),
    "base class": ("formats.py", 'return "=" + value', 'return "==" + value'),
    "default of an option": ("formats.py", 'end: str = "!"', 'end: str = "?"'),
    "option of a dep": ("stages.py", "Words(upper=True)", "Words(upper=False)"),
    "option of an out": ("stages.py", "Shown(", "Shown(end='', "),
    "option of a subclassed generic": ("formats.py", '"+".join(value)', '"-".join(value)'),
    "function among the options": ("formats.py", "return text * VOICE", "return text * (VOICE + 1)"),
    "constant of a function among the options": ("formats.py", "VOICE = 1", "VOICE = 2"),
    "object among the options": ("formats.py", 'return text + ""', 'return text + "_"'),
    "other loader": ("stages.py", '"both.x", Both()', '"both.x", Words()'),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_a_loader_runs_its_stage(own, edit):
    own.repro()
    own.edit(*EDITS[edit])
    assert own.verdicts() == {"work": "run"}
    own.repro()
    own.repro()
    assert own.verdicts() == {"work": "unchanged"}


NOTHING = {
    "comment": ("formats.py", 'return "=" + value', 'return "=" + value  # shown'),
    "docstring": ("formats.py", "No base: what it can do makes it a loader.", "Another text."),
    "unused function": ("formats.py", "return 1", "return 2"),
}


@pytest.mark.parametrize("edit", NOTHING)
def test_an_edit_beside_a_loader_runs_nothing(own, edit):
    own.repro()
    own.edit(*NOTHING[edit])
    assert own.repro().executed == ()
