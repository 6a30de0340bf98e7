"""Whether this machine, the project's file system and its cache are fit for Pivot, and what to do where not."""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

from pivot.engine.upkeep import Verified, verify
from pivot.store.store import Store

EXTENSION = os.path.join("share", "jupyter", "labextensions", "pivot-labextension", "package.json")
"""The extension of JupyterLab, under an environment's prefix."""

_LEAST_ROOM = 1_000_000_000


class State(StrEnum):
    """How a check ended."""

    WELL = "well"
    NOTE = "note"
    """It works, but not as well as it could."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: in a word.
        text: what was found.
        hint: what to do; empty where nothing need be done.
    """

    what: str
    state: State
    text: str
    hint: str = ""


def check_environment() -> Iterator[Check]:
    """Python, Pivot, and the parts of Jupyter that are installed beside it."""
    yield Check("python", State.WELL, f"Python {sys.version.split()[0]}, Pivot {version('pivot')}")
    found = {name: text for name in ("jupyterlab", "ipykernel", "ipython") if (text := _version(name))}
    if "ipykernel" not in found:
        yield Check("kernel", State.NOTE, "ipykernel is not installed, so no notebook can use this environment",
                    "pip install ipykernel")  # fmt: skip
    else:
        yield Check(
            "kernel", State.WELL, f"ipykernel {found['ipykernel']}, IPython {found.get('ipython', '?')}"
        )
    if "jupyterlab" in found:
        yield check_extension(sys.prefix, found["jupyterlab"])


def check_extension(prefix: str, lab: str) -> Check:
    """Pivot's part of JupyterLab.

    Args:
        prefix: of the environment.
        lab: the version of JupyterLab there.
    """
    own, again = version("pivot"), "pip install --force-reinstall pivot"
    try:
        with open(os.path.join(prefix, EXTENSION), encoding="utf-8") as stream:
            installed = json.load(stream)["version"]
    except (OSError, ValueError, KeyError, TypeError):
        text = (
            f"JupyterLab {lab} has no extension of Pivot's here: cells get no badges, and there is no panel"
        )
        return Check("extension", State.NOTE, text, f"{again}, and reload the page")
    if installed != own:
        text = f"the extension is of Pivot {installed}, the kernel's part of {own}"
        return Check("extension", State.WRONG, text, f"{again}, restart the kernel and reload the page")
    return Check("extension", State.WELL, f"JupyterLab {lab}, extension {installed}")


def check_files(store: Store, mode: str) -> Iterator[Check]:
    """What the file system of the project can do, tried out in a folder below ``.pivot/``.

    Args:
        mode: how files come from the cache into the workspace.
    """
    folder = store.layout.folder
    try:
        os.makedirs(store.layout.cache, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="doctor-", dir=folder) as scratch,
            tempfile.TemporaryDirectory(prefix="doctor-", dir=store.layout.cache) as cache,
        ):
            yield _check_locks(scratch)
            yield from _check_links(cache, scratch, mode)
    except OSError as error:
        yield Check("files", State.WRONG, f"cannot write in .pivot/: {error.strerror}", "make it writable")
        return
    room = shutil.disk_usage(folder).free
    if room < _LEAST_ROOM:
        text = f"{room // 1_000_000} MB are free"
        yield Check("room", State.WRONG, text, "make room there: pivot gc takes away what nothing needs")
    else:
        yield Check("room", State.WELL, f"{room // 1_000_000_000} GB are free")


def _check_locks(scratch: str) -> Check:
    with open(os.path.join(scratch, "lock"), "wb") as first, open(first.name, "wb") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Check("locks", State.WELL, "two runs of a stage exclude each other")
        except OSError as error:
            found = f"the file system has no locks: {error.strerror}"
        else:
            found = "the file system's locks exclude nobody"
    return Check("locks", State.WRONG, found, "keep the project on a local file system")


def _check_links(cache: str, scratch: str, mode: str) -> Iterator[Check]:
    file = os.path.join(cache, "file")
    with open(file, "wb"):
        pass
    can = {}
    for word, link in (("hardlink", os.link), ("symlink", os.symlink)):
        with contextlib.suppress(OSError):
            link(file, os.path.join(scratch, word))
        can[word] = os.path.exists(os.path.join(scratch, word))
    if can.get(mode, True):
        able = [f"{word}s" for word, there in can.items() if there]
        yield Check(
            "links", State.WELL, f"{' and '.join(able) or 'no links'}; files are put in place by {mode}"
        )
    else:
        text = f"the setting cache.checkout_mode is {mode}, which the file system cannot make from the cache"
        yield Check("links", State.WRONG, text, "set it to copy in .pivot/config.yaml")
    os.chmod(file, 0o700)
    if not os.stat(file).st_mode & 0o100:
        yield Check(
            "modes", State.NOTE, "files keep no mode here: programs that stages write are not executable"
        )


def check_cache(store: Store) -> Check:
    """The bytes of all results that lock files need."""
    found = verify(store)
    lost = [*found.damaged, *found.missing]
    left = [need for need in lost if need.digest not in found.mended]
    told = f"{found.checked} objects checked" if found.checked else "no result is kept yet"
    if not lost:
        return Check("cache", State.WELL, told)
    text = f"{told}, {_faults(found)}"
    if not left:
        return Check("cache", State.NOTE, f"{text}; all were made again of the files in place")
    stages = ", ".join(dict.fromkeys(need.stage for need in left))
    return Check(
        "cache", State.WRONG, text, f"pull them (pivot pull), or run what made them: pivot repro {stages}"
    )


def _faults(found: Verified) -> str:
    counts = {"damaged": len(found.damaged), "missing": len(found.missing)}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
