"""An exception → a `Failure` as the stage's author wants to read it: their frames, their file and line."""

import errno
import importlib
import linecache
import os
import traceback
from collections.abc import Iterator, Sequence

from pivot.errors import PivotError
from pivot.model.fingerprint import ModuleText
from pivot.model.place import Place
from pivot.model.task import Failure
from pivot.store import atomic

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LONGEST = 300


class TaskError(Exception):
    """Ends a task with a failure that has been worded already."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(
    error: BaseException,
    kind: str,
    modules: Sequence[ModuleText],
    *,
    doing: str = "",
    hint: str | None = None,
) -> Failure:
    """What to tell about an exception.

    Args:
        error: as caught; its ``__str__`` may itself raise.
        kind: of the failure; an interrupt is always ``cancelled``.
        modules: the project modules whose frames are the author's.
        doing: words put before the message: ``dep 'raw' (data/raw.csv)``.
        hint: the way out, where the caller knows one.
    """
    if isinstance(error, TaskError):
        return error.failure
    _register_sources(modules)
    summary = traceback.TracebackException.from_exception(error)
    _keep_frames_of_the_author(summary)
    if isinstance(error, KeyboardInterrupt):
        kind, what = "cancelled", "interrupted"
    elif isinstance(error, SystemExit):
        what = f"called sys.exit({'' if error.code is None else repr(error.code)})"
    else:
        what = _one_line(error)
    place = _innermost_place(error, modules) or _place_of_syntax_error(error, modules)
    message = f"{doing}: {what}" if doing else what
    return Failure(
        kind=kind,
        message=f"{message} ({place})" if place else message,
        traceback="".join(summary.format()),
        hint=hint or way_out(error),
        exceptions=tuple([f"{one.__module__}.{one.__qualname__}" for one in type(error).__mro__[:-1]]),
    )


def _register_sources(modules: Sequence[ModuleText]) -> None:
    """Let tracebacks show the lines of the texts that ran, whatever the files hold by now."""
    for module in modules:
        linecache.cache[module.filename] = (len(module.text), None, module.lines(), module.filename)


def _keep_frames_of_the_author(summary: traceback.TracebackException) -> None:
    seen: set[int] = set()
    todo: list[traceback.TracebackException | None] = [summary]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.stack = traceback.StackSummary.from_list(
            [frame for frame in one.stack if not _is_ours(frame.filename)]
        )
        todo += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OURS, "<frozen importlib")) or filename == importlib.__file__


def _one_line(error: BaseException) -> str:
    name = type(error).__qualname__
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the author's __str__ may do anything
        text = "(its text cannot be shown: __str__ failed)"
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    first = first if len(first) <= _LONGEST else first[:_LONGEST] + "…"
    return f"{name}: {first}" if first else name


def _innermost_place(error: BaseException, modules: Sequence[ModuleText]) -> Place | None:
    places = {module.filename: module.place for module in modules}
    found = None
    for filename, line in _lines(error):
        if filename in places:
            found = Place(places[filename], line)
    if found is None and isinstance(error, BaseExceptionGroup):
        inner = (_innermost_place(one, modules) for one in error.exceptions)
        found = next((place for place in inner if place), None)
    return found


def _lines(error: BaseException) -> Iterator[tuple[str, int]]:
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame.f_code.co_filename, step.tb_lineno or 0
        step = step.tb_next


def _place_of_syntax_error(error: BaseException, modules: Sequence[ModuleText]) -> Place | None:
    if not isinstance(error, SyntaxError):
        return None
    return next((Place(m.place, error.lineno or 0) for m in modules if m.filename == error.filename), None)


def way_out(error: BaseException) -> str | None:
    """What its author can do about an exception, where that can be told from its kind."""
    if isinstance(error, PivotError):
        return error.hint
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"install {error.name.partition('.')[0]} in the environment that runs Pivot, or mend the import"
        )
    if isinstance(error, OSError) and error.errno in (*atomic.NO_ROOM, errno.EROFS):
        return atomic.way_out(error, error.filename if isinstance(error.filename, str) else "the folder")
    return None
