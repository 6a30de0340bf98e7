"""What project code asks of the world beside its own text: files, folders, environment, clock, chance.

Used while the stages are defined: definitions that rest on nothing but source text can be kept.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.machinery import FileFinder
from types import CodeType, FrameType
from typing import Any

from pivot.worker.audit import listening
from pivot.worker.frames import Frames, Kind

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
_BLINDING = frozenset(("setprofile", "start_new_thread", "start_joinable_thread"))
"""C functions after which code may run that is not seen here."""
_PASSED = frozenset((Kind.STANDARD, Kind.SOURCES, Kind.IMPORT, Kind.PIVOT))
_NOTED = _CLOCK_AND_CHANCE | _LOOKS | _BLINDING


class Questions:
    """What was seen while the stages were defined; the `pivot.define.sources.ImportWatch` of their importer.

    Nothing is watched before the first module of the project is executed: until then none of its code is there to
    ask, and what Pivot does itself (reading thousands of entries) is not slowed down.

    Args:
        is_project: whether a source file is the project's own.
        outermost: the frame around all that is watched.

    Attributes:
        asked: what project code asked.
        sought: folder → names of modules and packages that were looked for in it.
        ran: code that ran, but for Python's and Pivot's own: file, name, first line.
        complete: whether all that ran was seen. To be asked when all is over.
    """

    def __init__(self, is_project: Callable[[str], bool], outermost: FrameType) -> None:
        self.asked: set[str] = set()
        self.sought: dict[str, set[str]] = {}
        self.ran: set[tuple[str, str, int]] = set()
        self.complete = True
        self._frames = Frames(is_project)
        self._outermost = outermost
        self._blinding: set[str] = set()
        self._before = sys.getprofile()
        self._hook: Callable[[FrameType, str, Any], None] | None = None

    def executing(self, name: str) -> AbstractContextManager[None]:
        """From now on all that runs in this thread is watched."""
        del name
        if self._hook is None:
            self._hook = self._on_call()
            sys.setprofile(self._hook)
        return nullcontext()

    def end(self) -> None:
        """Stop watching."""
        if self._hook is not None:
            self.complete = not self._blinding and sys.getprofile() is self._hook
            sys.setprofile(self._before)

    def on_file(self, event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
        """Takes an audit event."""
        if event not in _FILES or self._frames.is_library_file(arguments[0]):
            return
        if self._frames.leads_from_project(frame, self._outermost):
            self.asked.add(f"{event} {arguments[0]}")

    def _on_call(self) -> Callable[[FrameType, str, Any], None]:
        passed: set[str] = set()  # files of Python and of Pivot

        # called hundreds of times for each stage that is defined
        def on_call(frame: FrameType, event: str, argument: Any) -> None:
            if event == "c_call":
                try:
                    name = argument.__name__
                except AttributeError:
                    return
                if name in _NOTED:
                    self._note_c(name, frame)
            elif event == "call":
                code = frame.f_code
                if code.co_filename not in passed:
                    self._note_code(code, passed)
                if code is _ENVIRONMENT and self._frames.is_direct(frame.f_back):
                    self.asked.add("environ")

        return on_call

    def _note_code(self, code: CodeType, passed: set[str]) -> None:
        if self._frames.kind(code.co_filename) in _PASSED:
            passed.add(code.co_filename)
        else:
            self.ran.add((code.co_filename, code.co_name, code.co_firstlineno))

    def _note_c(self, name: str, frame: FrameType) -> None:
        if (name in _CLOCK_AND_CHANCE and self._frames.leads_from_project(frame, self._outermost)) or (
            name in _LOOKS and self._frames.is_direct(frame)
        ):
            self.asked.add(name)
        elif name in _BLINDING:
            self._blinding.add(name)


@contextlib.contextmanager
def questions(is_project: Callable[[str], bool]) -> Iterator[Questions]:
    """Collects what project code asks in this thread, and what code runs.

    What counts: files and folders that it opens itself or through a library, other than a library's own files; what
    it asks of the environment, or whether a file is there, itself or through the standard library; clock, chance
    and the like. What an import asks does not count, nor what a library's native code reads.

    Args:
        is_project: whether a source file is the project's own.
    """
    heard = Questions(is_project, sys._getframe(2))  # noqa: SLF001 - the with statement's frame
    with listening(heard.on_file), _looks_for_modules(heard.sought):
        try:
            yield heard
        finally:
            heard.end()


@contextlib.contextmanager
def _looks_for_modules(sought: dict[str, set[str]]) -> Iterator[None]:
    """Notes the looks for modules in folders: imports, and those of whoever asks `importlib` on his own."""
    finder: Any = FileFinder
    original = finder.find_spec

    @functools.wraps(original)
    def find_spec(self: Any, fullname: str, target: Any = None) -> Any:
        sought.setdefault(self.path, set()).add(fullname.rpartition(".")[2])
        return original(self, fullname, target)

    finder.find_spec = find_spec
    try:
        yield
    finally:
        finder.find_spec = original
