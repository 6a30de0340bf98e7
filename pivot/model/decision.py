"""What will happen to a stage and why, as data; printing it is somebody else's work."""

from dataclasses import dataclass
from enum import StrEnum

from pivot.model.place import Place
from pivot.model.record import Inputs, StageRecord


class Verdict(StrEnum):
    """What a run would do with a stage."""

    UNCHANGED = "unchanged"
    RESTORE = "restore"
    RUN = "run"
    WAITS = "waits"  # a stage upstream will run; this one runs only if its inputs change


class ChangeKind(StrEnum):
    """What kind of thing differs from the last record."""

    FIRST_RUN = "first run"  # no record
    CODE = "code"  # a definition in reach
    PACKAGE = "package"  # the version of a library in reach
    PARAM = "param"
    DEP = "dep"  # the content of a dep
    FILE = "file"  # a file or folder that the stage read without declaring it
    ENVIRONMENT = "environment"  # a variable that its code read
    CONTEXT = "context"  # what it asked of the run context: a key of the config, the run's id
    KEY = "key"  # of the object store, that the stage looked for
    LOADER = "loader"
    OUT = "out"  # the declaration of an out
    NAME = "name"  # which path a parameter or an output stands for
    SETTING = "setting"
    OUTPUT_MISSING = "output missing"  # in the workspace
    OUTPUT_ALTERED = "output altered"  # in the workspace, by somebody else
    OBJECT_MISSING = "object missing"  # in the cache
    FORCED = "forced"
    ALWAYS = "always"  # the stage runs in every run
    DROPPED = "dropped"  # items of the mapped stage failed when it last ran; name is how many of how many
    UPSTREAM = "upstream"  # name is the stage that is waited for
    MISSING_DEP = "missing dep"  # a file that no stage makes is not there


SAID_AT_ONCE = frozenset(
    (
        ChangeKind.FIRST_RUN,
        ChangeKind.FORCED,
        ChangeKind.ALWAYS,
        ChangeKind.DROPPED,
        ChangeKind.UPSTREAM,
    )
)
"""Kinds of which one sentence says all: nothing has an old and a new state."""


@dataclass(frozen=True, slots=True)
class Change:
    """One reason.

    Attributes:
        name: of what changed: ``func:normalize``, a param's name, a path, a stage.
        before, after: digests, values or versions; ``None`` where it was absent.
        place: where the new (or else the old) definition is.
        place_before: where the old one was; ``None`` where there was none, or for what is no code.
    """

    kind: ChangeKind
    name: str
    before: str | None = None
    after: str | None = None
    place: Place | None = None
    place_before: Place | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one stage.

    Attributes:
        changes: why, most telling first; empty when unchanged.
        inputs: what the stage's result rests on now; ``None`` while it waits for a stage upstream, or a dep is
            missing.
        record: the record whose outputs are (or will be put) in place; ``None`` for run and waits.
    """

    stage: str
    verdict: Verdict
    changes: tuple[Change, ...]
    inputs: Inputs | None = None
    record: StageRecord | None = None
