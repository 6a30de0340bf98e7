"""A project in a folder of its own, whose stages run in real workers and are observed."""

import os
import pickle
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.loaders import JSON, PathOnly
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.observation import Seen
from pivot.model.stage import LoaderRef, ObjectRef, Returns
from pivot.model.task import Success, Task, TaskDep, TaskOut, TaskResult
from pivot.paths import ProjectPath


def loader_ref(loader: object) -> LoaderRef:
    return LoaderRef(type(loader).__qualname__, "", 1, pickle.dumps(loader))


@dataclass
class Project:
    """Its stage is ``run`` of module ``stages`` unless told otherwise; other modules are files beside it."""

    folder: Path
    submit: Callable[[Task], TaskResult]
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def module(self, name: str, filename: str = "") -> ModuleText:
        path = self.folder / (name.replace(".", "/") + ".py")
        text = path.read_text(encoding="utf-8")
        return ModuleText(name, filename or str(path), path.name, text, digest_text(text))

    def task(
        self,
        modules: Sequence[ModuleText | str] = ("stages",),
        *,
        function: str = "run",
        stage: str = "stage",
        environment: Mapping[str, str] | None = None,
        deps: Sequence[tuple[str, object]] = (),
        out: str = "out.json",
        written_by_stage: bool = False,
        root: str | None = None,
        ignored: Sequence[str] = (),
    ) -> Task:
        texts = tuple(self.module(one) if isinstance(one, str) else one for one in modules)
        target = str(self.folder / out)
        staging = str(self.folder / ".pivot-new.1" / "out")
        loader = PathOnly() if written_by_stage else JSON()
        made = TaskOut(
            "out", ProjectPath(out), out, target, staging, loader_ref(loader), written_by_stage, False
        )
        values = tuple(
            TaskDep(f"dep{number}", str(self.folder / path), loader_ref(loader), f"dep{number}")
            for number, (path, loader) in enumerate(deps)
        )
        return Task(
            stage=stage,
            function=ObjectRef(texts[-1].name, function),
            modules=texts,
            libraries=(),
            roots=(str(self.folder),),
            cwd=str(self.folder),
            environment={**os.environ, **self.environment, **(environment or {})},
            deps=values,
            outs=(made,),
            returns=Returns.SINGLE,
            params=None,
            log=str(self.folder / "stage.log"),
            seed=0,
            root=str(self.folder) if root is None else root,
            unobserved=(target, *(dep.path for dep in values)),
            ignored_environment=tuple(ignored),
        )

    def run(self, task: Task) -> Seen:
        (self.folder / ".pivot-new.1").mkdir(exist_ok=True)
        result = self.submit(task)
        assert isinstance(result, Success), result
        return result.seen

    def observe(self, body: str, **options: object) -> Seen:
        """What is seen of a stage with this body (or, if it defines ``run``, of this module)."""
        text = textwrap.dedent(body).strip("\n")
        if "def run(" not in text:
            text = "def run():\n" + textwrap.indent(text, "    ")
        self.write("stages.py", text)
        return self.run(self.task(**options))  # type: ignore[arg-type]

    def files(self, seen: Seen) -> dict[str, str]:
        """Of what was seen, the files, as relative to the project."""
        return {os.path.relpath(path, self.folder): state for path, state in seen.files.items()}

    def written(self, seen: Seen) -> list[str]:
        return [os.path.relpath(path, self.folder) for path in seen.written]


@pytest.fixture(scope="session")
def workers() -> Iterator[ForkserverExecutor]:
    with ForkserverExecutor(1) as executor:
        yield executor


@pytest.fixture
def project(tmp_path: Path, workers: ForkserverExecutor) -> Project:
    """In a folder of its own, so each test gets a fresh worker."""
    return Project(tmp_path, lambda task: workers.submit(task).result(60))
