"""Which environment variables project code reads."""

import contextlib
import os
import sys
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from types import CodeType, FrameType
from typing import Any

from pivot.worker.frames import Frames

_Environment: Any = os._Environ  # noqa: SLF001 - the type of os.environ has no public name
# a loop over all pairs or values is no read of any one
_LOOPS: tuple[CodeType, ...] = (
    getattr(ItemsView, "__iter__").__code__,  # noqa: B009 - what mypy is told is not what is there
    getattr(ValuesView, "__iter__").__code__,  # noqa: B009
)


@contextlib.contextmanager
def environment_reads(frames: Frames, note: Callable[[str, str | None], None]) -> Iterator[None]:
    """Notes each read of a variable that project code asks for by name, with its value (``None``: there is none).

    Variables that were set or removed meanwhile are left out.

    ``os.environ`` and ``os.environb`` become instances of another class meanwhile, so that whoever took them
    earlier is seen as well.
    Whoever copies the whole environment is not thought to read each variable: Python then asks for the names first,
    from the very same instruction.
    """
    found = {name: getattr(os, name) for name in ("environ", "environb") if hasattr(os, name)}
    watched = _watched(frames, note)
    for environment in found.values():
        with contextlib.suppress(TypeError):  # something put another mapping there
            environment.__class__ = watched
    try:
        yield
    finally:
        for name, environment in found.items():
            if isinstance(environment, watched):
                environment.__class__ = _Environment
            setattr(os, name, environment)  # a stage may have put another there


def _watched(frames: Frames, note: Callable[[str, str | None], None]) -> type:
    assigned: set[str] = set()
    bulk: set[tuple[CodeType, int]] = set()

    def is_read(frame: FrameType) -> bool:
        return (
            (frame.f_code, frame.f_lasti) not in bulk
            and frame.f_code not in _LOOPS
            and frames.is_direct(frame)
        )

    def remember(key: str | bytes, value: str | bytes | None, frame: FrameType) -> None:
        if is_read(frame) and (name := os.fsdecode(key)) not in assigned:
            note(name, None if value is None else os.fsdecode(value))

    class WatchedEnvironment(_Environment):  # type: ignore[misc]
        """``os.environ`` while a stage runs."""

        def __getitem__(self, key: Any) -> Any:
            try:
                value = super().__getitem__(key)
            except KeyError:
                remember(key, None, sys._getframe(1))  # noqa: SLF001
                raise
            remember(key, value, sys._getframe(1))  # noqa: SLF001
            return value

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key, value)
            assigned.add(os.fsdecode(key))

        def __delitem__(self, key: Any) -> None:
            super().__delitem__(key)
            assigned.add(os.fsdecode(key))

        def keys(self) -> KeysView[Any]:
            frame = sys._getframe(1)  # noqa: SLF001
            bulk.add((frame.f_code, frame.f_lasti))
            names: KeysView[Any] = super().keys()
            return names

    WatchedEnvironment.__name__ = _Environment.__name__
    WatchedEnvironment.__qualname__ = _Environment.__qualname__
    return WatchedEnvironment
