"""What a person sees while a run goes on: plain lines, or on a terminal a few live ones below them."""

import shutil
import threading
import time
from types import TracebackType
from typing import IO, Any, Self

import click

from pivot.cli.words import Words, duration
from pivot.model.event import Event, Notice, Outcome, StageFinished, StageStarted

QUIET = (Outcome.UNCHANGED,)
REFRESH = 0.2
"""Seconds between two drawings of the live lines."""


class PlainView:
    """One line for each stage that did something; for pipes, logs and CI."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._words = Words.for_stream(stream)
        self._failures: list[StageFinished] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for failure in self._failures:
            self._echo(failure_text(failure))

    def __call__(self, event: Event) -> None:
        """Take an event; called from the run's thread."""
        if isinstance(event, Notice):
            self._echo(f"{event.stage}: {event.text}" if event.stage else event.text)
        if isinstance(event, StageFinished) and event.outcome not in QUIET:
            took = f"  {duration(event.seconds)}" if event.outcome is Outcome.RAN else ""
            reason = f"  {event.reason}" if event.reason else ""
            self._echo(f"{self._words.state(event.outcome)}  {event.stage}{took}{reason}")
            if event.outcome is Outcome.FAILED:
                self._failures.append(event)

    def _echo(self, line: str) -> None:
        click.echo(line, file=self._stream)


class LiveView(PlainView):
    """`PlainView`, and below it one line for each running stage, redrawn a few times a second."""

    def __init__(self, stream: IO[Any]) -> None:
        super().__init__(stream)
        self._running: dict[str, float] = {}
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._painter = threading.Thread(target=self._paint, name="pivot-live-view", daemon=True)

    def __enter__(self) -> Self:
        self._painter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._painter.join()
        with self._lock:
            self._erase()
        super().__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Take an event; the lines that stay are written above the live ones."""
        with self._lock:
            self._erase()
            if isinstance(event, StageStarted):
                self._running[event.stage] = time.monotonic()
            if isinstance(event, StageFinished):
                self._running.pop(event.stage, None)
            super().__call__(event)
            self._draw()

    def _paint(self) -> None:
        while not self._over.wait(REFRESH):
            with self._lock:
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        now = time.monotonic()
        icon = "▶ " if self._words.icons else ""
        lines = [f"{icon}running {now - since:.0f} s  {stage}" for stage, since in self._running.items()]
        room = max(size.lines - 2, 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more running"]
        for line in lines:
            self._stream.write(line[: size.columns - 1] + "\n")
        self._drawn = len(lines)
        self._stream.flush()


def failure_text(failure: StageFinished) -> str:
    """A failed stage's story: its traceback, the fix where it is known, and where the whole log is."""
    lines = [click.style(f"\n--- {failure.stage} failed ---", fg="red")]
    lines += [failure.traceback.rstrip()] if failure.traceback else [failure.reason]
    if failure.hint:
        lines.append(f"hint: {failure.hint}")
    if failure.log:
        lines.append(f"log: {failure.log}")
    return "\n".join(lines)
