import sysconfig
from pathlib import Path

import pytest

from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import fingerprint_stage
from pivot.model.fingerprint import Fingerprint
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath


class ProjectFolder:
    """A folder of modules, written as texts, whose stages can be fingerprinted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.search = [sysconfig.get_paths()["purelib"]]

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def sources(self, **options: object) -> Sources:
        roots = options.pop("roots", [ProjectPath(".")])
        search = options.pop("search", self.search)
        return Sources(str(self.root), roots, search=search, **options)

    def fingerprint(self, stage: str = "stages.train", **options: object) -> Fingerprint:
        module, _, name = stage.rpartition(".")
        return fingerprint_stage(ObjectRef(module, name), self.sources(**options))


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project")


@pytest.fixture
def second_folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "elsewhere" / "project")
