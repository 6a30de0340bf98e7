"""Builds the browser's part (labextension/) into the package, so that users need no node."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = (
    "pivot_jupyter/labextension/package.json",
    "pivot_jupyter/static/widget.js",
    "pivot_jupyter/static/widget.css",
)


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Runs npm where the built files are missing or older than their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before a wheel, an sdist or an editable install is made."""
        del build_data
        root = Path(self.root)
        if is_fresh(root):
            return
        npm = shutil.which("npm")
        if npm is None:
            if version == "editable":
                print("no npm here: the extension of JupyterLab is left out", file=sys.stderr)  # noqa: T201
                return
            message = "building Pivot from its repository needs node 20 or newer with npm; a wheel from PyPI does not"
            raise RuntimeError(message)
        front = root / "labextension"
        if not (front / "node_modules").exists():
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=front, check=True)
        subprocess.run([npm, "run", "build"], cwd=front, check=True)
        if not is_fresh(root):
            message = "the build of labextension/ made no files"
            raise RuntimeError(message)


def is_fresh(root: Path) -> bool:
    """Whether the built files are there, and none of their sources is newer."""
    built = [root / name for name in BUILT]
    if not all(file.exists() for file in built):
        return False
    if (root / "PKG-INFO").exists():
        return True  # an unpacked sdist
    front = root / "labextension"
    sources = [front / "package.json", front / "package-lock.json"]
    sources += [file for name in ("src", "style", "schema") for file in (front / name).rglob("*")]
    made = min(file.stat().st_mtime for file in built)
    return all(source.stat().st_mtime <= made for source in sources if source.is_file())
