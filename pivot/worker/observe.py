"""What project code asks of the world beside its own text: files, folders, environment, clock, chance.

Used while the stages are defined: definitions that rest on nothing but source text can be kept.
"""

import contextlib
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_ENVIRONMENT = getattr(os._Environ, "__getitem__").__code__  # noqa: B009, SLF001 - every way to read it ends there
_LOOKS = frozenset(("stat", "access"))
_CLOCK_AND_CHANCE = (
    frozenset(  # names of C functions, whatever module they are in: doubt counts as a question
        """
    getcwd getcwdb getpid getppid uname gethostname getlogin getuid cpu_count sched_getaffinity urandom getrandom
    time time_ns monotonic monotonic_ns perf_counter perf_counter_ns localtime gmtime ctime strftime now today utcnow
    random getrandbits fork_exec socket connect
    """.split()  # noqa: SIM905 - reads better
    )
)
_FILES = frozenset(("open", "os.listdir", "os.scandir"))  # audit events
_CODE_FROM_TEXT = frozenset(("<string>", "<stdin>"))


@contextlib.contextmanager
def questions(is_project: Callable[[str], bool]) -> Iterator[set[str]]:
    """Collects what project code asks in this thread.

    What counts: files and folders that it opens itself or through a library, other than a library's own files; what
    it asks of the environment, or whether a file is there, itself or through the standard library; clock, chance
    and the like. What an import asks does not count, nor what a library's native code reads.

    For a process that is discarded afterwards: an audit hook cannot be taken back.

    Args:
        is_project: whether a source file is the project's own.
    """
    asked: set[str] = set()
    watch = _Watch(is_project, sys._getframe(2))  # noqa: SLF001 - the caller of the with statement

    def on_call(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            name = getattr(argument, "__name__", "")
            if (name in _CLOCK_AND_CHANCE and watch.asks(frame)) or (
                name in _LOOKS and watch.asks(frame, directly=True)
            ):
                asked.add(name)
        elif event == "call" and frame.f_code is _ENVIRONMENT and watch.asks(frame.f_back, directly=True):
            asked.add("environ")

    def on_file(event: str, arguments: tuple[Any, ...]) -> None:
        if not watch.on or event not in _FILES or watch.is_library(arguments[0]):
            return
        if watch.asks(sys._getframe(1)):  # noqa: SLF001 - hooks are not told
            asked.add(f"{event} {arguments[0]}")

    sys.addaudithook(on_file)
    before = sys.getprofile()
    sys.setprofile(on_call)
    try:
        yield asked
    finally:
        sys.setprofile(before)
        watch.on = False


class _Watch:
    """Tells who asks.

    Args:
        is_project: whether a source file is the project's own.
        outermost: the frame that is not looked at any more, nor those that called it.
    """

    def __init__(self, is_project: Callable[[str], bool], outermost: FrameType) -> None:
        paths = sysconfig.get_paths()
        self.on = True
        self._is_project = is_project
        self._outermost = outermost
        self._standard = (paths["stdlib"], paths["platstdlib"])
        self._libraries = tuple({paths["purelib"], paths["platlib"]})
        self._known: dict[str, str] = {}

    def asks(self, frame: FrameType | None, *, directly: bool = False) -> bool:
        """Whether project code led to a frame; `directly`: through the standard library at most."""
        while frame is not None and frame is not self._outermost:
            kind = self._kind(frame.f_code.co_filename)
            if kind == "project":
                return True
            if kind == "import" or (directly and kind == "library"):
                return False
            frame = frame.f_back
        return False

    def is_library(self, path: object) -> bool:
        """Whether a file is a library's own, or no file at all but an open descriptor."""
        if not isinstance(path, str | bytes | os.PathLike):
            return True
        return os.path.abspath(os.fsdecode(path)).startswith((*self._standard, *self._libraries))

    def _kind(self, file: str) -> str:
        kind = self._known.get(file)
        if kind is None:
            if file.startswith("<frozen importlib"):
                kind = "import"
            elif file in _CODE_FROM_TEXT or self._is_project(file):
                kind = "project"
            elif file.startswith("<") or (
                file.startswith(self._standard) and not file.startswith(self._libraries)
            ):
                kind = "standard"
            else:
                kind = "library"
            self._known[file] = kind
        return kind
