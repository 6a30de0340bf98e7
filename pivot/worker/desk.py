"""The desk of the object store while a stage runs: what it puts are its outputs, what it gets are its inputs.

A stage sees what it would see if the whole pipeline were run from the beginning: what stages before it put, what
was put outside of stages, and what it has put itself so far.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pivot.errors import PivotError, UsageError
from pivot.model.observation import ABSENT, PRESENT
from pivot.model.stored import (
    OWN,
    Entry,
    KeyName,
    Stored,
    key_of,
    listing_state,
    shown_name,
)
from pivot.model.task import Task
from pivot.store.flush import Flusher
from pivot.store.index import StateDb, StatIndex
from pivot.store.keytable import entries_in, read_entry
from pivot.store.layout import Layout
from pivot.store.named import RUNNING, ProjectDesk, at_desk, load_value, missing, store_value
from pivot.store.objects import ObjectStore


def _nothing(*_: object) -> None:
    """There is nobody else."""


class KeyLog:
    """What became of keys.

    Args:
        say: told of all that is noted, to pass on to a parent that hears of it so.
        catch_up: hears what children have said so far.

    Attributes:
        states: of keys that were looked at, as in `pivot.model.observation.Seen`.
        puts: what was put and not deleted again.
        deleted: the stage's own keys that it deleted and did not put again.
    """

    def __init__(self, say: Callable[..., None] = _nothing, catch_up: Callable[[], None] = _nothing) -> None:
        self.catch_up = catch_up
        self._say = say
        self.states: dict[KeyName, str] = {}
        self.puts: dict[KeyName, Stored] = {}
        self.deleted: dict[KeyName, None] = {}

    def tell(self, what: str, name: KeyName, *more: Any) -> None:
        """`note`, and say so."""
        self.note(what, name, *more)
        self._say(what, name, *more)

    def note(self, what: str, name: KeyName, *more: Any) -> None:
        """``looked`` (state), ``put`` (digest, size, loader) or ``deleted``; in words that JSON can say."""
        match what:
            case "looked":
                if self.states.get(name, PRESENT) == PRESENT or more[0] == OWN:
                    self.states[name] = more[0]
            case "put":
                self.puts[name] = Stored(*more)
                self.deleted.pop(name, None)
            case "deleted":
                self.puts.pop(name, None)
                self.deleted[name] = None


@contextlib.contextmanager
def stage_desk(task: Task, keys: KeyLog, is_importing: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Meanwhile the object store is the stage's; programs that it starts are told that they have none."""
    os.environ[RUNNING] = task.stage
    with at_desk(StageDesk(task, keys, is_importing)):
        yield


class StageDesk:
    """Answers while a stage runs.

    Args:
        keys: takes what is seen.
        is_importing: whether a module is being imported just now.
    """

    def __init__(self, task: Task, keys: KeyLog, is_importing: Callable[[], bool]) -> None:
        self._task = task
        self._keys = keys
        self._is_importing = is_importing
        self._layout = Layout(task.root, task.cache)
        self._objects: ObjectStore | None = None

    def put(self, name: KeyName, value: Any, loader: Any) -> None:
        """See `pivot.store.put`."""
        self._require_call(name, "puts")
        known = self._log.states.get(name, ABSENT)
        if known not in (ABSENT, OWN):
            raise UsageError(
                f"stage '{self._task.stage}' puts key {shown_name(name)}, which it has found there",
                "use another key: its result would change what it rests on",
            )
        stored = store_value(self._cache(), name, value, loader)
        self._keys.tell("put", name, stored.digest, stored.size, stored.loader)

    def get(self, name: KeyName, *, state: bool) -> Any:
        """See `pivot.store.get`."""
        found, said = self._find(name, state=state)
        self._look(name, said if said is not None else found.state if found is not None else ABSENT)
        if found is None:
            raise missing(name, self._way_out(name))
        self._bring(found)
        return load_value(self._cache(), name, found)

    def exists(self, name: KeyName, *, state: bool) -> bool:
        """See `pivot.store.exists`."""
        found, said = self._find(name, state=state)
        self._look(name, said if said is not None else ABSENT if found is None else PRESENT)
        return found is not None

    def delete(self, name: KeyName) -> None:
        """See `pivot.store.delete`."""
        self._require_call(name, "deletes")
        if name in self._log.puts or name in self._task.last_puts:
            self._keys.tell("deleted", name)
        elif self._entry(name) is not None:
            raise UsageError(
                f"stage '{self._task.stage}' deletes key {shown_name(name)}, which it has not put",
                "delete it outside of stages, or in the stage that puts it",
            )
        else:
            self._look(name, ABSENT)

    def keys(self, namespace: KeyName) -> list[str]:
        """See `pivot.store.keys`."""
        log = self._log
        there = {entry.name for entry in self._entries(namespace) if self._is_seen(entry)}
        self._look(namespace, listing_state(there))
        own = {name for name in log.puts if name.partition(":")[0] == namespace}
        return sorted(key_of(name) for name in there | own)

    @property
    def _log(self) -> KeyLog:
        self._keys.catch_up()
        return self._keys

    def _find(self, name: KeyName, *, state: bool) -> tuple[Stored | None, str | None]:
        """What the stage finds under a name, and what to note of it: empty for nothing, ``None``: as it is."""
        log = self._log
        if name in log.puts:
            return log.puts[name], ""
        if name in log.deleted:
            return None, ""
        entry = self._entry(name)
        if entry is None and state:  # also where there is none yet: the next run finds what this one puts
            return self._task.last_puts.get(name), OWN
        return (entry.value if entry is not None else None), None

    def _entry(self, name: KeyName) -> Entry | None:
        self._require_store()
        afar = self._task.afar
        if afar is None:
            entry = read_entry(self._layout, name)
        else:
            entry = next((entry for entry in afar.table if entry.name == name), None)
        return entry if entry is not None and self._is_seen(entry) else None

    def _entries(self, namespace: KeyName) -> Iterable[Entry]:
        afar = self._task.afar
        if afar is None:
            return entries_in(self._layout, namespace)
        return (entry for entry in afar.table if entry.name.partition(":")[0] == namespace)

    def _bring(self, stored: Stored) -> None:
        """Where the project's cache is not, a value comes when it is asked for."""
        if self._task.afar is not None:
            from pivot.remote.depot import Depot  # lazy: start-up time

            with contextlib.suppress(PivotError):  # then it is told that the cache lacks it, as at home
                Depot(self._task.afar.remote, create=False).keep(stored.digest, self._cache())

    def _is_seen(self, entry: Entry) -> bool:
        return entry.owner != (self._task.key or self._task.stage) and entry.owner not in self._task.later

    def _look(self, name: KeyName, state: str) -> None:
        if state:
            self._keys.tell("looked", name, state)

    def _way_out(self, name: KeyName) -> str:
        if name in self._task.last_puts and name not in self._log.deleted:
            return "the stage put it in an earlier run: get(key, state=True) gives that"
        return "if a stage puts it, name that one in depends_on; else put it, or give a default"

    def _require_call(self, name: KeyName, what: str) -> None:
        self._require_store()
        if self._is_importing():
            raise _at_import(name, what)

    def _require_store(self) -> None:
        if not self._task.cache:
            raise UsageError(f"stage '{self._task.stage}' runs without an object store")

    def _cache(self) -> ObjectStore:
        if self._objects is None:
            index = StatIndex(StateDb(self._layout))
            self._objects = ObjectStore(self._layout, index, _FlushedLater())
        return self._objects


class DefinitionDesk(ProjectDesk):
    """Answers while modules are imported to find the stages: one may look, and is heard."""

    def put(self, name: KeyName, value: Any, loader: Any) -> None:  # noqa: ARG002
        """Refused."""
        raise _at_import(name, "puts")

    def delete(self, name: KeyName) -> None:
        """Refused."""
        raise _at_import(name, "deletes")


def _at_import(name: KeyName, what: str) -> UsageError:
    return UsageError(
        f"a module {what} key {shown_name(name)} of the object store while it is imported",
        "do it in the stage's function",
    )


class _FlushedLater(Flusher):
    """Whoever records the result flushes its objects."""

    def add(self, paths: Any) -> None:
        """Nothing is done here."""
