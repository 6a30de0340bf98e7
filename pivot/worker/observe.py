"""What project code asks of the world beside its own text: files, folders, environment, clock, chance.

Used while the stages are defined: definitions that rest on nothing but source text can be kept.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

_ENVIRONMENT = getattr(os._Environ, "__getitem__").__code__  # noqa: B009, SLF001 - every way to read it ends there
_QUESTIONS = frozenset(  # names of C functions, whatever module they are in: doubt counts as a question
    """
    open stat access listdir scandir getcwd getcwdb
    getpid getppid uname gethostname getlogin getuid cpu_count sched_getaffinity urandom getrandom
    time time_ns monotonic monotonic_ns perf_counter perf_counter_ns localtime gmtime ctime strftime now today utcnow
    random getrandbits fork_exec socket connect
    """.split()  # noqa: SIM905 - reads better
)
_CODE_FROM_TEXT = ("<string>", "<stdin>")


@contextlib.contextmanager
def questions(is_project: Callable[[str], bool]) -> Iterator[set[str]]:
    """Collects what project code asks in this thread, also through libraries, but not what an import asks.

    The interpreter's profile hook sees each call of a C function; one of another library's own that reads a file
    natively is not seen.

    Args:
        is_project: whether a source file is the project's own.
    """
    asked: set[str] = set()
    known: dict[CodeType, bool] = {}
    outermost = sys._getframe(2)  # noqa: SLF001 - the caller of the with statement; what called it is not asked

    def is_asked_by_project(frame: FrameType | None) -> bool:
        while frame is not None and frame is not outermost:
            code = frame.f_code
            if code.co_filename.startswith("<frozen importlib"):
                return False
            if code not in known:
                known[code] = code.co_filename in _CODE_FROM_TEXT or is_project(code.co_filename)
            if known[code]:
                return True
            frame = frame.f_back
        return False

    def hook(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            name = getattr(argument, "__name__", "")
            if name in _QUESTIONS and is_asked_by_project(frame):
                asked.add(name)
        elif event == "call" and frame.f_code is _ENVIRONMENT and is_asked_by_project(frame.f_back):
            asked.add("environ")

    before = sys.getprofile()
    sys.setprofile(hook)
    try:
        yield asked
    finally:
        sys.setprofile(before)
