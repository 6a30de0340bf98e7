"""The sides of a comparison: the workspace, a run of the history, a revision of git."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pivot.config.spelling import did_you_mean, listed
from pivot.core.compare import StageDifference, stage_difference
from pivot.core.gallery import PlotFile
from pivot.core.graph import Graph
from pivot.core.values import read_value
from pivot.engine.history import LAST, PastRun, past_run, runs_meant
from pivot.engine.observe import NOTHING, Observer
from pivot.engine.revision import Revision, is_revision, revision, ways_to_revisions
from pivot.errors import UsageError
from pivot.model.digest import digest_bytes
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import OutKind, PlotView, Stage
from pivot.paths import ProjectPath, absolute
from pivot.store.history import list_runs, read_result
from pivot.store.lockfile import lock_record
from pivot.store.runcache import read_record
from pivot.store.store import Store

WORKSPACE = "workspace"
"""The word for the files as they lie there now, and the stages as they are defined now."""

_DATE = len("20260102")
_LOCKS = ".pivot/stages/"


@dataclass(frozen=True, slots=True)
class Result:
    """What a stage has on one side, as far as it can be shown.

    Attributes:
        params: field → value.
        outs: path → what it is.
    """

    params: Mapping[str, Any]
    outs: Mapping[ProjectPath, OutKind]


@dataclass(frozen=True, slots=True)
class Side:
    """One of two things that are compared.

    Attributes:
        name: in a few letters, for titles of columns.
        title: in words: ``HEAD (cf3ed31a)``, ``run 20260102-030405``, ``the workspace``.
        whole: whether a stage without a result is no stage there; a run may have had nothing to do with it.
        results: by the stage's key.
        read: the bytes of an output of a stage; ``None`` where they are nowhere to be had.
        record: all that is known of a stage's result, given the other side's; ``None`` where it has none.
        notices: what a person should know of it.
    """

    name: str
    title: str
    whole: bool
    results: Mapping[str, Result]
    read: Callable[[str, ProjectPath], bytes | None]
    record: Callable[[str, StageRecord | None], StageRecord | None]
    notices: tuple[str, ...] = field(default=())

    def params(self, stages: Sequence[str]) -> dict[str, Any]:
        """Stage → its params, of those that have some."""
        found = ((name, self.results[name].params) for name in stages if name in self.results)
        return {name: dict(params) for name, params in found if params}

    def metrics(self, stages: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Path → value of each metric, and what is wrong with those that cannot be read."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for path, data in self.files(stages, OutKind.METRIC).items():
            if data is None:
                problems.append(f"{path} is not there ({self.title})")
                continue
            try:
                values[path] = read_value(path, data)
            except ValueError as error:
                problems.append(f"{path} cannot be read ({self.title}): {error}")
        return values, problems

    def files(self, stages: Sequence[str], kind: OutKind) -> dict[ProjectPath, bytes | None]:
        """Path → bytes of each output of a kind."""
        return {
            path: self.read(name, path)
            for name in stages
            if name in self.results
            for path, found in self.results[name].outs.items()
            if found is kind
        }

    def chosen(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The stages that names or globs stand for; none means all.

        Raises:
            UsageError: one fits no stage.
        """
        return _chosen(tuple(self.results), patterns)

    def plots(self, stages: Sequence[str], views: Mapping[str, PlotView | None]) -> list[PlotFile]:
        """The plots of some stages.

        Args:
            views: path → how its table is drawn.
        """
        return _plots([self], stages, views)

    def after(self, old: "Side", patterns: Sequence[str] = ()) -> "Sides":
        """Two sides with the stages that both can say something about.

        Args:
            patterns: names or globs of stages; none means all.

        Raises:
            UsageError: a pattern fits no stage of either side.
        """
        names = dict.fromkeys([*self.results, *old.results])
        concerned = tuple(n for n in names if all(_concerns(side, n) for side in (old, self)))
        chosen = _chosen(concerned, patterns)
        lacking = [n for n in chosen if any(not s.whole and n not in s.results for s in (old, self))]
        return Sides(old, self, tuple(n for n in chosen if n not in lacking), tuple(lacking))


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: two sides and the stages that can be.

    Attributes:
        stages: in the order of the new side.
        left_out: those that one of the sides, a run, has no result of.
    """

    old: Side
    new: Side
    stages: tuple[str, ...]
    left_out: tuple[str, ...]

    def plots(self, views: Mapping[str, PlotView | None]) -> list[PlotFile]:
        """The plots of both; `views` as of `Side.plots`."""
        return _plots([self.old, self.new], self.stages, views)

    def differences(self) -> tuple[StageDifference, ...]:
        """The stages that differ, with all reasons."""
        found = (stage_difference(name, *self._records(name)) for name in self.stages)
        return tuple(one for one in found if one is not None)

    def _records(self, name: str) -> tuple[StageRecord | None, StageRecord | None]:
        """A stage's records; the workspace is looked at for what the other side has observed."""
        first, second = (self.new, self.old) if self.old.name == WORKSPACE else (self.old, self.new)
        one = first.record(name, None) if name in first.results else None
        other = second.record(name, one) if name in second.results else None
        return (one, other) if first is self.old else (other, one)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of them."""
        told = (*self.old.notices, *self.new.notices)
        if not self.left_out:
            return told
        runs = " or ".join(side.title for side in (self.old, self.new) if not side.whole)
        return (*told, f"left out, as {runs} has no result of them: {listed(self.left_out)}")


def _plots(
    shown: Sequence[Side], stages: Sequence[str], views: Mapping[str, PlotView | None]
) -> list[PlotFile]:
    makers: dict[ProjectPath, str] = {}
    for side in shown:
        results = {name: side.results[name] for name in stages if name in side.results}
        makers |= {p: n for n, result in results.items() for p, k in result.outs.items() if k is OutKind.PLOT}
    titles = [side.title for side in shown]
    if len(set(titles)) < len(titles):  # a side is compared with itself
        titles = [f"{title} ({number})" for number, title in enumerate(titles, 1)]
    files = [side.files(stages, OutKind.PLOT) for side in shown]
    return [
        PlotFile(
            path, stage, views.get(path), {t: found.get(path) for t, found in zip(titles, files, strict=True)}
        )
        for path, stage in makers.items()
    ]


def _chosen(names: tuple[str, ...], patterns: Sequence[str]) -> tuple[str, ...]:
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in names):
            raise UsageError(f"there is no stage {pattern!r}", did_you_mean(pattern, names))
    return tuple(n for n in names if not patterns or any(_fits(n, pattern) for pattern in patterns))


def _concerns(side: Side, name: str) -> bool:
    """Whether a side has to do with a stage; the workspace has not with those of pipeline files elsewhere."""
    if side.name != WORKSPACE or not side.results:
        return True
    return _home(name) in map(_home, side.results)


def _home(name: str) -> str:
    """The folder of the file that defines a stage, as its key says it."""
    return name.rpartition(":")[0]


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern means a stage, with or without its folder, or all variants of it."""
    own = name.rpartition(":")[2]
    return any(fnmatchcase(word, pattern) for word in (name, own, own.partition("@")[0]))


def side_of(word: str, store: Store, stages: Callable[[], Sequence[Stage]], observer: Observer) -> Side:
    """The side that a word means.

    Args:
        word: ``workspace``, a run (``last``, ``-2``, an id or how one begins, from its date on), or what git knows.
        stages: as they are defined now; asked for the workspace only.

    Raises:
        UsageError: it means nothing, or several runs.
    """
    if word == WORKSPACE:
        return _workspace(stages(), store, observer)
    ids = list_runs(store.layout)
    if word == LAST or word.startswith("-") or (len(word) >= _DATE and runs_meant(word, ids)):
        return _of_run(past_run(store.layout, word), store)
    if word != "HEAD" and not is_revision(store.root, word):
        raise UsageError(
            f"{word!r} is neither a run nor a revision that git knows",
            f"runs: pivot history; revisions: {ways_to_revisions(store.root)}",
        )
    return _of_revision(revision(store.root, word), store)


def _workspace(stages: Sequence[Stage], store: Store, observer: Observer) -> Side:
    by_key = {stage.key: stage for stage in stages}
    graph = Graph(stages)

    def read(_stage: str, path: ProjectPath) -> bytes | None:
        return _file(store, path)

    def record(name: str, other: StageRecord | None) -> StageRecord:
        stage = by_key[name]
        last = other or store.lock(name)
        deps = {p: digest for p in stage.dep_paths() if (digest := observer.dep_digest(p, graph)) is not None}
        observed = last.inputs.observed if last is not None else NOTHING
        inputs = observer.inputs(stage, deps, observed, graph=graph)
        found = ((path, store.digest(path)) for path in stage.out_paths())
        return StageRecord(
            name,
            inputs,
            {p: OutputState(digest, 0) for p, digest in found if digest is not None},
            puts=store.puts(name),
        )

    results = {
        stage.key: Result(
            json.loads(stage.params.values) if stage.params else {},
            {out.path: out.kind for out in stage.outs},
        )
        for stage in stages
    }
    return Side(WORKSPACE, "the workspace", True, results, read, record)


def _of_run(run: PastRun, store: Store) -> Side:
    found = (read_result(store.layout, end.record) for end in run.stages if end.record is not None)
    records = {record.stage: record for record in found if record is not None}
    return _of_records(run.short, f"run {run.short}", records, store, whole=False)


def _of_revision(found: Revision, store: Store) -> Side:
    records: dict[str, StageRecord] = {}
    notices: list[str] = []
    locks = [path for path in found.files if path.startswith(_LOCKS) and path.endswith(".lock")]
    for path, data in found.read(sorted(locks)).items():
        try:
            record = lock_record(data, f"{path} of {found.name}")
        except ValueError as error:
            notices.append(f"{path} of {found.name} counts as absent: {error}")
        else:
            records[record.stage] = record
    if not locks:
        notices.append(f"{found.name} holds no lock file; commit {_LOCKS} to have something to compare with")

    def own(path: ProjectPath) -> bytes | None:
        return found.read([path]).get(path)

    title = f"{found.name} ({found.short})" if not found.commit.startswith(found.name) else found.short
    return _of_records(found.name[:12], title, records, store, whole=True, own=own, notices=tuple(notices))


def _of_records(
    name: str,
    title: str,
    records: Mapping[str, StageRecord],
    store: Store,
    *,
    whole: bool,
    own: Callable[[ProjectPath], bytes | None] = lambda _path: None,
    notices: tuple[str, ...] = (),
) -> Side:
    def read(stage: str, path: ProjectPath) -> bytes | None:
        data = own(path)
        return data if data is not None else _bytes(store, records[stage], path)

    results = {
        stage: Result(
            {field: json.loads(v) for field, v in record.inputs.params.items() if not field.startswith("@")},
            {out.path: out.kind for out in record.inputs.outs},
        )
        for stage, record in records.items()
    }
    return Side(name, title, whole, results, read, lambda stage, _other: records.get(stage), notices)


def _bytes(store: Store, record: StageRecord, path: ProjectPath) -> bytes | None:
    """The bytes of a recorded output: from the record, the run cache, the object cache or the workspace."""
    state = record.outputs.get(path)
    if state is None:
        return None
    if state.content is None:
        whole = read_record(store.layout, record.stage, record.inputs)
        other = whole.outputs.get(path) if whole is not None else None
        state = other if other is not None and other.digest == state.digest else state
    if state.content is not None:
        return state.content
    for file in (store.layout.object_file(state.digest), absolute(path, store.root)):
        data = _contents(file)
        if data is not None and digest_bytes(data) == state.digest:
            return data
    return None


def _file(store: Store, path: ProjectPath) -> bytes | None:
    return _contents(absolute(path, store.root))


def _contents(file: str) -> bytes | None:
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except OSError:
        return None
