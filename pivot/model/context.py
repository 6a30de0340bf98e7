"""What the run context of a stage can be asked for, and the states of what was asked.

A thing that can be asked for has a pointer (RFC 6901, without the first slash): ``config/data/n_cities``,
``params/n``, ``run``, ``stage``, ``executor``, ``attempt``. Each that a stage reads is observed like a file or an
environment variable: the record holds its state, and the next check looks at it again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pivot.model.digest import digest_parts

ABSENT = "absent"
"""The state of what was asked for and is not there."""

PRESENT = "present"
"""The state of what is there, where only that was asked."""

TABLE = "table"
"""The state of a table that was gone through to one of its keys: it counts that it is a table."""

THAT_RUNS, ANOTHER = "that of the run", "another in each run"
"""The state of a run's id when it was read, and in all checks after."""

RUN, STAGE, EXECUTOR, ATTEMPT = "run", "stage", "executor", "attempt"
CONFIG, PARAMS = "config", "params"

_LONGEST = 100
_SECRETS = ("*TOKEN*", "*KEY*", "*SECRET*", "*PASSWORD*", "*PASSWD*", "*CREDENTIAL*")


@dataclass(frozen=True, slots=True)
class FileContext:
    """What a pipeline file says for all its stages; one object that they share.

    Attributes:
        params: its params as JSON text, keys in the order of the file.
        config: its config as JSON text, likewise.
    """

    params: str = "{}"
    config: str = "{}"


NOTHING_SAID = FileContext()
"""Of a file without params and config of its own."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What one execution's run context says.

    Attributes:
        params: those of the file and, over them, the stage's own, as JSON text.
        config: as JSON text.
        run: the run's id.
        stage: what people call it.
        executor: ``local``, ``dask`` or ``ray``.
        attempt: from 1.
    """

    params: str = "{}"
    config: str = "{}"
    run: str = ""
    stage: str = ""
    executor: str = "local"
    attempt: int = 1

    def values(self) -> dict[str, Any]:
        """All that can be asked for."""
        return {
            CONFIG: json.loads(self.config),
            PARAMS: json.loads(self.params),
            RUN: self.run,
            STAGE: self.stage,
            EXECUTOR: self.executor,
            ATTEMPT: self.attempt,
        }


@dataclass(frozen=True, slots=True)
class Read:
    """What was seen at a pointer: its value was read whole."""

    value: Any


def run_context(
    said: FileContext,
    params: str | None,
    *,
    stage: str,
    run: str = "",
    executor: str = "local",
    attempt: int = 1,
) -> RunContext:
    """The run context of a stage.

    Args:
        said: by its pipeline file.
        params: its own, as JSON text.
    """
    merged = said.params if params is None else params
    if params is not None and said.params != "{}":
        merged = json.dumps({**json.loads(said.params), **json.loads(params)}, ensure_ascii=False)
    return RunContext(merged, said.config, run, stage, executor, attempt)


def pointer(path: Sequence[str]) -> str:
    """The pointer to what the keys lead to."""
    return "/".join(key.replace("~", "~0").replace("/", "~1") for key in path)


def path_of(at: str) -> tuple[str, ...]:
    """The keys of a pointer."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in at.split("/"))


def shown_pointer(at: str) -> str:
    """``config.data.n_cities``, ``config["a b"]``, as one would write it."""
    if at == RUN:
        return "run_id"
    first, *rest = path_of(at)
    return first + "".join(f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]" for key in rest)


def shown_asked(state: str | None) -> str | None:
    """A state in a few words: ``10``, ``"Berlin"``, ``5995c853``, ``absent``, ``a table``."""
    if state is None or state in (ABSENT, PRESENT, ANOTHER, THAT_RUNS):
        return state
    return "a table" if state == TABLE else state.removeprefix("= ") if state.startswith("= ") else state[:8]


def value_state(stage: str, at: str, value: Any) -> str:
    """The state of a value that was read: a number or short text itself, all else as a digest.

    What looks secret by one of its keys, or as an address with a password, is a digest, too, salted by stage and
    pointer; a value that can be guessed can still be confirmed. The order of a table's keys counts.
    """
    text = json.dumps(value, ensure_ascii=False)
    is_open = not isinstance(value, (dict, list)) and len(text) <= _LONGEST and not _is_secret(at, text)
    return f"= {text}" if is_open else digest_parts(["context", stage, at, text])


def _is_secret(at: str, text: str) -> bool:
    names = at.upper().split("/")
    return ("://" in text and "@" in text) or any(fnmatchcase(n, s) for n in names for s in _SECRETS)


def value_at(values: Mapping[str, Any], at: str) -> Any:
    """What a pointer leads to.

    Raises:
        KeyError: nothing.
    """
    found: Any = values
    for key in path_of(at):
        if not isinstance(found, Mapping):
            raise KeyError(at)
        found = found[key]
    return found


def states_now(stage: str, asked: Mapping[str, str], now: RunContext) -> dict[str, str]:
    """The states that all that a stage asked for has now.

    Args:
        stage: what it is called on disk.
        asked: pointer → the state when it ran.
    """
    if not asked:
        return {}
    values = now.values()
    return {at: _state_now(stage, at, before, values) for at, before in asked.items()}


def _state_now(stage: str, at: str, before: str, values: Mapping[str, Any]) -> str:
    if at == RUN:
        return ANOTHER
    try:
        value = value_at(values, at)
    except KeyError:
        return ABSENT
    if before in (ABSENT, PRESENT):
        return PRESENT
    if before == TABLE and isinstance(value, dict):
        return TABLE
    return value_state(stage, at, value)


def take_down(asked: dict[str, str], stage: str, at: str, seen: object) -> str | None:
    """Adds what was seen at a pointer to all that was asked before; ``None`` if that said as much.

    Args:
        stage: what it is called on disk.
        seen: a state, or a value that was `Read`.
    """
    before = asked.get(at)
    if _is_whole(before):
        return None
    state = str(seen)
    if isinstance(seen, Read):
        state = THAT_RUNS if at == RUN else value_state(stage, at, seen.value)
    asked[at] = stronger(before, state)
    return asked[at]


def _is_whole(state: str | None) -> bool:
    """Whether a state is that of a whole value."""
    return state not in (None, ABSENT, PRESENT, TABLE)


def stronger(one: str | None, other: str) -> str:
    """Of two states that one thing was seen in during one run, the one that says more."""
    if one is None or one in (ABSENT, PRESENT):
        return other if one is None or other != PRESENT else one
    return other if one == TABLE and other not in (ABSENT, PRESENT) else one


def settled(asked: Mapping[str, str]) -> dict[str, str]:
    """What was asked without what follows from the rest of it, sorted.

    A table that is known whole says all of what is in it; a value that is there says that its tables are.
    """
    whole = {at for at, state in asked.items() if _is_whole(state)}
    there = {at for at, state in asked.items() if state != ABSENT}
    implied = {above for at in there for above in _above(at)}
    return {
        at: state
        for at, state in sorted(asked.items())
        if not whole.intersection(_above(at)) and not (state in (PRESENT, TABLE) and at in implied)
    }


def is_param_of(params: Mapping[str, Any], at: str) -> bool:
    """Whether a pointer is into the value of one of these params."""
    first, *rest = path_of(at)
    return first == PARAMS and bool(rest) and rest[0] in params


def _above(at: str) -> list[str]:
    """The pointers to the tables that something is in."""
    parts = at.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]
