"""Which functions of the project run, by ``sys.monitoring`` (Python 3.12 and newer), at next to no cost."""

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

_TOOL = "pivot"
_IDS = (4, 3, 5, 2, 1, 0)  # those with a name of their own (profiler, coverage, debugger) last


@contextlib.contextmanager
def calls(note: Callable[[CodeType], None]) -> Iterator["Calls"]:
    """Notes each function that starts, once: on Python 3.11, or where all tools are taken, none."""
    monitoring: Any = getattr(sys, "monitoring", None)
    tool = _take_tool(monitoring) if monitoring is not None else None
    if tool is None:
        yield Calls(_nothing, lambda: False)
        return
    started, disable = monitoring.events.PY_START, monitoring.DISABLE

    def on_start(code: CodeType, _offset: int) -> object:
        note(code)
        return disable

    monitoring.register_callback(tool, started, on_start)
    monitoring.set_events(tool, started)
    monitoring.restart_events()
    try:
        yield Calls(
            monitoring.restart_events,
            lambda: monitoring.get_tool(tool) == _TOOL and monitoring.get_events(tool) == started,
        )
    finally:
        with contextlib.suppress(ValueError):  # a stage may have freed it
            monitoring.set_events(tool, 0)
            monitoring.register_callback(tool, started, None)
            monitoring.free_tool_id(tool)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that are being noted.

    Attributes:
        again: after it, functions that start again are noted again.
        are_seen: whether they are noted: not where they cannot be, or a stage took the tool away.
    """

    again: Callable[[], object]
    are_seen: Callable[[], bool]


def is_function(code: CodeType) -> bool:
    """Whether it is the body of a function, lambda or comprehension, rather than of a module or class."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def _nothing() -> None:
    """Where calls are not seen, none need be seen again."""


def _take_tool(monitoring: Any) -> int | None:
    for tool in _IDS:
        if monitoring.get_tool(tool) is None:
            with contextlib.suppress(ValueError):  # another thread was faster
                monitoring.use_tool_id(tool, _TOOL)
                return tool
    return None
