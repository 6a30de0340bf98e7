"""What the verdict "nothing to do" rests on, path by path, and how the next command is spared the way there.

`Inquiry.known` answers from the manifest (see `pivot.store.manifest`) what a full check has found before. After a
full check that found nothing to do, `Inquiry.keep` writes it anew. All in it was last touched before that check
began, so what the check saw of a file is what the manifest says of it. That leaves out what a run has just written:
the check after a run is a full one.
"""

import os
import pickle
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pivot.config.ignore import IGNORE_FILE
from pivot.config.settings import Settings, load_settings
from pivot.define.locate import find_pipeline_file
from pivot.engine.define import known_definitions
from pivot.engine.importable import package_files
from pivot.engine.observe import Observer
from pivot.engine.run import Plan, Sink
from pivot.errors import PivotError
from pivot.model.context import EXECUTOR
from pivot.model.digest import Digest
from pivot.model.event import Event, Outcome, RunFinished, RunStarted, StageFinished
from pivot.model.observation import ABSENT, is_counted, left_by_stage
from pivot.model.record import StageRecord
from pivot.model.run import Run
from pivot.model.stage import Stage
from pivot.model.stored import is_listing
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store import atomic
from pivot.store.history import run_name
from pivot.store.index import settled_before
from pivot.store.layout import ASIDE, STAGING, Layout, plan_layout
from pivot.store.manifest import Manifest, Mark, Question, dump, is_wanted, load, mark, path_of, question
from pivot.store.root import PIPELINE_FILES
from pivot.store.store import Store
from pivot.store.usage import project_notes

Paths = dict[str, bool | None]
"""Absolute paths, each with what a check needs of it: to be there, not to be there, or (``None``) either will do."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The question whether there is anything to do.

    Attributes:
        root: of the project, absolute.
        here: the folder in which it is asked, absolute.
        asked: the targets and all that surrounds the question.
        since: when the full check began (ns, as files are stamped), once it has.
    """

    root: str
    here: str
    asked: Question
    since: int = 0

    def known(self, targets: Sequence[str], jobs: int, now: datetime, sinks: Sequence[Sink]) -> Run | None:
        """The answer "nothing to do", told as a run tells it; ``None`` if only a full check can say.

        Args:
            jobs: how many stages would run at once.
            now: when the run begins.
        """
        began = time.monotonic()
        manifest = load(self.asked, self.root)
        if manifest is None or not manifest.stands(os.environ):
            return None
        run = run_name(plan_layout(self.root, None), now)
        ends = {
            name: StageFinished(
                name, Outcome.UNCHANGED, "", record=None if record is None else Digest(record)
            )
            for name, record in manifest.ends
        }
        seconds = time.monotonic() - began
        counts = {Outcome.UNCHANGED: len(ends)}
        events: list[Event] = [RunStarted(run, manifest.chosen, jobs, tuple(targets), ""), *ends.values()]
        for event in (*events, RunFinished(run, counts, seconds, cancelled=False)):
            for sink in sinks:
                sink(event)
        return Run(run, ends, seconds, cancelled=False)

    def begin(self) -> "Inquiry":
        """The inquiry as the full check for it begins; where nothing can be written, nothing will be kept."""
        folder = os.path.dirname(path_of(self.asked, self.root))
        try:
            return Inquiry(self.root, self.here, self.asked, _moment(folder))
        except OSError:
            return self

    def keep(self, run: Run, plan: Plan, observer: Observer, store: Store, settings: Settings) -> None:
        """Write the manifest, if all was found unchanged and nothing has moved since the check began."""
        ends = run.stages.values()
        if not (ends and self.since) or any(end.outcome is not Outcome.UNCHANGED for end in ends):
            return
        try:
            manifest = self._manifest(run, plan, observer, store, settings)
            if manifest is not None:
                path = path_of(self.asked, self.root)
                atomic.replace_unflushed(path, dump(self.asked, manifest), os.path.dirname(path))
        except (
            OSError,
            ValueError,
            PivotError,
        ):  # the next check is a full one, and says what there is to say
            return

    def _manifest(
        self, run: Run, plan: Plan, observer: Observer, store: Store, settings: Settings
    ) -> Manifest | None:
        stages = [plan.graph.stage(name) for name in plan.chosen]
        records = [store.lock(stage.key) for stage in stages]
        whole = [record for record in records if record is not None]
        file = find_pipeline_file(self.here)
        kept = known_definitions(store, file) if file is not None else None
        if file is None or kept is None or len(whole) < len(records):
            return None
        if any(EXECUTOR in record.inputs.observed.context for record in whole):
            return None  # another command may say where stages run
        if (
            pickle.loads(kept.stages) != plan.graph.stages
        ):  # of a project held open since there was another file
            return None
        if load_settings(self.root, os.environ) != settings or atomic.names_in(store.layout.journals):
            return None
        paths: Paths = dict.fromkeys([*map(os.path.abspath, kept.path), *_pipeline_files(self.here, file)])
        _need(paths, ((name, digest is not None) for name, digest in kept.files.items()))
        _need(paths, ((folder, True) for folder in kept.folders))
        _need(paths, ((file, None) for folder in kept.folders for file in package_files(folder)))
        _need(paths, ((path, there or None) for path, there in observer.looked_at().items()))
        _need(paths, _of_project(store.layout))
        has_keys = os.path.isdir(store.layout.keys)
        for stage, record in zip(stages, whole, strict=True):
            _need(paths, _of_stage(stage, record, store))
            _need(paths, _of_keys(record, store.layout, has_keys=has_keys))
        marks, behind = _marked(paths, self.since)
        ends = tuple((name, end.record) for name, end in run.stages.items())
        variables = tuple(
            (record.stage, name, state)
            for record in whole
            for name, state in record.inputs.observed.environment.items()
        )
        return Manifest(plan.chosen, ends, variables, marks, behind)


def inquire(root: str, here: str, targets: Sequence[str], single_stage: bool) -> Inquiry | None:
    """The question whether there is anything to do; ``None`` where only a full check will do.

    Args:
        root: of the project, absolute.
        here: the folder in which it is asked, absolute.
    """
    if not is_wanted(os.environ) or not os.path.isdir(os.path.join(root, ".pivot")):
        return None
    try:
        return Inquiry(root, here, question(root, here, targets, single_stage))
    except OSError:  # the current folder is gone
        return None


def _need(paths: Paths, more: Iterable[tuple[str, bool | None]]) -> None:
    for path, there in more:
        before = paths.get(path)
        if before is None:
            paths[path] = there
        elif there is not None and there is not before:
            raise ValueError(path)


def _pipeline_files(here: str, file: str) -> Iterator[str]:
    """The names that were tried on the way to the pipeline file, its own among them."""
    folder, end = here, os.path.dirname(file)
    while True:
        yield from (os.path.join(folder, name) for name in PIPELINE_FILES)
        if folder == end:
            return
        folder = os.path.dirname(folder)


def _of_project(layout: Layout) -> Iterator[tuple[str, bool | None]]:
    yield layout.format_file, True
    yield layout.config_file, None
    yield layout.journals, None
    yield layout.keys, None
    yield from ((path, None) for path in project_notes(layout))


def _of_stage(stage: Stage, record: StageRecord, store: Store) -> Iterator[tuple[str, bool | None]]:
    root, layout = store.root, store.layout
    yield layout.lock_file(stage.key), True
    for path in stage.dep_paths():
        yield from _of_artifact(path, root, is_counted)
        if is_folder(path):
            yield from _of_ignoring(path, root)
    for path in stage.out_paths():
        yield from _of_artifact(path, root, lambda _: True)
    for path, state in record.inputs.observed.files.items():
        there = None if left_by_stage(state) is not None else state != ABSENT
        yield absolute(path, root).rstrip("/"), there
    for out in record.inputs.outs:
        state_of = record.outputs.get(out.path)
        if out.cache and state_of is not None:
            yield layout.object_file(state_of.digest), True
            if is_folder(out.path):
                entries = store.tree(state_of.digest)
                if entries is None:
                    raise ValueError(out.path)
                yield from ((layout.object_file(entry.digest), True) for entry in entries)


def _of_keys(record: StageRecord, layout: Layout, *, has_keys: bool) -> Iterator[tuple[str, bool | None]]:
    """What the record has in the object store, and what it looked for there."""
    for name in record.inputs.observed.keys:
        # one that is there may be the stage's own, or of a stage after it: then it is absent to this one
        yield (layout.keys if is_listing(name) else layout.key_file(name)), None
    for name, value in record.puts.items():
        yield layout.key_file(name), True
        yield layout.object_file(value.digest), True
    if has_keys:
        yield layout.puts_file(record.stage), None


def _of_artifact(
    path: ProjectPath, root: str, counts: Callable[[str], bool]
) -> Iterator[tuple[str, bool | None]]:
    place = absolute(path, root).rstrip("/")
    yield place, True
    if is_folder(path):
        yield from ((inner, True) for inner in _below(place, counts, frozenset()))


def _below(folder: str, counts: Callable[[str], bool], around: frozenset[str]) -> Iterator[str]:
    """All files, folders and links below a folder; what lies behind links to folders, too."""
    around |= {os.path.realpath(folder)}
    with os.scandir(folder) as entries:
        found = [e for e in entries if counts(e.name) and not e.name.startswith((STAGING, ASIDE))]
    for entry in found:
        yield entry.path
        if entry.is_dir() and not (entry.is_symlink() and os.path.realpath(entry.path) in around):
            yield from _below(entry.path, counts, around)


def _of_ignoring(folder: ProjectPath, root: str) -> Iterator[tuple[str, bool | None]]:
    """Where ignore files may lie that say which files of a folder count."""
    place = absolute(folder, root).rstrip("/")
    while True:
        yield place, True
        yield os.path.join(place, IGNORE_FILE), None
        if place == root or len(place) <= len(root):
            return
        place = os.path.dirname(place)


def _marked(paths: Mapping[str, bool | None], since: int) -> tuple[dict[str, Mark], dict[str, Mark]]:
    """The marks of paths, and of what lies behind those that are symbolic links.

    Raises:
        ValueError: something has changed since then, is not as it is needed, or cannot be looked at.
    """
    marks: dict[str, Mark] = {}
    behind: dict[str, Mark] = {}
    for path, there in paths.items():
        found = marks[path] = _mark(path, os.lstat, since)
        if found is not None and stat.S_ISLNK(found[0]):
            found = behind[path] = _mark(path, os.stat, since)
        if there is not None and there is not (found is not None):
            raise ValueError(path)
    return marks, behind


def _mark(path: str, look: Callable[[str], os.stat_result], since: int) -> Mark:
    try:
        found = look(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not settled_before(found, since):
        raise ValueError(path)
    return mark(found)


def _moment(folder: str) -> int:
    """Now (ns), by the clock with which files are stamped, or by ours if that is behind."""
    if not os.path.isdir(folder):
        atomic.make_folder(folder)
        with open(os.path.join(folder, ".gitignore"), "w", encoding="ascii") as file:
            file.write("*\n")
    fd = os.open(os.path.join(folder, "clock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.utime(fd)
        return min(time.time_ns(), os.fstat(fd).st_mtime_ns)
    finally:
        os.close(fd)
