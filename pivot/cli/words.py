"""How a state is written on this terminal: icon, word and colour, as far as the stream can show them."""

from dataclasses import dataclass
from typing import IO, Any

import click

from pivot.core.state import Progress, StageState, State
from pivot.model.decision import Verdict
from pivot.model.event import Outcome

_COLOURS: dict[State, str] = {
    Verdict.UNCHANGED: "green",
    Verdict.RESTORE: "blue",
    Verdict.RUN: "yellow",
    Verdict.WAITS: "yellow",
    Progress.RUNNING: "cyan",
    Outcome.RAN: "green",
    Outcome.RESTORED: "green",
    Outcome.UNCHANGED: "green",
    Outcome.FAILED: "red",
    Outcome.BLOCKED: "red",
    Outcome.CANCELLED: "magenta",
}
WIDTH = 16
"""Columns that a state takes in a table; a longer one pushes its line to the right."""


@dataclass(frozen=True, slots=True)
class Words:
    """The vocabulary of one stream.

    Attributes:
        icons: whether the stream's encoding has the icons.
    """

    icons: bool

    @classmethod
    def for_stream(cls, stream: IO[Any]) -> "Words":
        """What this stream can show."""
        try:
            "●◐✓✗⊘■▶".encode(getattr(stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return cls(icons=False)
        return cls(icons=True)

    def plain(self, state: StageState) -> str:
        """``✓ ran 3.1 s``."""
        return f"{state.icon} {state.phrase}" if self.icons else state.phrase

    def row(self, state: StageState, name: str, width: int) -> str:
        """State, name of the stage (padded to ``width``) and reason; click drops the colour where none belongs."""
        text = self.plain(state)
        reason = "" if state.state in (Verdict.UNCHANGED, Outcome.UNCHANGED) else state.reason
        padding = " " * (WIDTH - len(text))
        return (
            f"{click.style(text, fg=_COLOURS.get(state.state))}{padding}  {name:<{width}}  {reason}".rstrip()
        )


def plural(number: int, noun: str) -> str:
    """``1 stage``, ``2 stages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: float) -> str:
    """A number of bytes: ``512 bytes``, ``4.2 MB``."""
    if number < 1000:
        return plural(round(number), "byte")
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 999.95:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"
