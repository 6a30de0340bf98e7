"""The Python that a project is asked with."""

import os
import re
import sys
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

from pivot_jupyter.server.place import Place

_ENVIRONMENTS = (".venv", "venv")
_DISTRIBUTION = re.compile(r"pivot-(\d[^-]*)\.dist-info")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python with Pivot.

    Attributes:
        executable: absolute.
        title: what to call it.
        version: of its Pivot.
        notice: what a person should know of the choice; may be empty.
    """

    executable: str
    title: str
    version: str
    notice: str = ""


def own_version() -> str:
    """Of the Pivot beside the server."""
    return installed_version("pivot")


def interpreter_of(place: Place) -> Interpreter:
    """That of the nearest ``.venv`` inside the server's root that has Pivot, else the server's own."""
    lacking = ""
    for folder in (place.folder, *place.folder.parents):
        if not folder.is_relative_to(place.root):
            break
        for name in _ENVIRONMENTS:
            executable = folder / name / "bin" / "python"
            if not os.access(executable, os.X_OK):
                continue
            title = os.path.relpath(executable, place.folder)
            version = _version(folder / name)
            if version is not None:
                return Interpreter(str(executable), title, version, lacking)
            lacking = lacking or (
                f"{title} has no Pivot, so the Python of JupyterLab is used; "
                f"to use that one: {title} -m pip install pivot"
            )
    return Interpreter(sys.executable, "the Python of JupyterLab", own_version(), lacking)


def _version(environment: Path) -> str | None:
    """The version of Pivot that is installed in an environment, as its folder of metadata is named."""
    for folder in environment.glob("lib/python3*/site-packages/pivot-*.dist-info"):
        found = _DISTRIBUTION.fullmatch(folder.name)
        if found:
            return found[1]
    return None
