"""Remotes of each kind, empty."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pivot.remote.backend import Backend
from pivot.remote.folder import FolderBackend
from pivot.remote.memory import MemoryBackend
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import create
from pivot.store.objects import ObjectStore


def _memory(path: Path) -> Backend:
    return MemoryBackend()


def _folder(path: Path) -> Backend:
    return FolderBackend(str(path / "remote"))


KINDS: dict[str, Callable[[Path], Backend]] = {"memory": _memory, "folder": _folder}


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """An empty remote, ready to be written to."""
    made = KINDS[request.param](tmp_path)
    made.open(create=True)
    return made


@pytest.fixture
def cache(tmp_path: Path):
    """Makes empty caches."""
    opened = []

    def make(name: str) -> ObjectStore:
        (tmp_path / name).mkdir()
        layout = create(str(tmp_path / name))
        db = StateDb(layout)
        opened.append(db)
        return ObjectStore(layout, StatIndex(db))

    yield make
    for db in opened:
        db.close()
