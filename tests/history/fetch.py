"""Successive releases of a library, each unpacked into a folder of its own: the project of one step of the walk."""

import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from libraries import Library


def releases(library: Library, cache: Path) -> dict[str, Path]:
    """The folder of each release that could be had, in order; empty where no package index answers.

    A folder holds the library's package and `stages.py`. What was fetched once is found in `cache`.
    """
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda version: release(library, version, cache), library.versions))
    return {v: folder for v, folder in zip(library.versions, folders, strict=True) if folder is not None}


def release(library: Library, version: str, cache: Path) -> Path | None:
    """The folder of one release, or `None` where its wheel cannot be had."""
    folder = cache / library.distribution / version
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as temporary:
            wheel = download(f"{library.distribution}=={version}", Path(temporary))
            if wheel is None:
                return None
            unpacked = Path(temporary, "unpacked")
            with zipfile.ZipFile(wheel) as archive:
                own = (f"{library.package}/", f"{library.package}.py")
                archive.extractall(unpacked, [name for name in archive.namelist() if name.startswith(own)])
            unpacked.rename(folder)
    (folder / "stages.py").write_text(library.stages(), encoding="utf-8")
    return folder


def download(requirement: str, folder: Path) -> Path | None:
    """The wheel of one release, fetched by pip."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--timeout",
        "20",
    ]
    command += [
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        str(folder),
        requirement,
    ]
    subprocess.run(command, capture_output=True, check=False)
    return next(iter(folder.glob("*.whl")), None)
