"""What kernel and browser say to each other: the messages of the comm ``pivot`` and what the widget shows.

Each message is one of these classes as JSON, with its name under ``kind``. `labextension/src/protocol.ts` is made
from this file (``python labextension/protocol.py``); a test keeps them equal. Times are in seconds, sizes in bytes.

    browser                         kernel
    Hello ───────────────────────►
          ◄─────────────────────── Snapshot     (or Failed, and the versions do not fit)
          ◄─────────────────────── Change …     (seq counts up by one; a gap: say Hello again)
    AskDetail, Start, Stop, … ───►
          ◄─────────────────────── Detail, Done, Failed     (with the number of the request)
          ◄─────────────────────── Log …        (of the stages that were last asked for, while they run)
          ◄─────────────────────── Told         (a run that no cell waited for is over)
"""

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Literal

PROTOCOL = 2
"""Counts up when a message changes its meaning; both sides must have the same one."""

TARGET = "pivot"
"""The name of the comm's target."""

StateName = Literal[
    "cached",
    "restore",
    "run",
    "waits",
    "queued",
    "running",
    "ran",
    "restored",
    "failed",
    "blocked",
    "cancelled",
]


@dataclass(frozen=True, slots=True)
class ProgressView:
    """How far a running stage says that it is.

    Attributes:
        total: ``None`` where nobody knows.
        failed: how many items of a mapped stage failed, of those that are done.
    """

    done: float
    total: float | None
    text: str
    failed: int = 0


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage and its state.

    Attributes:
        group: what variants are of (``train`` for ``train@a``); else the name itself.
        phrase: the state in words: ``will run``, ``waits for clean``, ``ran 3.1 s``.
        reason: one line; may be empty.
        seconds: how long a running stage has run by now; ``None`` for any other.
    """

    name: str
    group: str
    state: StateName
    icon: str
    phrase: str
    reason: str
    progress: ProgressView | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Edge:
    """One stage reads what another one writes."""

    upstream: str
    downstream: str


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell that was executed.

    Attributes:
        cell: its id in the notebook.
        stages: that it defines.
        used_by: the stages that rest on its definitions, of a cell that defines none.
        text: what was executed, to be compared with what stands there.
    """

    cell: str
    stages: tuple[str, ...]
    used_by: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class RunView:
    """The run that is under way, or the last one.

    Attributes:
        summary: ``2 ran, 3 unchanged`` once it is over; else empty.
    """

    run: str
    going: bool
    summary: str


# from the kernel


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All there is to show. `problem`: why nothing can be said of the stages; then there are none."""

    seq: int
    protocol: int
    version: str
    stages: tuple[StageView, ...]
    edges: tuple[Edge, ...]
    cells: tuple[CellView, ...]
    run: RunView | None
    summary: str
    problem: str


@dataclass(frozen=True, slots=True)
class Change:
    """The stages whose state is another one now; what is not named stayed."""

    seq: int
    stages: tuple[StageView, ...]
    run: RunView | None
    summary: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: ``lr`` ``0.1``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Why:
    """One reason why a stage would run, with the difference of the text that changed, a line each."""

    title: str
    rows: tuple[Row, ...]
    diff: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an output looks like: ``image/png`` and ``image/svg+xml`` as data URI, else text."""

    path: str
    mime: str
    data: str


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is known of one stage."""

    request: int
    stage: str
    why: tuple[Why, ...]
    params: tuple[Row, ...]
    deps: tuple[Row, ...]
    outs: tuple[Row, ...]
    durations: tuple[Row, ...]
    log: str
    traceback: str
    previews: tuple[Preview, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A request was done; `text` is what to tell, and may be empty."""

    request: int
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A request could not be done."""

    request: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Log:
    """The end of what a running stage wrote so far; it takes the place of what was told before."""

    stage: str
    log: str


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a person should hear of, wherever they look."""

    severity: Literal["success", "warning", "error"]
    text: str


# from the browser


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message: who is there."""

    request: int
    protocol: int
    version: str


@dataclass(frozen=True, slots=True)
class AskDetail:
    """All that is known of a stage is wanted."""

    request: int
    stage: str


@dataclass(frozen=True, slots=True)
class Start:
    """Stages are to be run; no targets: all. `single`: without what they need."""

    request: int
    targets: tuple[str, ...]
    force: bool
    single: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A run is to end, if it is still under way; `stages` names some of its stages, or none: all."""

    request: int
    run: str
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """The module and pivot.yaml are to be written."""

    request: int


FromKernel = Snapshot | Change | Detail | Done | Failed | Log | Told
FromBrowser = Hello | AskDetail | Start | Stop | Export


def to_json(message: FromKernel) -> dict[str, Any]:
    """A message as the comm takes it."""
    return {"kind": type(message).__name__, **_plain(message)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value
