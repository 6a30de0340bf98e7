"""What stages put into the object store and got from it: the states now, and whether the graph orders the two.

What a stage sees is what it would see if all were run from the beginning: what the stages before it put, and what was
put outside of stages. What it put itself, and what stages after it did, is not there for it.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from pivot.core.graph import Graph
from pivot.engine.deps import Known
from pivot.errors import PivotError
from pivot.model.digest import Digest
from pivot.model.observation import ABSENT, PRESENT, Seen
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import Stage
from pivot.model.stored import (
    OWN,
    Entry,
    KeyName,
    Stored,
    is_listing,
    key_path,
    listing_state,
    shown_name,
)
from pivot.model.task import Task
from pivot.paths import ProjectPath
from pivot.store.keytable import entries_in, find_entry
from pivot.store.layout import Layout
from pivot.store.store import Store

_GONE = Digest("")


def known_puts(record: StageRecord, before: StageRecord | None = None) -> dict[ProjectPath, OutputState]:
    """What a result puts into the object store, among what is `Known`.

    Args:
        before: the stage's last result, where the new one is not in place yet: its keys will go.
    """
    gone = {key_path(name): OutputState(_GONE, 0) for name in (before.puts if before else ())}
    puts = {key_path(name): OutputState(one.state, one.size) for name, one in record.puts.items()}
    return {**gone, **puts}


@dataclass(frozen=True, slots=True)
class Keys:
    """The object store as one stage sees it.

    Attributes:
        known: what stages upstream put or will put; what the table says of those keys does not count.
    """

    layout: Layout
    stage: Stage
    graph: Graph
    known: Known

    def states(self, before: Mapping[KeyName, str]) -> dict[KeyName, str]:
        """The states now of all that was looked at in a run."""
        return {name: self._state(name, state) for name, state in before.items()}

    def _state(self, name: KeyName, before: str) -> str:
        if is_listing(name):
            return listing_state(self._names(name))
        expected = self.known.get(key_path(name))
        if expected is not None:
            found = expected.digest
        else:
            entry = find_entry(self.layout, name)
            found = entry.value.state if entry is not None and self._is_seen(entry) else _GONE
        if not found:
            return OWN if before == OWN else ABSENT
        return PRESENT if before == PRESENT else found

    def _names(self, namespace: KeyName) -> Iterator[KeyName]:
        prefix = key_path(KeyName(f"{namespace}:"))
        start = len(key_path(KeyName("")))
        yield from (
            KeyName(path[start:])
            for path, state in self.known.items()
            if path.startswith(prefix) and state.digest
        )
        for entry in entries_in(self.layout, namespace):
            if key_path(entry.name) not in self.known and self._is_seen(entry):
                yield entry.name

    def _is_seen(self, entry: Entry) -> bool:
        if not entry.owner:
            return True
        return entry.owner != self.stage.key and entry.owner not in stages_after(self.graph, self.stage)

    def require_order(self, looked: Collection[KeyName]) -> None:
        """Find keys that other stages put, though nothing says that they do it before this one looks.

        Raises:
            PivotError: there is one; names it, and the line to add.
        """
        by_key = {stage.key: stage for stage in self.graph.stages} if looked else {}
        for name in looked:
            found = (
                entries_in(self.layout, name)
                if is_listing(name)
                else filter(None, [find_entry(self.layout, name)])
            )
            for entry in found:
                maker = by_key.pop(entry.owner, None)  # one look at each is enough
                if maker is not None and is_unordered(self.graph, maker, self.stage):
                    raise unordered(entry.name, maker, self.stage)


def with_keys(task: Task, store: Store, stage: Stage, graph: Graph) -> Task:
    """The task with what the worker must know of the object store."""
    lock = store.lock(stage.key)
    layout = store.layout
    # where nobody has put anything, nobody need be told apart
    later = stages_after(graph, stage) if os.path.isdir(layout.keys) else frozenset[str]()
    unobserved = (*task.unobserved, layout.cache)
    puts = lock.puts if lock is not None else {}
    return replace(task, cache=layout.cache, later=later, last_puts=dict(puts), unobserved=unobserved)


def puts_after(task: Task, seen: Seen) -> dict[KeyName, Stored]:
    """What a stage has in the object store after a run: what it put, and the state that it looked at and left."""
    last = task.last_puts
    kept = {name: last[name] for name, state in seen.keys.items() if state == OWN and name in last}
    return {name: one for name, one in {**kept, **seen.puts}.items() if name not in seen.deleted}


def stages_after(graph: Graph, stage: Stage) -> frozenset[str]:
    """The keys of all stages that rest on one."""
    if stage.name not in graph:
        return frozenset()
    return frozenset(graph.stage(name).key for name in graph.descendants(stage.name) if name != stage.name)


def is_unordered(graph: Graph, one: Stage, other: Stage) -> bool:
    """Whether neither of two stages rests on the other."""
    if one.name == other.name:
        return False
    return one.name not in graph.ancestors(other.name) and other.name not in graph.ancestors(one.name)


def unordered(name: KeyName, maker: Stage, reader: Stage) -> PivotError:
    """The error that one stage looks for a key that another one puts, in no order."""
    return PivotError(
        f"stage '{reader.name}': looks for key {shown_name(name)}, which stage '{maker.name}' puts, "
        f"though nothing orders the two ({reader.place})",
        f"declare it: depends_on: [{maker.name}] in the entry of '{reader.name}'",
    )


def require_own_keys(
    graph: Graph, stage: Stage, record: StageRecord, ended: Mapping[str, StageRecord]
) -> None:
    """Find keys of a result that do not go together with results that count already.

    Args:
        ended: the results of the stages that have ended in this run.

    Raises:
        PivotError: another stage puts one, too, or has looked for it though nothing orders the two.
    """
    for other_name, other in ended.items():
        if other_name == stage.name:
            continue
        reader = graph.stage(other_name)
        twice = sorted(record.puts.keys() & other.puts.keys())
        if twice:
            raise PivotError(
                f"stage '{stage.name}': puts key {shown_name(twice[0])}, "
                f"as stage '{other_name}' does ({stage.place})",
                "give one of them another key, or a namespace of its own",
            )
        looked = other.inputs.observed.keys
        names = (n for n in record.puts if n in looked or KeyName(n.partition(":")[0]) in looked)
        found = next(names, None)
        if found is not None and is_unordered(graph, stage, reader):
            raise unordered(found, stage, reader)
