"""One project in which the verdict "nothing to do" rests on something of every kind."""

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pivot.engine.footing import inquire
from pivot.executors.base import Executor
from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.event import Outcome
from pivot.project import Project, initialize
from pivot.store.root import find_root

FILES = {
    "pivot.yaml": """
        stages:
          first:
            python: stages.first
          second:
            python: stages.second
    """,
    "stages.py": """
        import os
        from pathlib import Path
        from typing import Annotated

        import acme
        import helpers
        import pivot
        from pivot.loaders import Text
        from tools.words import upper

        try:
            import maybe
        except ImportError:
            maybe = None


        class Params(pivot.StageParams):
            times: int = 1


        def first(
            text: Annotated[str, pivot.Dep("data.txt")],
            linked: Annotated[str, pivot.Dep("linked.txt")],
            raw: Annotated[dict, pivot.Dep("in/raw/", Text())],
            params: Params,
        ) -> Annotated[dict, pivot.DirectoryOut("parts/", Text())]:
            config = Path("con" + "fig.txt").read_text()
            mode, lacking = os.environ.get("MODE"), os.path.exists("lack" + "ing.txt")
            names = sorted(os.listdir("list" + "ed"))
            pivot.store.put("made", pivot.store.get("sought", default=0))
            said = f"{text} {linked} {helpers.shout(config)} {mode} {lacking} {names} {acme.NAME}"
            return {"a.txt": upper(said) * params.times, "sub/b.txt": " ".join(sorted(raw))}


        def second(parts: Annotated[dict, pivot.Dep("parts/", Text())]) -> Annotated[dict, pivot.Metric("sizes.json")]:
            return {name: len(text) for name, text in parts.items()}
    """,
    "helpers.py": "def shout(x):\n    return x + '!'\n",
    "tools/__init__.py": "",
    "tools/words.py": "def upper(x):\n    return x.upper()\n",
    "params.yaml": "first:\n  times: 2\n",
    ".pivotignore": "*.tmp\n",
    ".pivot/config.yaml": "seed: 1\n",
    "data.txt": "data\n",
    "real.txt": "real\n",
    "other.txt": "real\n",
    "in/raw/a.txt": "a\n",
    "in/raw/b/c.txt": "c\n",
    "in/raw/skipped.tmp": "skipped\n",
    "config.txt": "config\n",
    "listed/x": "",
    "notes/x": "",
    "../lib/site-packages/acme/__init__.py": "NAME = 'acme'\n",
    "../lib/site-packages/acme-1.0.dist-info/RECORD": "acme/__init__.py,,\n",
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRIES = 200
"""A full check leaves a manifest once everything is older than a tick of the clock: at the second one, most often."""


@dataclass
class Ground:
    """The project, as it is asked whether there is anything to do."""

    path: Path
    executor: Executor

    def known(self, targets=(), *, single_stage=False, here="."):
        """Whether the manifest says that there is nothing to do."""
        start = os.path.normpath(self.path / here)
        inquiry = inquire(find_root(start), start, targets, single_stage)
        return inquiry is not None and inquiry.known(targets, 1, NOW, ()) is not None

    def check(self, targets=()):
        """A full check; gives whether it found nothing to do. Nothing runs."""
        with Project(str(self.path), self.executor) as project:
            return {str(decision.verdict) for decision in project.status(targets)} == {"unchanged"}

    def run(self):
        """Bring everything up to date."""
        with Project(str(self.path), self.executor) as project:
            assert project.repro(jobs=1).ok

    def settle(self):
        """Check until the manifest says that there is nothing to do."""
        for _ in range(TRIES):
            with Project(str(self.path), self.executor) as project:
                run = project.repro()
            assert {end.outcome for end in run.stages.values()} == {Outcome.UNCHANGED}
            if self.known():
                return
        raise AssertionError("no check has left a manifest")

    def touch(self, name):
        """Give a file another time."""
        os.utime(self.path / name)

    def process(self, *words, before=(), **variables):
        """A Python in a process of its own, itself started by `before`."""
        return subprocess.run(
            [*before, sys.executable, *words],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )


@pytest.fixture(scope="module", autouse=True)
def shortcut():
    """These are tests of the manifest: it counts here, also where the whole suite does without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIVOT_FULL_CHECK", raising=False)
        yield


@pytest.fixture(scope="module")
def ground(tmp_path_factory, shortcut):
    """The project, after a run and a check."""
    base = tmp_path_factory.mktemp("manifest")
    path = base / "project"
    path.mkdir()
    initialize(str(path))
    for name, text in FILES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
    (path / "linked.txt").symlink_to("real.txt")
    libraries = str(base / "lib" / "site-packages")
    before = dict(os.environ)
    os.environ["MODE"] = "fast"
    sys.path.append(libraries)
    try:
        with ForkserverExecutor(1) as executor:
            ground = Ground(path, executor)
            ground.run()
            ground.settle()
            yield ground
    finally:
        sys.path.remove(libraries)
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def settled(ground):
    """The project, with a manifest that stands."""
    ground.settle()
    return ground
