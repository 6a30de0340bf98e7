"""The one way to write a path: relative to the project root, POSIX, without ``.`` and ``..``.

Everything that is stored or shown uses this form, so that a project gives the same bytes on every machine and
in every folder.
"""

import os
import posixpath
from typing import NewType

from pivot.errors import PivotError

ProjectPath = NewType("ProjectPath", str)
"""``data/raw.csv``: relative to the project root; a trailing ``/`` marks a folder; ``.`` is the root itself."""

ROOT = ProjectPath(".")
"""The project root."""


def project_path(raw: str, base: ProjectPath) -> ProjectPath:
    """The project path that ``raw`` names when it is read relative to the folder ``base``.

    Args:
        raw: a relative path as a person wrote it; ``../`` is allowed as long as it stays in the project.
        base: the folder (a project path) of the file in which ``raw`` was written.

    Raises:
        PivotError: ``raw`` is empty, absolute, leaves the project, or holds a NUL byte.
    """
    if not raw or raw.isspace():
        raise PivotError("a path is empty")
    if "\0" in raw:
        raise PivotError(f"path {raw!r} holds a NUL byte")
    if raw.startswith("/"):
        raise PivotError(f"path {raw!r} is absolute", "write it relative to the file that names it")
    joined = posixpath.normpath(posixpath.join(base, raw))
    if joined == ".." or joined.startswith("../"):
        raise PivotError(
            f"path {raw!r} leaves the project", "keep inputs and outputs inside the project folder"
        )
    return ProjectPath(joined + "/" if raw.endswith("/") and joined != "." else joined)


def is_folder(path: ProjectPath) -> bool:
    """Whether a project path stands for all that is under a folder."""
    return path.endswith("/")


def relative_to_root(absolute: str, root: str) -> ProjectPath:
    """The project path of an absolute path.

    Raises:
        PivotError: ``absolute`` does not lie under ``root``.
    """
    relative = os.path.relpath(absolute, root).replace(os.sep, "/")
    if relative == ".." or relative.startswith("../"):
        raise PivotError(f"{absolute} does not lie in the project {root}")
    return ProjectPath(relative)


def absolute(path: ProjectPath, root: str) -> str:
    """Where a project path lies in the file system."""
    # what os.path.join gives, in a tenth of the time: a project may have many paths
    return root if path == "." else f"{root}{path}" if root.endswith("/") else f"{root}/{path}"


def relative_to_folder(path: ProjectPath, folder: ProjectPath) -> str:
    """How a project path is written in a file that lies in ``folder`` (the inverse of `project_path`)."""
    if folder == ".":
        return path
    relative = posixpath.relpath(path, folder)
    return relative + "/" if path.endswith("/") else relative
