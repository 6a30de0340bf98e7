"""Which folder a request is about."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

PIPELINE_FILES = ("pivot.yaml", "pivot.yml", "pipeline.py")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that holds a pipeline.

    Attributes:
        root: what the server serves; nothing outside it is touched.
        folder: absolute, at or below `root`.
        defined: whether a file defines its stages; a notebook may, that has not been exported.
        known: whether Pivot has been used there, so that its code has been run by somebody's wish.
    """

    root: Path
    folder: Path
    defined: bool
    known: bool

    @property
    def path(self) -> str:
        """The folder below the root, as Jupyter writes it: with slashes, empty for the root itself."""
        relative = self.folder.relative_to(self.root).as_posix()
        return "" if relative == "." else relative

    def within(self, path: str) -> "Place":
        """The same with a folder below it: a path as in `find_place`, by which it was found."""
        return replace(self, folder=Path(os.path.realpath(self.root / path.strip("/"))))

    def inside(self, path: str, base: str) -> Path | None:
        """A file, relative to `base`, if it lies below the server's root."""
        file = Path(os.path.realpath(os.path.join(base, path)))
        return file if file.is_relative_to(self.root) else None


def find_place(root: str, path: str) -> Place | None:
    """The nearest folder with a pipeline from a path upwards, inside the root; ``None`` where there is none.

    Args:
        root: what the server serves, absolute.
        path: of a folder, relative to it; one that leads out of it is in no project.
    """
    top = Path(os.path.realpath(os.path.expanduser(root)))
    start = Path(os.path.realpath(top / path.strip("/")))
    if not start.is_relative_to(top):
        return None
    folders = [folder for folder in (start, *start.parents) if folder.is_relative_to(top)]
    known = any((folder / ".pivot").is_dir() for folder in folders)
    for folder in folders:
        if any((folder / name).is_file() for name in PIPELINE_FILES):
            return Place(top, folder, True, known)
    kept = next((folder for folder in folders if (folder / ".pivot").is_dir()), None)
    return Place(top, kept, False, True) if kept is not None else None
