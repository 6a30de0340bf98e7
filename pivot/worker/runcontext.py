"""``pivot.run_context()``: what a stage can ask of its run, and each thing it asks for is noted.

A table (`Table`) notes what is read of it when it is read: a key, whether a key is there, or all of it. So a stage
depends on the keys that it reads, in whatever helper it reads them.
"""

import contextlib
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pivot.errors import UsageError
from pivot.model.context import (
    ABSENT,
    ATTEMPT,
    CONFIG,
    EXECUTOR,
    PARAMS,
    PRESENT,
    RUN,
    STAGE,
    TABLE,
    Read,
    RunContext,
    pointer,
)
from pivot.worker.context import Note, current, told, unnoted
from pivot.worker.offspring import inherited


class Table(Mapping[str, Any]):
    """A read-only table that notes what is read of it.

    ``table["key"]`` and ``table.key`` give a value, or the table under that key; ``in``, ``get`` and ``hasattr`` ask
    for one key; going through it, its length, ``to_dict()``, comparing and copying read all of it.
    """

    __slots__ = ("_input", "_note", "_path", "_values")

    def __init__(
        self, values: Mapping[str, Any], path: tuple[str, ...], note: Note, given: "Table | None" = None
    ) -> None:
        self._values = values
        self._path = path
        self._note = note
        self._input = given

    def __getitem__(self, key: str) -> Any:
        name: object = key
        if not isinstance(name, str):
            raise KeyError(key)
        at = pointer((*self._path, key))
        if key not in self._values:
            self._note(at, ABSENT)
            raise KeyError(key)
        value = self._values[key]
        if isinstance(value, dict):
            self._note(at, TABLE)
            return Table(value, (*self._path, key), self._note)
        self._note(at, Read(value))
        return _copied(value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # what Python and libraries ask any object for
            raise AttributeError(name)
        if name == "input" and self._input is not None and name not in self:
            return self._input
        try:
            return self[name]
        except KeyError:
            shown = ".".join(self._path)
            raise AttributeError(f"{shown} has no key {name!r}") from None

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        is_there = key in self._values
        self._note(pointer((*self._path, key)), PRESENT if is_there else ABSENT)
        return is_there

    def __iter__(self) -> Iterator[str]:
        self._read()
        return iter(self._values)

    def __len__(self) -> int:
        self._read()
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        mine = self.to_dict()
        return mine == (other.to_dict() if isinstance(other, Table) else other)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return self.to_dict() | dict(other)

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return dict(other) | self.to_dict()

    def __repr__(self) -> str:
        return repr(self.to_dict())

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.to_dict(),)

    def __copy__(self) -> dict[str, Any]:
        return self.to_dict()

    def __deepcopy__(self, _memo: object) -> dict[str, Any]:
        return self.to_dict()

    __hash__ = None  # type: ignore[assignment]  # as a dict

    def to_dict(self) -> dict[str, Any]:
        """All of it as a plain dict that the caller may change."""
        self._read()
        found: dict[str, Any] = _copied(self._values)
        return found

    def copy(self) -> dict[str, Any]:
        """As `to_dict`."""
        return self.to_dict()

    def _read(self) -> None:
        self._note(pointer(self._path), Read(self._values))


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage can ask of its run; reading any of it makes the stage depend on it.

    Attributes are read one by one: the stage depends on those that it reads.
    """

    _said: RunContext
    _note: Note

    @property
    def params(self) -> Table:
        """The params of the pipeline file and, over them, the stage's own, as JSON has them."""
        return Table(_parsed(self._said.params), (PARAMS,), self._note)

    @property
    def config(self) -> Table:
        """The pipeline's ``config:``; ``config.input`` is `params`, unless the config has such a key."""
        return Table(_parsed(self._said.config), (CONFIG,), self._note, self.params)

    @property
    def run_id(self) -> str:
        """The run's id. No other run has the same, so a stage that reads it runs each time."""
        return self._told(RUN, self._said.run)

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self._told(STAGE, self._said.stage)

    @property
    def executor(self) -> str:
        """Where the stage runs: ``local``, ``dask`` or ``ray``."""
        return self._told(EXECUTOR, self._said.executor)

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1; more than 1 where the stage has ``retries``."""
        self._note(ATTEMPT, Read(self._said.attempt))
        return self._said.attempt

    def _told(self, what: str, value: str) -> str:
        self._note(what, Read(value))
        return value


class RunContextDoor:
    """``pivot.run_context``: called it gives the `Context` of the stage that runs; `use` makes one by hand."""

    __slots__ = ()

    def __call__(self) -> Context:
        """The run context of the stage that runs in this process, or that started it by `multiprocessing`.

        Raises:
            UsageError: no stage runs here.
        """
        given = _given()
        if given:
            return Context(given[-1], unnoted)
        one = current()
        if one is None and (handed := inherited()) is not None:
            return Context(*handed)
        if one is None:
            raise UsageError(
                "pivot.run_context() works only while a stage runs",
                "call it in the stage's function, or try it out: with pivot.run_context.use(config={…}):",
            )
        return Context(told(one.task), one.note)

    @contextlib.contextmanager
    def use(
        self,
        *,
        config: Mapping[str, Any] | str | Sequence[Mapping[str, Any] | str] | None = None,
        params: Mapping[str, Any] | None = None,
        run_id: str = "",
        stage: str = "",
        executor: str = "local",
        attempt: int = 1,
    ) -> Iterator[Context]:
        """Meanwhile `run_context` gives this, in all threads: to call stage functions by hand, in a cell or a test.

        Args:
            config: as under ``config:``: a mapping, the path of a YAML file, or a list of such.

        Raises:
            DefinitionErrors: the config cannot be read.
        """
        from pivot.config.params import plain_table  # lazy: start-up time
        from pivot.config.tables import config_by_hand, config_text

        texts = config_text(plain_table(params or {})), config_text(config_by_hand(config))
        said = RunContext(*texts, run_id, stage, executor, attempt)
        stack = _given()
        stack.append(said)
        try:
            yield Context(said, unnoted)
        finally:
            # others may have come on top meanwhile, in another thread
            del stack[next(n for n, one in enumerate(stack) if one is said)]

    def __repr__(self) -> str:
        return "pivot.run_context"


run_context = RunContextDoor()
get_run_context = run_context


def _copied(value: Any) -> Any:
    """A copy of a value as JSON has them: what the stage does with it must not show in what it reads next."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, Any]:
    """The table that a text holds; nobody changes it."""
    table: dict[str, Any] = json.loads(text)
    return table


@functools.cache
def _given() -> list[RunContext]:
    return []
