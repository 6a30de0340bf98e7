"""Stages that a text defines, with every kind of dep and output; run in this process and in a real worker."""

import json
import os
import pickle
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.executors.inline import InlineExecutor
from pivot.loaders import JSON, PathOnly
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.record import OutputState
from pivot.model.stage import LoaderRef, ObjectRef, Returns
from pivot.model.task import Failure, Success, Task, TaskDep, TaskOut, TaskResult
from pivot.paths import ProjectPath
from pivot.worker.report import Standing, read_record


@dataclass
class Bench:
    """A folder, and what runs a stage in it. The stage is the function ``run`` of the text."""

    folder: Path
    submit: Callable[[Task], TaskResult]
    options: dict[str, Any] = field(default_factory=dict)

    def write(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def ref(self, loader: object) -> LoaderRef:
        kind = type(loader)
        return LoaderRef(f"{kind.__module__}.{kind.__qualname__}", "", 1, pickle.dumps(loader))

    def dep(self, path: str, argument: str = "data", loader: object = JSON(), **more: Any) -> TaskDep:
        place = str(self.folder / path) + ("/" if path.endswith("/") else "")
        return TaskDep(argument, place, self.ref(loader), argument, **more)

    def out(self, path: str, name: str = "output", loader: object = JSON(), **more: Any) -> TaskOut:
        target = self.folder / path
        return TaskOut(
            name=name,
            path=ProjectPath(path),
            declared=path,
            target=str(target),
            staging=str(target.parent / ".pivot-new.stage" / target.name),
            loader=self.ref(loader),
            written_by_stage=isinstance(loader, PathOnly),
            inline=False,
            directory=path.endswith("/"),
            **more,
        )

    def outs(self, paths: Sequence[str], name: str = "output", loader: object = JSON()) -> list[TaskOut]:
        return [self.out(path, name, loader, index=index) for index, path in enumerate(paths)]

    def task(
        self,
        text: str,
        *,
        deps: Sequence[TaskDep] = (),
        outs: Sequence[TaskOut] | None = None,
        returns: Returns = Returns.SINGLE,
        environment: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Task:
        text = textwrap.dedent(text).strip("\n") + "\n"
        file = self.write("stages.py", text)
        return Task(
            stage="stage",
            function=ObjectRef("stages", "run"),
            modules=(ModuleText("stages", str(file), "stages.py", text, digest_text(text)),),
            libraries=(),
            roots=(str(self.folder),),
            cwd=str(self.folder),
            environment={**os.environ, **(environment or {})},
            deps=tuple(deps),
            outs=(self.out("output.json"),) if outs is None else tuple(outs),
            returns=returns,
            params=None,
            log=str(self.folder / "stage.log"),
            seed=0,
            **more,
        )

    def run(self, text: str, **options: Any) -> dict[ProjectPath, OutputState]:
        result = self.submit(self.task(text, **options))
        assert isinstance(result, Success), result
        return result.outputs

    def failure(self, text: str, **options: Any) -> Failure:
        result = self.submit(self.task(text, **options))
        assert isinstance(result, Failure), result
        return result

    def value(self, text: str, **options: Any) -> Any:
        """What the stage returned, as JSON gives it back."""
        self.run(text, **options)
        return json.loads(self.staged("output.json").read_text())

    def staged(self, path: str) -> Path:
        place = self.folder / path
        return place.parent / ".pivot-new.stage" / place.name

    def progress(self) -> Standing | None:
        """What the stage said last of how far it is."""
        file = self.folder / "stage.log.progress"
        return read_record(file.read_bytes()) if file.exists() else None


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Runs stages in this process."""
    return Bench(tmp_path, lambda task: InlineExecutor().submit(task).result(60))


@pytest.fixture(scope="module")
def pool() -> Iterator[ForkserverExecutor]:
    with ForkserverExecutor(1) as executor:
        yield executor


@pytest.fixture
def workbench(tmp_path: Path, pool: ForkserverExecutor) -> Bench:
    """Runs stages in a real worker."""
    return Bench(tmp_path, lambda task: pool.submit(task).result(60))
