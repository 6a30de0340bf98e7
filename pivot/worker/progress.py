"""How far a stage is, as it says itself: ``for batch in pivot.progress(batches): …``."""

import contextlib
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from pivot.worker.context import current
from pivot.worker.report import Reporter, Standing

T = TypeVar("T")


def progress(
    iterable: Iterable[T] | None = None, total: float | None = None, text: str = ""
) -> "Progress[T]":
    """Let people see how far the stage is: in the terminal, on the notebook's cell.

    Goes through ``iterable`` and counts, or is told: ``with pivot.progress(total=10) as bar: bar.update()``.
    Of nested ones the outermost is shown. Outside of a stage nothing is shown, and all else is the same.

    Args:
        iterable: what to go through, one step for each item.
        total: how many steps there are; by default the length of ``iterable``, if it has one.
        text: what is being done: ``epoch``.

    Raises:
        TypeError: ``iterable`` cannot be gone through.
    """
    if iterable is not None and not hasattr(iterable, "__iter__") and not hasattr(iterable, "__getitem__"):
        raise TypeError(
            f"pivot.progress goes through what it is given, and {iterable!r} holds no items; "
            "a number of steps is given as total="
        )
    one = current()
    return Progress(iterable, total, text, one.reporter if one is not None else None)


class Progress(Generic[T]):
    """What `progress` gives.

    Attributes:
        done: steps that are done.
        total: of how many; ``None`` where nobody knows. May be set.
        text: what is being done. May be set; is shown with the next step.
    """

    def __init__(
        self, iterable: Iterable[T] | None, total: float | None, text: str, reporter: Reporter | None
    ) -> None:
        self.done: float = 0
        self.total = total
        self.text = text
        self._items = iterable
        self._reporter = reporter
        self._said: tuple[float | None, str] | None = None  # total and text, as far as they are known there
        if iterable is not None and total is None:
            with contextlib.suppress(Exception):  # some things that have a length cannot tell it
                self.total = len(iterable)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[T]:
        if self._items is None:
            raise TypeError(
                "pivot.progress was given nothing to go through; call its update() after each step"
            )
        if self._reporter is None:
            return iter(self._items)
        self.done = 0
        self._say()
        steps = self._steps()
        # Put together from parts in C: with a frame of ours below the loop's, what a lazy iterable reads would
        # look as if Pivot read it. The last part holds `steps`, which would otherwise end with the items.
        pairs: Iterator[tuple[T, Any]] = zip(self._items, steps, strict=False)
        return chain(map(itemgetter(0), pairs), self._last(steps))

    def update(self, n: float = 1, text: str | None = None) -> None:
        """``n`` more steps are done.

        Args:
            text: what is being done from now on.
        """
        self.done += n
        if text is not None:
            self.text = text
        self._say()

    def close(self) -> None:
        """It is over, however far it came; ``with`` and the end of a loop do this by themselves."""
        if self._reporter is not None:
            self._said = None
            self._reporter.end(id(self), Standing(self.done, self.total, self.text))

    def __enter__(self) -> Self:
        self._say()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _say(self) -> None:
        if self._reporter is None:
            return
        said = self._said
        if said is not None and said[0] is self.total and said[1] is self.text:
            self._reporter.count(id(self), self.done)
        else:
            self._said = (self.total, self.text)
            self._reporter.report(id(self), Standing(self.done, self.total, self.text))

    def _steps(self) -> Iterator[None]:
        """Is asked for a step after each item that was fetched: the items before that one are done."""
        fetched = 0
        try:
            while True:
                self.done = fetched
                fetched += 1
                self._say()
                yield
        finally:
            self.close()

    def _last(self, steps: Iterator[None]) -> Iterator[T]:
        with contextlib.suppress(StopIteration):
            next(steps)  # the last item is done, too; counts nothing where there was none
        self.close()
        yield from ()
