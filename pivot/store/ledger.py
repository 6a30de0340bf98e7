"""What the items of a mapped stage gave, one line each: written as they end, so that a later run has those that did.

A ledger belongs to a stage and to all that its items' results rest on beside the item itself. What was observed
while an item ran stands in it once, however many items observed the same. A torn line is a miss.
"""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pivot.model.digest import Digest
from pivot.model.observation import Observation
from pivot.model.record import OutputState
from pivot.model.stored import KeyName, Stored
from pivot.store import atomic
from pivot.store.codec import observation_of, observation_text
from pivot.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Entry:
    """What one item gave.

    Attributes:
        item: its key.
        state: of the object that holds the result.
        observed: while it was made.
        name: of that observation; equal ones have equal names.
        puts: what it has in the object store.
    """

    item: str
    state: OutputState
    observed: Observation
    name: str
    puts: Mapping[KeyName, Stored] = field(default_factory=dict)

    @property
    def objects(self) -> tuple[Digest, ...]:
        """All that must be in the cache for it to be of use."""
        return (self.state.digest, *(one.digest for one in self.puts.values()))

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for entries that say the same."""
        return (self.item, self.state.digest, self.name, *sorted(self.puts.items(), key=lambda put: put[0]))


@dataclass(slots=True)
class Ledger:
    """The results of the items of one mapped stage, under equal other inputs.

    Args:
        layout: where it lies.
        stage: its key.
        base: the digest of everything but the item.
    """

    layout: Layout
    stage: str
    base: Digest
    _written: set[Digest] = field(default_factory=set)

    @property
    def path(self) -> str:
        """The file, absolute."""
        return self.layout.items_file(self.stage, self.base)

    def entries(self) -> Iterator[Entry]:
        """What is known, the oldest first."""
        return _entries(self.path)

    def add(
        self, item: str, state: OutputState, observed: Observation, puts: Mapping[KeyName, Stored]
    ) -> None:
        """Keep what an item gave; its objects must be in the cache.

        Raises:
            StoreError: it cannot be written.
        """
        self.join([Entry(item, state, observed, observed.digest, puts)])

    def join(self, entries: Iterable[Entry]) -> None:
        """Keep what items gave, here or elsewhere; see `add`."""
        written = set(self._written)
        text, path = entries_text(entries, written), self.path
        if not self._written:  # each item gets here, most of them when its folder is known to be there
            with atomic.explained(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
        # a line feed first: the last line may be torn
        with atomic.explained(path), open(path, "ab") as file:
            file.write(f"\n{text}\n".encode())
        self._written |= written


def entries_text(entries: Iterable[Entry], written: set[Digest] | None = None) -> str:
    """Lines that say what items gave.

    Args:
        written: names of observations that need not be said again; takes those that now were.
    """
    written = set() if written is None else written
    lines = []
    for one in entries:
        name = Digest(one.name)
        if name not in written:
            written.add(name)
            lines.append(f'["observed", "{name}", {" ".join(observation_text(one.observed).split())}]')
        stored = [[key, put.digest, put.size, put.loader] for key, put in one.puts.items()]
        item = ["item", one.item, one.state.digest, one.state.size, name, *([stored] if stored else [])]
        lines.append(json.dumps(item))
    return "\n".join(lines)


def any_result(path: str, objects: Collection[Digest]) -> bool:
    """Whether any result that a ledger's file names is among some objects."""
    return any(entry.state.digest in objects for entry in _entries(path))


def _entries(path: str) -> Iterator[Entry]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    yield from read_entries(text)


def read_entries(text: str) -> Iterator[Entry]:
    """What `entries_text` says, and other such lines."""
    observations: dict[str, Observation] = {}
    for line in text.splitlines():
        try:
            match json.loads(line):
                case ["observed", str(name), dict(data)]:
                    observations[name] = observation_of(data)
                case ["item", str(item), str(digest), int(size), str(name), *stored]:
                    puts = {KeyName(key): Stored(*one) for some in stored for key, *one in some}
                    yield Entry(item, OutputState(Digest(digest), size), observations[name], name, puts)
        except (ValueError, KeyError, TypeError):  # torn, or behind a torn one
            continue
