"""Tasks for the tests: a stage from a text, real loaders, a folder of its own."""

import os
import pickle
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.executors.inline import InlineExecutor
from pivot.loaders import JSON, PathOnly
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.stage import LoaderRef, ObjectRef, Returns, StageParameters
from pivot.model.task import Task, TaskDep, TaskOut
from pivot.paths import ProjectPath

LOADERS: Mapping[str, object] = {"json": JSON(), "path": PathOnly()}


class TaskFactory:
    """Makes tasks in one folder. The stage function is ``run`` of module ``stages`` unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "stage.log"

    def module(self, text: str, name: str = "stages") -> ModuleText:
        text = textwrap.dedent(text).lstrip("\n")
        path = name.replace(".", "/") + ".py"
        return ModuleText(name, str(self.folder / path), path, text, digest_text(text))

    def loader(self, loader: object) -> LoaderRef:
        kind = type(loader)
        return LoaderRef(f"{kind.__module__}.{kind.__qualname__}", "", 1, pickle.dumps(loader))

    def dep(self, name: str, path: str, loader: object = LOADERS["json"]) -> TaskDep:
        return TaskDep(name, str(self.folder / path), self.loader(loader), name)

    def out(self, name: str, path: str, loader: object = LOADERS["json"], inline: bool = False) -> TaskOut:
        target = self.folder / path
        staging = target.parent / ".staging" / target.name
        own = isinstance(loader, PathOnly)
        return TaskOut(
            name, ProjectPath(path), path, str(target), str(staging), self.loader(loader), own, inline
        )

    def task(
        self,
        text: str = "",
        *,
        stage: str = "stage",
        modules: Sequence[ModuleText] = (),
        libraries: Sequence[str] = (),
        function: str = "run",
        deps: Sequence[TaskDep] = (),
        outs: Sequence[TaskOut] | None = None,
        returns: Returns = Returns.SINGLE,
        params: StageParameters | None = None,
        seed: int | None = 0,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
    ) -> Task:
        texts = tuple(modules) or (self.module(text),)
        return Task(
            stage=stage,
            function=ObjectRef(texts[-1].name, function),
            modules=texts,
            libraries=tuple(libraries),
            roots=(str(self.folder),),
            cwd=str(cwd or self.folder),
            environment=dict(os.environ if environment is None else environment),
            deps=tuple(deps),
            outs=(self.out("output", "output.json"),) if outs is None else tuple(outs),
            returns=returns,
            params=params,
            log=str(log or self.log),
            seed=seed,
        )


@pytest.fixture
def tasks(tmp_path: Path) -> TaskFactory:
    return TaskFactory(tmp_path)


@pytest.fixture
def pool() -> Iterator[ForkserverExecutor]:
    with ForkserverExecutor(2, graces=(2.0, 3.0)) as executor:
        yield executor


@pytest.fixture(params=["inline", "forkserver"])
def executor(request: pytest.FixtureRequest) -> Iterator[object]:
    make: Callable[[], object] = {"inline": InlineExecutor, "forkserver": lambda: ForkserverExecutor(1)}[
        request.param
    ]
    with make() as one:  # type: ignore[attr-defined]
        yield one
