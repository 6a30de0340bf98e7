"""Who asks: project code, a library, the standard library, the import system, or Pivot itself.

Audit events and wrapped functions say what was asked of the world, not by whom; that is read off the call stack.
"""

import os
import pathlib
import posixpath
import shutil
import sysconfig
from collections.abc import Callable
from enum import Enum
from types import CodeType, FrameType

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_OUR_LOADERS = os.path.join(_OURS, "loaders") + os.sep
_CODE_FROM_TEXT = frozenset(("<string>", "<stdin>"))
_SOURCE_READERS = ("linecache.py", "inspect.py", "tokenize.py", "traceback.py", "pkgutil.py", "importlib")
_RESOURCES = os.path.join("importlib", "resources") + os.sep
_SHUTIL = shutil.copyfile.__code__.co_filename
_NO_QUESTIONS = {
    os.makedirs.__code__.co_filename: ("makedirs",),
    pathlib.Path.mkdir.__code__.co_filename: ("mkdir", "resolve"),
    posixpath.realpath.__code__.co_filename: ("realpath", "_joinrealpath"),
}


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
        paths = sysconfig.get_paths()
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
        """Whether project code asks, itself or through the standard library alone."""
        while frame is not None:
            kind = self.kind(frame.f_code.co_filename)
            if kind is not Kind.STANDARD or _asks_nothing(frame.f_code):
                return kind is Kind.PROJECT
            frame = frame.f_back
        return False

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
            elif kind not in {Kind.IMPORT, Kind.SOURCES} or not _gives_data(frame):
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
            return Kind.LIBRARY if file.startswith(_OUR_LOADERS) else Kind.PIVOT
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
    """Whether the import system is used to read a package's data: ``pkgutil.get_data``, ``__loader__.get_data``."""
    back = frame.f_back
    while back is not None and back.f_code.co_name == "get_data":
        back = back.f_back
    return (
        frame.f_code.co_name == "get_data"
        and back is not None
        and not back.f_code.co_filename.startswith(("<frozen importlib", _OURS))
    )


def _asks_nothing(code: CodeType) -> bool:
    """Whether it makes or removes folders or resolves names: what it looks at says nothing to its caller."""
    if code.co_filename == _SHUTIL:
        return "rmtree" in code.co_qualname.lower()
    return code.co_name in _NO_QUESTIONS.get(code.co_filename, ())
