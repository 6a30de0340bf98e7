"""Small workflows whose stages pass values, run with real workers."""

import textwrap
from pathlib import Path

import pytest

from pivot.model.event import Event, Notice, StageProgress
from pivot.project import Project

HEAD = '''
import os, signal, time
from pathlib import Path

def called(name):
    """Take down that a stage was here; outside of the project, which is observed."""
    with open("../calls", "a") as file:
        file.write(f"{name}\\n")
'''


class Workflow:
    """A project folder, and what its stages said that they did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[Event] = []

    def write(self, functions: str, stages: str) -> None:
        (self.path / "st.py").write_text(HEAD + textwrap.dedent(functions))
        (self.path / "pivot.yaml").write_text("stages:\n" + textwrap.indent(textwrap.dedent(stages), "  "))

    def edit(self, old: str, new: str, file: str = "st.py") -> None:
        text = (self.path / file).read_text()
        assert old in text
        (self.path / file).write_text(text.replace(old, new))

    def run(self, *targets: str, **options) -> dict[str, str]:
        """How each stage ended."""
        self.events.clear()
        with Project(str(self.path)) as project:
            self.result = project.repro(targets, sinks=[self.events.append], **options)
        return {name: str(end.outcome) for name, end in self.result.stages.items()}

    def calls(self) -> list[str]:
        """What stages took down since the last look, sorted."""
        file = self.path.parent / "calls"
        lines = file.read_text().split() if file.exists() else []
        file.write_text("")
        return sorted(lines)

    def value(self, stage: str):
        with Project(str(self.path)) as project:
            return project.load(stage)

    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]

    def progress(self, stage: str) -> list[tuple[float, float | None]]:
        found = (e for e in self.events if isinstance(e, StageProgress) and e.stage == stage)
        return [(event.done, event.total) for event in found]

    def failed(self, stage: str) -> list[int]:
        """How many items had failed, each time that it was told how far the stage was."""
        return [e.failed for e in self.events if isinstance(e, StageProgress) and e.stage == stage]


@pytest.fixture
def flow(tmp_path: Path) -> Workflow:
    (tmp_path / "project").mkdir()
    return Workflow(tmp_path / "project")
