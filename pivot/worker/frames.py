"""Who asks: project code, a library, the standard library, the import system, or Pivot itself.

Audit events and wrapped functions say what was asked of the world, not by whom; that is read off the call stack.
"""

import os
import pathlib
import posixpath
import shutil
import tempfile
from collections.abc import Callable
from enum import Enum
from types import CodeType, FrameType
from typing import cast

from pivot.worker.installed import installed

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_FOR_STAGES = (  # what our code does for a stage, a library might do
    os.path.join(_OURS, "loaders") + os.sep,
    os.path.join(_OURS, "worker", "progress.py"),
)
_CODE_FROM_TEXT = frozenset(("<string>", "<stdin>"))
_SOURCE_READERS = ("linecache.py", "inspect.py", "tokenize.py", "traceback.py", "pkgutil.py", "importlib")
_RESOURCES = os.path.join("importlib", "resources") + os.sep
_TEMPFILE = tempfile.mkstemp.__code__.co_filename
_SHUTIL = shutil.copyfile.__code__.co_filename
_BY_PATH = frozenset(("get_data", "get_code", "get_source", "exec_module", "_check_name_wrapper"))
_NO_QUESTIONS = {
    os.makedirs.__code__.co_filename: ("makedirs",),
    pathlib.Path.mkdir.__code__.co_filename: ("mkdir", "resolve"),
    posixpath.realpath.__code__.co_filename: ("realpath", "_joinrealpath"),
}
_RESOLVE = {file: names for file, names in _NO_QUESTIONS.items() if file != os.makedirs.__code__.co_filename}


class Kind(Enum):
    """Whose code a file holds."""

    PROJECT = "project"
    LIBRARY = "library"
    STANDARD = "standard"
    SOURCES = "sources"
    """A part of the standard library that reads source files and packages' metadata for a person or a debugger."""
    IMPORT = "import"
    PIVOT = "pivot"


class Frames:
    """Tells who asks, from the frame that does.

    Args:
        is_project: whether a source file (or a name of our own for a text) is the project's own.
    """

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        paths = installed()
        self._is_project = is_project
        self._standard = tuple(paths[name] + os.sep for name in ("stdlib", "platstdlib"))
        self._libraries = tuple({paths[name] + os.sep for name in ("purelib", "platlib")})
        self._known: dict[str, Kind] = {}

    def kind(self, file: str) -> Kind:
        """Whose code a file (``co_filename``) holds."""
        kind = self._known.get(file)
        if kind is None:
            kind = self._known[file] = self._kind(file)
        return kind

    def leads_from_project(self, frame: FrameType | None, outermost: FrameType) -> bool:
        """Whether project code led to a frame, by whatever way but an import; looks no further than `outermost`."""
        while frame is not None and frame is not outermost:
            kind = self.kind(frame.f_code.co_filename)
            if kind is Kind.PROJECT:
                return True
            if kind is Kind.IMPORT:
                return False
            frame = frame.f_back
        return False

    def is_direct(self, frame: FrameType | None) -> bool:
        """Whether project code asks, itself or through the standard library alone.

        A thread whose function is the standard library's own is the project's doing.
        """
        while frame is not None:
            kind = self.kind(frame.f_code.co_filename)
            if kind is not Kind.STANDARD or _asks_nothing(frame.f_code):
                return kind is Kind.PROJECT
            frame = frame.f_back
        return True

    def is_read(self, frame: FrameType | None) -> bool:
        """Whether it is the project or a library that asks, rather than an import, Pivot, or someone after sources.

        A thread whose function is the standard library's or a library's own counts as well.
        """
        while frame is not None:
            code = frame.f_code
            kind = self.kind(code.co_filename)
            if kind is Kind.STANDARD:
                if _asks_nothing(code):
                    return False
            elif kind is Kind.IMPORT and (asker := _asker_by_path(frame)) is not None:
                frame = asker
                continue
            elif kind is not Kind.SOURCES or not _gives_data(frame):
                return kind in {Kind.PROJECT, Kind.LIBRARY}
            frame = frame.f_back
        return True

    def is_change(self, frame: FrameType | None) -> bool:
        """Whether it is not Pivot, or an import, that changes something."""
        while frame is not None:
            kind = self.kind(frame.f_code.co_filename)
            if kind is not Kind.STANDARD:
                return kind not in {Kind.PIVOT, Kind.IMPORT}
            frame = frame.f_back
        return True

    def is_named_by_chance(self, frame: FrameType | None) -> bool:
        """Whether it is no project code, or ``tempfile``, that chose the name of what is made."""
        asker = frame
        while asker is not None and self.kind(asker.f_code.co_filename) is Kind.STANDARD:
            if asker.f_code.co_filename == _TEMPFILE:
                return True
            asker = asker.f_back
        return not self.is_direct(frame)

    def is_followed(self, frame: FrameType | None) -> bool:
        """Whether it is the project or a library that wants to know where a link leads, resolving a name or not."""
        while frame is not None and frame.f_code.co_name in _RESOLVE.get(frame.f_code.co_filename, ()):
            frame = frame.f_back
        return self.is_read(frame)

    def importing(self, frame: FrameType | None) -> bool:
        """Whether it is project code that wants a module, when the import system asks for it."""
        while frame is not None:
            kind = self.kind(frame.f_code.co_filename)
            if kind not in {Kind.IMPORT, Kind.SOURCES}:
                return kind is Kind.PROJECT
            frame = frame.f_back
        return False

    def is_library_file(self, path: object) -> bool:
        """Whether a file is a library's own, or no file at all but an open descriptor."""
        if not isinstance(path, str | bytes | os.PathLike):
            return True
        return os.path.abspath(os.fsdecode(path)).startswith((*self._standard, *self._libraries))

    def _kind(self, file: str) -> Kind:
        if file.startswith("<frozen importlib"):
            return Kind.IMPORT
        if file.startswith(_OURS):
            return Kind.LIBRARY if file.startswith(_FOR_STAGES) else Kind.PIVOT
        if file.startswith(self._libraries):
            return Kind.LIBRARY
        if file in _CODE_FROM_TEXT or self._is_project(file):
            return Kind.PROJECT
        if file.startswith("<"):
            return Kind.STANDARD
        if file.startswith(self._standard):
            within = file.removeprefix(next(folder for folder in self._standard if file.startswith(folder)))
            reads_sources = within.startswith(_SOURCE_READERS) and not within.startswith(_RESOURCES)
            return Kind.SOURCES if reads_sources else Kind.STANDARD
        return Kind.LIBRARY


def _gives_data(frame: FrameType) -> bool:
    """Whether a package's data is read: ``pkgutil.get_data``."""
    return frame.f_code.co_name == "get_data"


def _asker_by_path(frame: FrameType) -> FrameType | None:
    """Who uses a loader of the import system to read the file at a path, rather than to import a module by its name.

    ``__loader__.get_data``, or ``exec_module`` of a spec that was made for a file. ``None``: it is an import.
    """
    name, back = "", cast("FrameType | None", frame)
    while back is not None and back.f_code.co_filename.startswith("<frozen importlib"):
        name, back = back.f_code.co_name, back.f_back
    if name not in _BY_PATH or back is None or back.f_code.co_filename.startswith(_OURS):
        return None
    return back


def _asks_nothing(code: CodeType) -> bool:
    """Whether it makes or removes folders or resolves names: what it looks at says nothing to its caller."""
    if code.co_filename == _SHUTIL:
        return "rmtree" in code.co_qualname.lower()
    return code.co_name in _NO_QUESTIONS.get(code.co_filename, ())
