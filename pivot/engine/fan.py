"""A mapped stage under way: its items are found, looked up, executed one by one, and put together again.

    items ──► known from earlier runs ──┐
      └─────► executed, each a task ────┴──► the list of their results: the value of the stage

What an item gave counts at once: it is kept under the item's content and all else that it rests on, so that a run
which fails or is stopped loses only the items at work.
"""

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pivot.core.items import (
    DROPPED,
    base_key,
    dropped_text,
    failed_text,
    item_name,
    joined,
    list_text,
    mapped_path,
)
from pivot.define.loader_ref import loader_ref
from pivot.engine.attempt import Attempt
from pivot.engine.keys import puts_after
from pivot.engine.lists import list_entries
from pivot.errors import PivotError
from pivot.loaders.value import Value
from pivot.model.decision import ChangeKind, Decision
from pivot.model.digest import Digest, digest_bytes, digest_parts
from pivot.model.observation import Observation, Seen
from pivot.model.record import OutputState
from pivot.model.stage import LoaderRef, ObjectRef, Returns
from pivot.model.stored import KeyName, Stored, shown_name
from pivot.model.task import Failure, Success, Task, TaskDep, TaskOut, TaskResult
from pivot.model.tree import TreeEntry
from pivot.model.upstream import OnError, StageMap, is_listed, is_value, value_owner
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store import atomic
from pivot.store.ledger import Ledger

_SPLIT = ObjectRef("pivot.worker.items", "split")
_ANEW = frozenset((ChangeKind.FORCED, ChangeKind.ALWAYS))


@dataclass(frozen=True, slots=True)
class Item:
    """One item of what a stage maps over.

    Attributes:
        key: of its content; equal items give equal results.
        data: its bytes, where they lie in no file yet.
        place: the file that holds it, absolute.
    """

    key: str
    loader: LoaderRef
    data: bytes | None = None
    place: str = ""


@dataclass(slots=True)
class Fan:
    """A mapped stage under way.

    Args:
        attempt: its execution as a whole, whose task is the pattern of the items' tasks.
        decision: why it runs.
    """

    attempt: Attempt
    decision: Decision
    items: list[Item] = field(default_factory=list)
    results: dict[str, OutputState] = field(default_factory=dict)  # by the item's key
    puts: dict[str, Mapping[KeyName, Stored]] = field(default_factory=dict)  # into the object store, likewise
    observed: list[Observation] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    ledger: Ledger = field(init=False)
    _numbers: dict[str, int] = field(default_factory=dict)  # name of an item's task → its position
    _known: int = 0  # results that earlier runs gave
    _is_split: bool = False

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.attempt.stage.name

    @property
    def map(self) -> StageMap:
        """What it maps over, and how."""
        assert self.attempt.stage.map is not None
        return self.attempt.stage.map

    @property
    def out(self) -> TaskOut:
        """The value of the stage."""
        return self.attempt.task.outs[0]

    def __post_init__(self) -> None:
        stage = self.attempt.stage
        self.ledger = self.attempt.store.ledger(stage.key, base_key(stage, self.attempt.inputs))

    def begin(self) -> Task | None:
        """Find the items; gives a task where only a worker can look into what holds them.

        Raises:
            PivotError: it is nothing to go through item by item.
        """
        found = self._found()
        if found is not None:
            self.items = found
            return None
        self._is_split = True
        task = self.attempt.task
        dep = next(dep for dep in task.deps if dep.argument == self.map.argument)
        folder = f"{self.out.staging}.items"
        out = replace(self.out, target=folder, staging=folder, directory=True, token=None)
        return replace(
            task,
            function=_SPLIT,
            deps=(replace(dep, argument="iterable"),),
            outs=(out,),
            returns=Returns.SINGLE,
            params=None,
            variant=None,
        )

    def take_split(self, result: TaskResult) -> TaskResult:
        """The worker found the items, or tells why not."""
        self._is_split = False
        if isinstance(result, Failure):
            at = result.message.find("it maps over ")
            return result if at < 0 else self._refusal(result.message[at + len("it maps over ") :])
        assert isinstance(result, Success)
        self._observe(result)
        folder = f"{self.out.staging}.items"
        entries: Sequence[TreeEntry] = result.outputs[self.out.path].entries or ()
        self.items = [
            Item(entry.digest, self.out.loader, place=os.path.join(folder, entry.path)) for entry in entries
        ]
        return result

    @property
    def is_split(self) -> bool:
        """Whether a worker looks for the items."""
        return self._is_split

    def pending(self) -> tuple[str, ...]:
        """The names of the items that must be executed; the results of all others are known now."""
        if not any(change.kind in _ANEW for change in self.decision.changes):
            self._look_up()
        self._numbers = {}
        told: set[str] = set()
        self._known = len(self.results)
        for number, item in enumerate(self.items):
            if item.key not in self.results and item.key not in told:
                told.add(item.key)
                self._numbers[item_name(self.stage, number)] = number
        return tuple(self._numbers)

    def task(self, name: str) -> Task:
        """The task of an item."""
        number = self._numbers[name]
        item = self.items[number]
        task = self.attempt.task
        place = item.place or self._written(item, f"{self.out.staging}.{number}.item")
        out = replace(self.out, staging=f"{self.out.staging}.{number}", token=item.key)
        dep = TaskDep(f"{self.map.argument} [{number}]", place, item.loader, self.map.argument)
        others = tuple(dep for dep in task.deps if dep.argument != self.map.argument)
        return replace(task, stage=name, deps=(dep, *others), outs=(out,))

    def take(self, name: str, result: TaskResult) -> None:
        """An item ended: what it gave is kept at once."""
        number = self._numbers[name]
        item = self.items[number]
        staged = f"{self.out.staging}.{number}"
        if isinstance(result, Success):
            try:
                self._keep(item, result, staged)
            except PivotError as error:
                self.failures[item.key] = Failure("commit", error.message, hint=error.hint)
        else:
            assert isinstance(result, Failure)
            if result.kind != "cancelled":
                self.failures[item.key] = result
        for path in (staged, f"{staged}.item"):
            with contextlib.suppress(OSError):
                os.unlink(path)

    @property
    def progress(self) -> tuple[int, int]:
        """How many items are done, of how many; equal ones count once."""
        done = len(self.results) + len(self.failures)
        return done, self._known + len(self._numbers)

    def gather(self, cause: str) -> tuple[Attempt, TaskResult]:
        """The stage as a whole when no item is at work any more: how it ends, and what is to be committed.

        Args:
            cause: why items were not begun, if some were not.
        """
        keys = [item.key for item in self.items]
        failed = {number: self.failures[key] for number, key in enumerate(keys) if key in self.failures}
        if any(key not in self.results and key not in self.failures for key in keys):
            return self.attempt, Failure("cancelled", cause)
        told = {number: failure.message for number, failure in failed.items()}
        if failed and self.map.on_error is OnError.FAIL:
            first = failed[min(failed)]
            return self.attempt, replace(first, message=failed_text(told, len(keys)))
        twice = self._put_twice()
        if twice is not None:
            return self.attempt, twice
        text = list_text(self.results[key] for key in keys if key in self.results).encode()
        os.makedirs(os.path.dirname(self.out.staging), exist_ok=True)
        with open(self.out.staging, "wb") as file:
            file.write(text)
        executed = len(self._numbers)
        lost = [*self.attempt.lost]
        if executed < len(set(keys)):
            lost.append(f"{executed} of {len(keys)} items ran, the others are cached")
        inputs = self.attempt.inputs
        if failed:
            lost.append(dropped_text(told, len(keys)))
            inputs = replace(
                inputs, params={**inputs.params, DROPPED: json.dumps(f"{len(failed)} of {len(keys)}")}
            )
        attempt = replace(
            self.attempt, inputs=inputs, lost=tuple(lost), merged=joined(_distinct(self.observed))
        )
        state = OutputState(digest_bytes(text), len(text))
        puts = {name: one for key in keys if key in self.results for name, one in self.puts[key].items()}
        seconds = time.monotonic() - attempt.began
        return attempt, Success({ProjectPath(self.out.path): state}, seconds, Seen(puts=puts))

    def _put_twice(self) -> Failure | None:
        """The failure that two items put one key of the object store: in no order."""
        whose: dict[KeyName, int] = {}
        told: set[str] = set()
        for number, item in enumerate(self.items):
            for name in self.puts.get(item.key, ()) if item.key not in told else ():
                if name in whose:
                    what = f"items [{whose[name]}] and [{number}] both put key {shown_name(name)}"
                    return Failure("result", what, hint="make the item part of the key, or of the namespace")
                whose[name] = number
            told.add(item.key)
        return None

    def _found(self) -> list[Item] | None:
        """The items, where no code of the user is needed to see them; else ``None``."""
        stage, store = self.attempt.stage, self.attempt.store
        if self.map.param is not None:
            values = json.loads(stage.params.values) if stage.params else {}
            return self._of_list(values.get(self.map.param), loader_ref(Value()))
        path = mapped_path(stage)
        assert path is not None
        loader = next(dep.loader for dep in stage.deps if dep.path == path)
        if is_listed(path):
            place = store.objects.layout.object_file
            entries = list_entries(store, path)
            return [Item(entry.digest, loader, place=place(entry.digest)) for entry in entries]
        if is_folder(path):
            folder = absolute(path, store.root)
            own_path = loader.name.endswith(".PathOnly")
            return [
                Item(
                    digest_parts([entry.path, entry.digest]) if own_path else entry.digest,
                    loader,
                    place=os.path.join(folder, entry.path),
                )
                for entry in self.attempt.folders[path]
            ]
        with contextlib.suppress(ValueError), open(absolute(path, store.root), "rb") as file:
            if is_value(path) and file.read(1) in b'[{"ntf-0123456789':
                file.seek(0)
                return self._of_list(Value().decode(file.read()), loader)
        return None

    def _of_list(self, values: object, loader: LoaderRef) -> list[Item]:
        if not isinstance(values, list):
            what = "None" if values is None else f"{_article(values)}"
            failure = self._refusal(what)
            raise PivotError(failure.message, failure.hint)
        encode = Value().encode
        datas = (encode(value) for value in values)
        return [Item(digest_bytes(data), loader, data=data) for data in datas]

    def _refusal(self, what: str) -> Failure:
        path = mapped_path(self.attempt.stage)
        giver = f"params.{self.map.param}" if path is None else f"what '{value_owner(path)}' returned"
        what = what.partition(" (")[0]
        return Failure(
            "load",
            f"stage '{self.stage}' runs for each item, but {giver} is {what} ({self.map.place})",
            hint="give a list: of a dict list(d.items()), of a table df.to_dict('records')",
        )

    def _written(self, item: Item, path: str) -> str:
        assert item.data is not None
        with atomic.explained(path), open(path, "wb") as file:
            file.write(item.data)
        return path

    def _look_up(self) -> None:
        """Take the results that are known, if all that was observed while they were made is as it was."""
        wanted = {item.key for item in self.items}
        stage, inputs = self.attempt.stage, self.attempt.inputs
        holds: dict[str, bool] = {}
        used: dict[str, Observation] = {}
        objects, graph = self.attempt.store.objects, self.attempt.reader.graph
        for entry in self.ledger.entries():
            if entry.item not in wanted or entry.observed.has_state:  # which rests on the results before it
                continue
            if entry.name not in holds:
                now = self.attempt.observer.inputs(stage, inputs.deps, entry.observed, graph=graph)
                holds[entry.name] = now.observed.agrees(entry.observed)
                used[entry.name] = entry.observed
            if holds[entry.name] and all(map(objects.has, entry.objects)):
                self.results[entry.item] = entry.state
                self.puts[entry.item] = entry.puts
        self.observed += [used[name] for name, good in holds.items() if good]

    def _observe(self, result: Success) -> Observation:
        attempt = self.attempt
        observed = attempt.reader.observation(result.seen, attempt.named)
        if observed.has_code:
            code = attempt.observer.fingerprint(attempt.stage, observed).digest
            observed = replace(observed, code=code)
        self.observed.append(observed)
        return observed

    def _keep(self, item: Item, result: Success, staged: str) -> None:
        attempt = self.attempt
        over = mapped_path(attempt.stage)
        attempt.require_same_deps(path for path in attempt.inputs.deps if path != over)
        attempt.reader.require_declared(result.seen)
        state = result.outputs[self.out.path]
        observed = self._observe(result)
        attempt.store.objects.add_file(staged, state.digest)
        puts = self.puts[item.key] = puts_after(attempt.task, result.seen)
        self.ledger.add(item.key, state, observed, puts)
        self.results[item.key] = state


def _distinct(observations: Sequence[Observation]) -> list[Observation]:
    found: dict[Digest, Observation] = {}
    for one in observations:
        found.setdefault(one.digest, one)
    return list(found.values())


def _article(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
