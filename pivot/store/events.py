"""Events as JSON: one vocabulary for the log file, ``--json`` and the notebook."""

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pivot.model.decision import Change, ChangeKind, Verdict
from pivot.model.event import (
    Event,
    Notice,
    Outcome,
    RunFinished,
    RunStarted,
    StageDecided,
    StageFinished,
    StageOutput,
    StageProgress,
    StageRetried,
    StageStarted,
)
from pivot.model.place import Place

SCHEMA = 1
_encode = json.JSONEncoder(sort_keys=True).encode
_AS_IS = frozenset((str, int, float, bool))


def event_json(event: Event) -> dict[str, Any]:
    """The event as plain data: its class under ``event``, then its fields, enums as their values."""
    return {"schema": SCHEMA, "event": type(event).__name__, **_plain(event)}


def event_line(event: Event) -> bytes:
    """The event as a line of a log, ASCII: output of stages and names of files may hold bytes that are no UTF-8."""
    return _encode(event_json(event)).encode("ascii") + b"\n"


def event_from_json(data: Mapping[str, Any]) -> Event:
    """The event that `event_json` gave.

    Raises:
        ValueError: it is none of ours, or of a newer Pivot.
    """
    try:
        if data["schema"] > SCHEMA:
            raise ValueError(f"an event of schema {data['schema']}")
        fields = {name: value for name, value in data.items() if name not in ("schema", "event")}
        return _event(data["event"], fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event: {error}") from error


def _plain(value: Any) -> Any:
    if value is None or type(value) in _AS_IS:
        return value
    if dataclasses.is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _event(name: str, fields: dict[str, Any]) -> Event:
    match name:
        case "RunStarted":
            listed = {name: tuple(fields.get(name, ())) for name in ("stages", "targets")}
            return RunStarted(**fields | listed)
        case "StageDecided":
            changes = tuple(_change(change) for change in fields["changes"])
            return StageDecided(**fields | {"verdict": Verdict(fields["verdict"]), "changes": changes})
        case "StageStarted":
            return StageStarted(**fields)
        case "StageRetried":
            return StageRetried(**fields)
        case "StageOutput":
            return StageOutput(**fields)
        case "StageProgress":
            return StageProgress(**fields)
        case "StageFinished":
            return StageFinished(**fields | {"outcome": Outcome(fields["outcome"])})
        case "Notice":
            return Notice(**fields)
        case "RunFinished":
            counts = {Outcome(outcome): count for outcome, count in fields["counts"].items()}
            return RunFinished(**fields | {"counts": counts})
    raise ValueError(f"an event {name!r}")


def _change(fields: dict[str, Any]) -> Change:
    places = {name: Place(**fields[name]) for name in ("place", "place_before") if fields.get(name)}
    return Change(**fields | {"kind": ChangeKind(fields["kind"])} | places)
