"""What a person sees while a run goes on: plain lines, or on a terminal a few live ones below them."""

import shutil
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any, Self

import click

from pivot.cli.words import Words
from pivot.core.state import Progress, StageState, duration, past_reason, state_word
from pivot.model.decision import Decision
from pivot.model.event import (
    Event,
    Notice,
    Outcome,
    RunStarted,
    StageDecided,
    StageFinished,
    StageOutput,
    StageProgress,
    StageRetried,
    StageStarted,
)

REFRESH = 0.25
"""Seconds between two drawings of the live lines."""
LOG_LINES = 20
"""Lines of a failed stage's log that are shown."""
LOG_TEXT = 8000
"""Characters of a running stage's log that are kept for that."""
MOST_STEPS = 1_000_000
"""From so many steps on (bytes, most often) their number is left out: the percentage says more."""


class PlainView:
    """One line for each stage that did something, then what the failed ones had to say; for pipes, logs, CI."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._words = Words.for_stream(stream)
        self._width = 0
        self._outcomes: dict[str, Outcome] = {}
        self._why: dict[str, str] = {}
        self._logs: dict[str, str] = {}
        self._failures: list[StageFinished] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for failure in self._failures:
            self._echo(failure_text(failure, self._logs.get(failure.stage, "")))

    def __call__(self, event: Event) -> None:
        """Take an event; called from the run's thread."""
        match event:
            case RunStarted():
                self._width = max((len(name) for name in event.stages), default=0)
            case Notice():
                self._echo(f"{event.stage}: {event.text}" if event.stage else event.text)
            case StageRetried():
                self._echo(f"{event.stage}: {event.text}")
            case StageDecided():
                self._why[event.stage] = past_reason(Decision(event.stage, event.verdict, event.changes))
            case StageOutput():
                self._logs[event.stage] = (self._logs.get(event.stage, "") + event.text)[-LOG_TEXT:]
            case StageFinished():
                self._finished(event)

    def _finished(self, end: StageFinished) -> None:
        self._outcomes[end.stage] = end.outcome
        if end.outcome is Outcome.FAILED:
            self._failures.append(end)
        else:
            self._logs.pop(end.stage, None)
        if end.outcome is Outcome.UNCHANGED:
            return
        state = StageState(end.outcome, self._reason(end), seconds=end.seconds or None)
        self._echo(self._words.row(state, end.stage, self._width))

    def _reason(self, end: StageFinished) -> str:
        if end.outcome is Outcome.RAN:
            return self._why.get(end.stage, "")
        if end.outcome not in (Outcome.BLOCKED, Outcome.CANCELLED) or end.reason not in self._outcomes:
            return end.reason.partition("\n")[0]
        return f"{end.reason} {self._outcomes[end.reason]}"

    def _echo(self, line: str) -> None:
        click.echo(line, file=self._stream)


class LiveView(PlainView):
    """`PlainView`, and below it one line for each running stage, redrawn a few times a second.

    ▶ train  45 %  epoch 9/20  12 s

    Args:
        clock: gives seconds.
    """

    def __init__(self, stream: IO[Any], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._running: dict[str, float] = {}
        self._said: dict[str, StageProgress] = {}
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
        if isinstance(event, StageProgress):  # the painter shows it soon enough
            self._said[event.stage] = event
            return
        if isinstance(event, StageOutput):  # nothing to be seen
            super().__call__(event)
            return
        with self._lock:
            self._erase()
            if isinstance(event, StageStarted):
                self._running[event.stage] = self._clock()
                self._said.pop(event.stage, None)
            if isinstance(event, StageRetried):
                self._said[event.stage] = StageProgress(event.stage, 0, None, event.text)
            if isinstance(event, StageFinished):
                self._running.pop(event.stage, None)
                self._said.pop(event.stage, None)
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
        now = self._clock()
        mark = state_word(Progress.RUNNING)[0] if self._words.icons else str(Progress.RUNNING)
        width = max(map(len, self._running), default=0)
        lines = [
            running_line(f"{mark} {stage:<{width}}", self._said.get(stage), now - since, size.columns - 1)
            for stage, since in self._running.items()
        ]
        room = max(size.lines - 2, 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more running"]
        for line in lines:
            self._stream.write(line[: size.columns - 1] + "\n")
        self._drawn = len(lines)
        self._stream.flush()


def running_line(name: str, said: StageProgress | None, seconds: float, columns: int) -> str:
    """``train  45 %  epoch 9/20  12 s``: all that is known, in ``columns``; words are cut first."""
    share = steps = text = ""
    if said is not None:
        text = said.text
        steps = _number(said.done) if said.done else ""
        if said.total:
            share = f"{max(0, min(100, int(100 * said.done / said.total))):>3} %"
            steps = f"{_number(said.done)}/{_number(said.total)}" if said.total < MOST_STEPS else ""
        if said.failed:
            steps = f"{steps}, {said.failed} failed".removeprefix(", ")
    rest = [part for part in (name, share, steps, duration(seconds)) if part]
    room = columns - len("  ".join(rest)) - (1 if steps else 2)
    if len(text) > room:
        text = f"{text[: room - 1]}…" if room > 1 else ""
    steps = f"{text} {steps}".strip()
    return "  ".join(part for part in (name, share, steps, duration(seconds)) if part)


def _number(steps: float) -> str:
    return str(int(steps)) if steps == int(steps) else f"{steps:.1f}"


def failure_text(failure: StageFinished, log: str) -> str:
    """A failed stage's story: the end of its log, its traceback, the fix where it is known, where the log is."""
    lines = [click.style(f"\n--- {failure.stage} failed ---", fg="red")]
    printed = log.splitlines()
    if len(printed) > LOG_LINES:
        lines.append("[...]")
    lines += printed[-LOG_LINES:]
    lines += [failure.traceback.rstrip()] if failure.traceback else [failure.reason]
    if failure.hint:
        lines.append(f"hint: {failure.hint}")
    if failure.log:
        lines.append(f"log: {failure.log} (pivot log {failure.stage})")
    return "\n".join(lines)
