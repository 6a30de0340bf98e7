"""Stages made of a few words, for tests that care about paths and names only; scripts of the scheduler."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pivot.core.orders import (
    CancelRequested,
    Check,
    Command,
    Conclude,
    Decided,
    Done,
    Ended,
    Event,
    Execute,
    Gather,
    Interrupt,
    Paused,
    Recall,
    Resumed,
    Spread,
    Staffed,
)
from pivot.core.schedule import Scheduler
from pivot.model.digest import Digest, digest_text
from pivot.model.event import Outcome
from pivot.model.fingerprint import Part, PartKind
from pivot.model.observation import Observation
from pivot.model.place import Place
from pivot.model.record import DeclaredOut, Inputs
from pivot.model.stage import LoaderRef, ObjectRef, OutKind, Returns, Stage, StageDep, StageOut
from pivot.paths import ProjectPath

ROOT = ProjectPath(".")
LOADER = LoaderRef("pivot.loaders.Text", "", 1, b"")


def make_stage(
    name: str,
    deps: Sequence[str] = (),
    outs: Sequence[str] = (),
    *,
    metrics: Sequence[str] = (),
    uncached: Sequence[str] = (),
    mutex: Sequence[str] = (),
    line: int = 1,
) -> Stage:
    return Stage(
        name=name,
        function=ObjectRef("stages", name),
        deps=tuple(StageDep(path, ProjectPath(path), LOADER, None) for path in deps),
        outs=tuple(
            StageOut(
                path,
                ProjectPath(path),
                OutKind.METRIC if path in metrics else OutKind.OUT,
                LOADER,
                cache,
                False,
            )
            for paths, cache in ((outs, True), ((*metrics, *uncached), False))
            for path in paths
        ),
        returns=Returns.MAPPING,
        params=None,
        mutex=tuple(mutex),
        folder=ROOT,
        place=Place("stages.py", line),
        roots=(ROOT,),
    )


def make_part(key: str, text: str, place: str = "stages.py:1", detail: str = "") -> Part:
    kind, _, name = key.partition(":")
    file, _, line = place.partition(":")
    where = None if kind == "package" else Place(file, int(line or 0))
    return Part(PartKind(kind), name, digest_text(text), where, detail)


def make_inputs(
    code: str = "code",
    parts: Sequence[Part] = (),
    params: dict[str, str] | None = None,
    deps: dict[str, str] | None = None,
    loaders: dict[str, str] | None = None,
    outs: Sequence[str] = (),
    settings: dict[str, str] | None = None,
    observed: Observation | None = None,
) -> Inputs:
    return Inputs(
        code=digest_text(code),
        parts=tuple(parts),
        params=params or {},
        deps={ProjectPath(path): digest_text(text) for path, text in (deps or {}).items()},
        loaders={name: digest_text(text) for name, text in (loaders or {}).items()},
        outs=tuple(DeclaredOut(ProjectPath(path), OutKind.OUT, True, LOADER.digest) for path in outs),
        settings=settings or {},
        observed=observed or Observation(),
    )


@pytest.fixture(scope="session")
def stage() -> Callable[..., Stage]:
    """Makes a Stage from a name, deps and outs."""
    return make_stage


@pytest.fixture(scope="session")
def part() -> Callable[..., Part]:
    """Makes a Part from ``func:name``, its text and its place."""
    return make_part


@pytest.fixture(scope="session")
def inputs() -> Callable[..., Inputs]:
    """Makes Inputs; code, deps and loaders are texts of which the digests are taken."""
    return make_inputs


@pytest.fixture(scope="session")
def digest() -> Callable[[str], Digest]:
    """The digest of a text."""
    return digest_text


def event(text: str) -> Event:
    """``a!`` must run, ``a~`` need not, ``a-`` pauses, ``a+`` resumes, ``a=failed`` ended so, ``^C`` a wish.

    ``a*3`` is three items, ``a*3/2`` at most two at once; ``a0=ran@9`` ended after nine seconds. ``2|1`` is somebody
    with two hands who takes one more.
    """
    if text == "^C":
        return CancelRequested()
    if "|" in text:
        return Staffed(*map(int, text.split("|")))
    if "*" in text:
        stage, _, rest = text.partition("*")
        count, _, most = rest.partition("/")
        return Spread(stage, tuple(f"{stage}{n}" for n in range(int(count))), int(most) if most else None)
    if text.endswith(("-", "+")):
        return Paused(text[:-1]) if text.endswith("-") else Resumed(text[:-1])
    if text.endswith(("!", "~")):
        return Decided(text[:-1], text.endswith("!"))
    stage, _, end = text.partition("=")
    outcome, _, seconds = end.partition("@")
    return Ended(stage, Outcome(outcome), float(seconds) if seconds else None)


def told(commands: Sequence[Command]) -> str:
    """``?a`` check, ``>a`` execute, ``a=blocked:b`` conclude, ``&a`` gather, ``xa`` interrupt, ``<a`` recall, ``.`` done."""
    words = []
    for command in commands:
        match command:
            case Check(stage):
                words.append(f"?{stage}")
            case Execute(stage):
                words.append(f">{stage}")
            case Conclude(stage, outcome, cause):
                words.append(f"{stage}={outcome}:{cause}")
            case Gather(stage):
                words.append(f"&{stage}")
            case Interrupt(stage):
                words.append(f"x{stage}")
            case Recall(item):
                words.append(f"<{item}")
            case Done():
                words.append(".")
    return " ".join(words)


@pytest.fixture
def stimulus() -> Callable[[str], Event]:
    """An event of the scheduler in a few characters; see `event`."""
    return event


@pytest.fixture
def play() -> Callable[..., None]:
    """Plays a script of the scheduler: what its start commands, then (event, commands) in turn."""

    def run(graph: dict[str, Any], options: dict[str, Any], first: str, turns: list[tuple[str, str]]) -> None:
        scheduler = Scheduler(graph, **({"jobs": 1} | options))
        assert told(scheduler.start()) == first
        for text, expected in turns:
            assert (text, told(scheduler.handle(event(text)))) == (text, expected)

    return run
