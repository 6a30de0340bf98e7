"""Starts ``python -m pivot …`` in a project and gives what it wrote."""

import asyncio
import contextlib
import json
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from typing import Any

from pivot_jupyter.server.interpreter import Interpreter, interpreter_of, own_version
from pivot_jupyter.server.place import Place

LIMIT = 60.0
"""Seconds after which a question is given up."""

_LINE = 2**26  # bytes of one event at most


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """Why a request gets no answer.

    Attributes:
        message: may have several lines.
        hint: the way out; may be empty.
        status: of HTTP.
    """

    def __init__(self, message: str, hint: str = "", status: int = 422) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status


@dataclass(frozen=True, slots=True)
class Written:
    """What a command wrote: `notices` are lines for a person."""

    text: str
    notices: tuple[str, ...]

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.text)


def suitable_interpreter(place: Place) -> Interpreter:
    """The project's Python.

    Raises:
        Refusal: it has another version of Pivot than the server.
    """
    python = interpreter_of(place)
    if python.version != own_version():
        raise Refusal(
            f"{python.title} has Pivot {python.version}, JupyterLab has {own_version()}",
            "install the same version in both",
        )
    return python


async def ask(place: Place, *words: str, limit: float = LIMIT) -> Written:
    """What a command of Pivot's writes.

    Args:
        limit: seconds after which it is ended.

    Raises:
        Refusal: it fails, with all that it says of it, or takes too long.
    """
    process = await begin(place, *words)
    try:
        out, err = await asyncio.wait_for(process.communicate(), limit)
    except TimeoutError:
        told = f"pivot {words[0]} has not ended after {limit:.0f} s"
        raise Refusal(told, "look in a terminal what takes so long", 504) from None
    finally:
        end(process, signal.SIGKILL)
    said = err.decode(errors="replace")
    if process.returncode != 0:
        raise refusal(said, process.returncode)
    return Written(out.decode(errors="replace"), tuple(said.splitlines()))


async def begin(place: Place, *words: str) -> Process:
    """Starts a command in a session of its own: what ends the server's terminal does not reach it."""
    python = suitable_interpreter(place)
    # -P: a folder of the project's that is called pivot is not taken for ours. The environment stays as it is:
    # a stage that reads a variable must find here what it finds in a terminal.
    return await asyncio.create_subprocess_exec(
        *(python.executable, "-P", "-m", "pivot", *words),
        cwd=place.folder,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        limit=_LINE,
        start_new_session=True,
    )


def end(process: Process, how: signal.Signals) -> None:
    """Sends a signal to a command that has not ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)


def refusal(said: str, code: int | None) -> Refusal:
    """What a command that failed wrote to stderr, as ``error: …`` and ``hint: …`` lines, or else all of it."""
    if "No module named pivot" in said:
        return Refusal("the project's Python has no Pivot", "install it there: python -m pip install pivot")
    told: list[tuple[str, str]] = []  # what is wrong, and the way out
    for line in said.splitlines():
        kind, _, text = line.partition(": ")
        if kind.lower() == "error":
            told.append((text, ""))
        elif told and kind == "hint":
            told[-1] = (told[-1][0], text)
        elif told and not told[-1][1]:
            told[-1] = (f"{told[-1][0]}\n{line}", "")  # a message of several lines
    if not told:
        return Refusal(said.strip() or f"pivot ended with code {code} and said nothing")
    if len(told) == 1:
        return Refusal(*told[0])
    return Refusal("\n\n".join("\n".join(filter(None, one)) for one in told))
