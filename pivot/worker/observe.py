"""What project code asks of the world beside its own text: files, folders, environment, clock, chance.

Used while the stages are defined: definitions that rest on nothing but source text can be kept.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import FileFinder
from types import FrameType
from typing import Any

from pivot.worker.audit import listening
from pivot.worker.frames import Frames

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
_NOTED = _CLOCK_AND_CHANCE | _LOOKS | _BLINDING
_LOOKS_FOR_MODULE = FileFinder.find_spec.__code__
"""Each look for a module in a folder comes by it: imports, and whoever asks `importlib` on his own."""


@dataclass(slots=True)
class Heard:
    """What was seen while the stages were defined.

    Attributes:
        asked: what project code asked.
        ran: code that ran: file, name, first line.
        sought: folder → names of modules and packages that were looked for in it.
        complete: whether all that ran was seen.
    """

    asked: set[str] = field(default_factory=set)
    ran: set[tuple[str, str, int]] = field(default_factory=set)
    sought: dict[str, set[str]] = field(default_factory=dict)
    complete: bool = True


@contextlib.contextmanager
def questions(is_project: Callable[[str], bool]) -> Iterator[Heard]:
    """Collects what project code asks in this thread, and what code runs.

    What counts: files and folders that it opens itself or through a library, other than a library's own files; what
    it asks of the environment, or whether a file is there, itself or through the standard library; clock, chance
    and the like. What an import asks does not count, nor what a library's native code reads.

    Args:
        is_project: whether a source file is the project's own.
    """
    heard = Heard()
    asked, ran, blinding = heard.asked, heard.ran, set[str]()
    frames, outermost = Frames(is_project), sys._getframe(2)  # noqa: SLF001 - the with statement's frame

    def on_call(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            name = getattr(argument, "__name__", "")
            if name not in _NOTED:
                return
            if (name in _CLOCK_AND_CHANCE and frames.leads_from_project(frame, outermost)) or (
                name in _LOOKS and frames.is_direct(frame)
            ):
                asked.add(name)
            elif name in _BLINDING:
                blinding.add(name)
        elif event == "call":
            code = frame.f_code
            ran.add((code.co_filename, code.co_name, code.co_firstlineno))
            if code is _LOOKS_FOR_MODULE:
                asked_for = frame.f_locals
                names = heard.sought.setdefault(asked_for["self"].path, set())
                names.add(asked_for["fullname"].rpartition(".")[2])
            if code is _ENVIRONMENT and frames.is_direct(frame.f_back):
                asked.add("environ")

    def on_file(event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
        if event not in _FILES or frames.is_library_file(arguments[0]):
            return
        if frames.leads_from_project(frame, outermost):
            asked.add(f"{event} {arguments[0]}")

    before = sys.getprofile()
    with listening(on_file):
        sys.setprofile(on_call)
        try:
            yield heard
        finally:
            heard.complete = not blinding and sys.getprofile() is on_call
            sys.setprofile(before)
