"""A project in a temporary folder, and records to put into it."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pivot.model.digest import digest_bytes, digest_text
from pivot.model.fingerprint import Part, PartKind
from pivot.model.place import Place
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.paths import ProjectPath
from pivot.store.commit import begin, commit_record, recover
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import Layout, create, open_layout
from pivot.store.objects import ObjectStore


def make_record(
    files: Mapping[str, bytes],
    *,
    stage: str = "train",
    code: str = "v1",
    uncached: Mapping[str, bytes] | None = None,
) -> StageRecord:
    """The record of a stage that wrote ``files`` (cached) and ``uncached`` (small ones, kept in the record)."""
    uncached = uncached or {}
    outs = tuple(
        DeclaredOut(
            ProjectPath(path),
            OutKind.OUT if path in files else OutKind.METRIC,
            path in files,
            digest_text("l"),
        )
        for path in [*files, *uncached]
    )
    inputs = Inputs(
        code=digest_text(code),
        parts=(
            Part(PartKind.STAGE, stage, digest_text(code), Place("stages.py", 3)),
            Part(PartKind.FUNC, "fit", digest_text("fit"), Place("a:b.py", 0)),
            Part(PartKind.PACKAGE, "pandas", digest_text("2.2"), None, "2.2.3"),
        ),
        params={"lr": "0.1"},
        deps={ProjectPath("data.csv"): digest_text("data")},
        loaders={"data": digest_text("csv")},
        outs=outs,
        settings={"seed": "0"},
    )
    outputs = {ProjectPath(p): OutputState(digest_bytes(b), len(b)) for p, b in files.items()}
    outputs |= {ProjectPath(p): OutputState(digest_bytes(b), len(b), content=b) for p, b in uncached.items()}
    return StageRecord(stage, inputs, outputs)


@dataclass(frozen=True)
class Project:
    """A project: its folder, its store, and a stage that can be run in it."""

    path: Path
    layout: Layout
    index: StatIndex
    objects: ObjectStore

    def read(self, name: str) -> bytes | None:
        file = self.path / name
        return file.read_bytes() if file.exists() else None

    def write(self, name: str, data: bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def run(
        self, record: StageRecord, contents: Mapping[str, bytes], previous: StageRecord | None = None
    ) -> tuple[str, ...]:
        """Commits a record as a run does whose loaders save ``contents``."""
        journal = begin(self.objects, record.stage, tuple(record.outputs))
        for path in record.outputs:
            Path(journal.staging(path)).write_bytes(contents[path])
        return commit_record(self.objects, journal, record, previous)

    def leftovers(self) -> list[str]:
        """Files of ours that should be gone when nothing is under way."""
        found = [os.path.relpath(p, self.path) for p in self.path.rglob(".pivot-*")]
        for folder in (self.layout.scratch, self.layout.cache_scratch, self.layout.journals):
            if os.path.isdir(folder):
                found += os.listdir(folder)
        return found


@pytest.fixture
def record() -> Callable[..., StageRecord]:
    return make_record


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    layout = create(str(tmp_path))
    db = StateDb(layout)
    index = StatIndex(db)
    yield Project(tmp_path, layout, index, ObjectStore(layout, index))
    db.close()


# whoever is killed, and does not lose power, keeps what it has written; the step is counted all the same
UNFLUSHED = "import os\nos.fsync = lambda fd: None\n"


@pytest.fixture
def child(request: pytest.FixtureRequest, nursery: Callable[..., Any]) -> Callable[[Path, str, int], Any]:
    """Runs one of the test module's ``SCENARIOS`` in a folder and kills it before one of its steps; 0: never."""
    made = nursery(UNFLUSHED + request.module.SCENARIOS)

    def run(root: Path, scenario: str, last: int) -> Any:
        root.mkdir(exist_ok=True)
        return made.run(scenario, str(root), last=last)

    return run


@pytest.fixture
def settle() -> Callable[[Path], ObjectStore]:
    """Settles what a killed process left in a project; gives its objects."""

    def settle(root: Path) -> ObjectStore:
        layout = open_layout(str(root))
        db = StateDb(layout)
        try:
            objects = ObjectStore(layout, StatIndex(db))
            recover(objects)
            assert recover(objects) == [], "a second recovery finds nothing to do"
        finally:
            db.close()
        return objects

    return settle
