"""How a state is written on this terminal: icon, word and colour, as far as the stream can show them."""

from dataclasses import dataclass
from typing import IO, Any

import click

from pivot.core.state import state_word
from pivot.model.decision import Verdict
from pivot.model.event import Outcome

_COLOURS = {
    "unchanged": "green",
    "ran": "green",
    "restored": "green",
    "restore": "blue",
    "run": "yellow",
    "waits": "yellow",
    "failed": "red",
    "blocked": "red",
    "cancelled": "magenta",
}


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

    def state(self, state: Verdict | Outcome, *, width: int = 0) -> str:
        """``✓ ran``, padded to a width, coloured where click finds a terminal (it drops colours elsewhere)."""
        icon, word = state_word(state)
        text = f"{icon} {word}" if self.icons else word
        return click.style(text, fg=_COLOURS.get(str(state))) + " " * (width - len(text))


def plural(number: int, noun: str) -> str:
    """``1 stage``, ``2 stages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """``0.42 s``, ``12.3 s``, ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
