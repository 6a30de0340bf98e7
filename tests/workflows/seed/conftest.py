"""Projects as Flowdapt's users have them: a workflow file, their modules, and Flowdapt's own module of the run context
as a thin one that gives Pivot's."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pivot.executors.base import Executor
from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.event import Outcome
from pivot.project import Project

BLOCKS = Path(__file__).parent / "blocks"
CONTEXT = "flowdapt.compute.resources.{}.context"


def block(name: str) -> str:
    """The text of one block of the page on stages, unaltered."""
    return (BLOCKS / f"{name}.txt").read_text(encoding="utf-8")


class Flows:
    """A folder with workflows; what runs in it runs in `workers`."""

    def __init__(self, path: Path, workers: Executor) -> None:
        self.path = path
        self._workers = workers
        for module in ("workflow", "workflows"):  # the page names both
            self.write(
                f"{CONTEXT.format(module).replace('.', '/')}.py", "from pivot import get_run_context\n"
            )

    def write(self, name: str, *texts: str) -> None:
        """Write a file; each of its parts may be indented as a whole."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(textwrap.dedent(text) for text in texts))

    def project(self, file: str, **params: object) -> Project:
        """A new project, as a command opens it."""
        return Project(str(self.path / file), self._workers, params=params)

    def run(self, file: str, **params: object) -> dict[str, Outcome]:
        """Run a workflow with some input: what became of each stage."""
        with self.project(file, **params) as project:
            return {name: stage.outcome for name, stage in project.repro(jobs=2).stages.items()}

    def value(self, file: str, stage: str, **params: object) -> object:
        """What a stage gave."""
        with self.project(file, **params) as project:
            return project.load(stage)

    def log(self, file: str, stage: str, **params: object) -> str:
        """What a stage printed when it last ran."""
        with self.project(file, **params) as project:
            return project.log(stage)


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    with ForkserverExecutor(2) as executor:
        yield executor


@pytest.fixture
def flows(tmp_path: Path, workers: Executor) -> Flows:
    return Flows(tmp_path, workers)
