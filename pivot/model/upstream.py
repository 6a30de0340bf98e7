"""What a stage takes from other stages by value: whose results it waits for, and over what it is mapped."""

from dataclasses import dataclass
from enum import StrEnum

from pivot.model.place import Place
from pivot.paths import ProjectPath

VALUES = ".pivot/values/"
"""The folder of values that have no file in the workspace. No path that a person writes can lie in it."""


_LISTED = "[]"


def value_path(key: str, *, listed: bool = False) -> ProjectPath:
    """Where the value of a stage lies, by `Stage.key`: one file for each stage.

    Args:
        listed: of a mapped stage: the file names an object for each item.
    """
    return ProjectPath(VALUES + key.replace("%", "%25").replace("/", "%2F") + (_LISTED if listed else ""))


def is_value(path: str) -> bool:
    """Whether a path is that of a stage's value, and so no file of the workspace."""
    return path.startswith(VALUES)


def is_listed(path: str) -> bool:
    """Whether a path is that of a mapped stage's value."""
    return is_value(path) and path.endswith(_LISTED)


def value_owner(path: str) -> str:
    """The key of the stage whose value lies at a path: the inverse of `value_path`."""
    return path.removeprefix(VALUES).removesuffix(_LISTED).replace("%2F", "/").replace("%25", "%")


def shown_path(path: str) -> str:
    """A path as people are told of it: of a stage's value, whose it is."""
    return f"value of {value_owner(path)}" if is_value(path) else path


@dataclass(frozen=True, slots=True)
class Upstream:
    """A stage that another one names in its ``depends_on``.

    Attributes:
        stage: as written: of the same file, or ``folder:name``.
        argument: the parameter that gets what it returned; ``None``: the order counts, and nothing is passed.
        index: the position among the values that ``*argument`` gets; ``None``: the value itself.
        place: where it is named, for messages.
    """

    stage: str
    argument: str | None
    index: int | None
    place: Place


class OnError(StrEnum):
    """What becomes of a mapped stage some of whose items fail. The others are finished either way."""

    FAIL = "fail"
    DROP = "drop"  # the result is a list without them, and a person is told how many


@dataclass(frozen=True, slots=True)
class StageMap:
    """A stage that runs once for each item of something.

    Attributes:
        over: as written: a stage, or ``params.key``.
        argument: the parameter that gets the item.
        max_parallel: how many items run at once; ``None``: as many as there are workers.
        place: where it is said, for messages.
    """

    over: str
    argument: str
    on_error: OnError
    max_parallel: int | None
    place: Place

    @property
    def param(self) -> str | None:
        """The key of the params that it goes over; ``None`` where it goes over a stage's value."""
        return self.over.removeprefix("params.") if self.over.startswith("params.") else None
