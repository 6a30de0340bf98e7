import os
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import pytest

from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.fingerprint import Beside, Fingerprint
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath


class ProjectFolder:
    """A folder of modules, written as texts, whose stages can be fingerprinted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        beside = [str(root.parent / name) for name in ("beside", "also", "editable", "site-packages")]
        self.search = [sysconfig.get_paths()["purelib"], *beside]

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = Path(os.path.normpath(self.root / name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))

    def sources(self, **options: object) -> Sources:
        roots = options.pop("roots", [ProjectPath(".")])
        search = options.pop("search", self.search)
        return Sources(str(self.root), roots, search=search, **options)

    def fingerprint(self, stage: str = "stages.train", **options: object) -> Fingerprint:
        """Of a stage all of whose weak bodies ran: what counts where nobody sees which of them did."""
        fingerprinter = Fingerprinter(self.sources(**options))
        return fingerprinter.stage(ref(stage), Beside(ran=fingerprinter.stage(ref(stage)).weak))

    def static(self, stage: str = "stages.train", **seen: Iterable[str]) -> Fingerprint:
        """Of a stage that never ran, or of which only so much was `seen`."""
        return Fingerprinter(self.sources()).stage(ref(stage), _beside(seen))

    def beyond(self, code: list[tuple[str, int]], stage: str = "stages.train") -> tuple[str, ...]:
        return Fingerprinter(self.sources()).beyond(ref(stage), code)

    def paths(self, stage: str = "stages.train", **seen: Iterable[str]) -> dict[object, tuple[str, ...]]:
        return Fingerprinter(self.sources()).paths(ref(stage), _beside(seen))


def _beside(seen: dict[str, Iterable[str]]) -> Beside:
    return Beside(**{name: tuple(values) for name, values in seen.items()})


def ref(stage: str) -> ObjectRef:
    module, _, name = stage.rpartition(".")
    return ObjectRef(module, name)


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project")


@pytest.fixture
def second_folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "elsewhere" / "project")
