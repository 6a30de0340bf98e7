"""Which environment variables project code reads."""

import contextlib
import os
import sys
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from types import CodeType, FrameType

from pivot.worker.frames import Frames

_Environment = os._Environ[str]  # noqa: SLF001 - the type of os.environ has no public name
# a loop over all pairs or values is no read of any one
_LOOPS: tuple[CodeType, ...] = (
    getattr(ItemsView, "__iter__").__code__,  # noqa: B009 - what mypy is told is not what is there
    getattr(ValuesView, "__iter__").__code__,  # noqa: B009
)


@contextlib.contextmanager
def environment_reads(frames: Frames, note: Callable[[str, str | None], None]) -> Iterator[None]:
    """Notes each read of a variable that project code asks for by name, with its value (``None``: there is none).

    Variables that were set or removed meanwhile are left out.

    ``os.environ`` becomes an instance of another class meanwhile, so that whoever took it earlier is seen as well.
    Whoever copies the whole environment is not thought to read each variable: Python then asks for the names first,
    from the very same instruction.
    """
    environment, before = os.environ, os.environ.__class__
    try:
        environment.__class__ = _watched(before, frames, note)
    except TypeError:  # something put another mapping there
        yield
        return
    try:
        yield
    finally:
        environment.__class__ = before
        os.environ = environment  # noqa: B003 - a stage may have put another there


def _watched(
    kind: type[_Environment], frames: Frames, note: Callable[[str, str | None], None]
) -> type[_Environment]:
    assigned: set[str] = set()
    bulk: set[tuple[CodeType, int]] = set()

    def is_read(frame: FrameType) -> bool:
        return (
            (frame.f_code, frame.f_lasti) not in bulk
            and frame.f_code not in _LOOPS
            and frames.is_direct(frame)
        )

    def remember(key: object, value: str | None, frame: FrameType) -> None:
        if isinstance(key, str) and key not in assigned and is_read(frame):
            note(key, value)

    class WatchedEnvironment(kind):  # type: ignore[valid-type, misc]
        """``os.environ`` while a stage runs."""

        def __getitem__(self, key: str) -> str:
            try:
                value: str = super().__getitem__(key)
            except KeyError:
                remember(key, None, sys._getframe(1))  # noqa: SLF001
                raise
            remember(key, value, sys._getframe(1))  # noqa: SLF001
            return value

        def __setitem__(self, key: str, value: str) -> None:
            super().__setitem__(key, value)
            assigned.add(key)

        def __delitem__(self, key: str) -> None:
            super().__delitem__(key)
            assigned.add(key)

        def keys(self) -> KeysView[str]:
            frame = sys._getframe(1)  # noqa: SLF001
            bulk.add((frame.f_code, frame.f_lasti))
            names: KeysView[str] = super().keys()
            return names

    WatchedEnvironment.__name__ = kind.__name__
    WatchedEnvironment.__qualname__ = kind.__qualname__
    return WatchedEnvironment
