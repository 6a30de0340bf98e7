"""What a person says of the stages that a stage takes values from, in whatever door: checked, with its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError
from pivot.model.place import Place
from pivot.model.upstream import OnError

_KEYS = ("over", "on_error", "max_parallel")


@dataclass(frozen=True, slots=True)
class MapEntry:
    """What is said under ``map``.

    Attributes:
        over: a stage, or ``params.key``; ``None``: the first stage of ``depends_on``.
        max_parallel: ``None`` where nothing was said.
    """

    over: str | None
    on_error: OnError
    max_parallel: int | None
    place: Place


@dataclass(frozen=True, slots=True)
class ValueEntry:
    """What is said of the stages that a stage takes values from.

    Attributes:
        depends_on: names, each with its place; ``None`` where nothing was said.
        map: ``None`` where nothing was said.
    """

    depends_on: tuple[tuple[str, Place], ...] | None = None
    map: MapEntry | None = None

    def over(self, below: "ValueEntry") -> "ValueEntry":
        """This, and where it says nothing, what another one says."""
        names = below.depends_on if self.depends_on is None else self.depends_on
        return ValueEntry(names, below.map if self.map is None else self.map)


def map_entry(given: Any, place: Place) -> MapEntry:
    """What ``map`` says: the short form is what it goes over, the long one a mapping.

    Raises:
        DefinitionError: it is neither, or a key of the long one is unknown or wrong.
    """
    table: Mapping[Any, Any] = given if isinstance(given, Mapping) else {"over": given}
    for key in table:
        if key not in _KEYS:
            raise DefinitionError(f"map: unknown key {key!r} ({place})", did_you_mean(key, _KEYS))
    over = table.get("over")
    if not isinstance(over, str) or not over.strip():
        hint = "write map: STAGE, or map: params.KEY, or the long form {over: STAGE, on_error: drop}"
        raise DefinitionError(f"map goes over a stage or a list in the params, not {over!r} ({place})", hint)
    on_error, most = table.get("on_error", OnError.FAIL.value), table.get("max_parallel")
    if on_error not in set(OnError):
        raise DefinitionError(f"map: on_error is fail or drop, not {on_error!r} ({place})")
    if most is not None and (type(most) is not int or most < 1):
        raise DefinitionError(f"map: max_parallel is a whole number from 1 on, not {most!r} ({place})")
    return MapEntry(over.strip(), OnError(on_error), most, place)


def depends_entry(given: Any, place: Place) -> tuple[tuple[str, Place], ...]:
    """The stages that ``depends_on`` names: a text is a list of one.

    Raises:
        DefinitionError: it is no list of names, or names one twice.
    """
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        raise DefinitionError(
            f"depends_on is a list of stages, not {given!r} ({place})", "write depends_on: [STAGE]"
        )
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise DefinitionError(f"depends_on names {twice!r} twice ({place})", "keep one of them")
    return tuple((name, place) for name in names)
