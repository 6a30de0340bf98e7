"""Which functions of the project run, by ``sys.monitoring`` (Python 3.12 and newer), at next to no cost."""

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

_TOOL = "pivot"
_IDS = (4, 3, 5, 2, 1, 0)  # those with a name of their own (profiler, coverage, debugger) last


@contextlib.contextmanager
def calls(note: Callable[[CodeType], None]) -> Iterator[Callable[[], object] | None]:
    """Notes each function that starts, once: on Python 3.11, or where all tools are taken, none.

    Gives a function after whose call those that start again are noted again; ``None`` where calls are not seen.
    """
    monitoring: Any = getattr(sys, "monitoring", None)
    tool = _take_tool(monitoring) if monitoring is not None else None
    if tool is None:
        yield None
        return
    started, disable = monitoring.events.PY_START, monitoring.DISABLE

    def on_start(code: CodeType, _offset: int) -> object:
        note(code)
        return disable

    monitoring.register_callback(tool, started, on_start)
    monitoring.set_events(tool, started)
    monitoring.restart_events()
    try:
        yield monitoring.restart_events
    finally:
        with contextlib.suppress(ValueError):  # a stage may have freed it
            monitoring.set_events(tool, 0)
            monitoring.register_callback(tool, started, None)
            monitoring.free_tool_id(tool)


def is_function(code: CodeType) -> bool:
    """Whether it is the body of a function, lambda or comprehension, rather than of a module or class."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def _take_tool(monitoring: Any) -> int | None:
    for tool in _IDS:
        if monitoring.get_tool(tool) is None:
            with contextlib.suppress(ValueError):  # another thread was faster
                monitoring.use_tool_id(tool, _TOOL)
                return tool
    return None
