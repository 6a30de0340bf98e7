"""The stages of a project as one of its pipeline files sees them: its own, those that it includes, and those of
other files that write what it reads. Everything that is wrong is told at once.

    own file ──► stages ──► deps that none of them writes
                   ▲                    │ a pipeline file in a folder above the dep
      inclusions ──┴── writers ◄────────┘ (and what those read, and so on)
"""

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pivot.config.supply import SetValue, unused_sets
from pivot.core.graph import Graph
from pivot.core.links import upstream_keys
from pivot.define.locate import Inclusion, pipeline_file_in
from pivot.define.reading import Reading, name_prefix, read_pipeline_file
from pivot.define.sources import ImportWatch
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.digest import Digest
from pivot.model.stage import Stage
from pivot.paths import ROOT, ProjectPath, absolute, is_folder, relative_to_root
from pivot.store.root import PIPELINE_FILES

_IMPORTS_PIVOT = re.compile(r"^\s*(?:from|import)\s+pivot\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a pipeline file defines, and what that was read from.

    Attributes:
        stages: its own in the order of the file, then those of other files.
        modules: project module → digest of the text that was executed to define its own stages.
        files: project module → its file.
        read: all files that were read for any of the stages, absolute; also those that were looked for in vain.
        roots: the folders from which code was imported, absolute.
        notices: what a person should know of the files.
    """

    stages: tuple[Stage, ...]
    modules: Mapping[str, Digest]
    files: Mapping[str, str]
    read: tuple[str, ...]
    roots: tuple[str, ...]
    notices: tuple[str, ...] = ()


def define_file(path: str, root: str) -> tuple[Stage, ...]:
    """The stages that a pipeline file defines, and those of other files that they need.

    Args:
        path: of a ``pivot.yaml``, ``pivot.yml`` or ``pipeline.py``, absolute.
        root: of the project, absolute.

    Raises:
        DefinitionErrors: everything that is wrong with the file, its params and the stages' functions.
    """
    return definition(path, root).stages


def definition(path: str, root: str, sets: tuple[SetValue, ...] = ()) -> Definition:
    """As `define_file`, with the files that were read for it.

    Args:
        sets: values of params and config over all that files say.

    Raises:
        DefinitionErrors: as `define_file`; also of values that were set and that no stage has.
    """
    return gather(path, root, sets).definition()


def gather(
    path: str, root: str, sets: tuple[SetValue, ...] = (), watch: ImportWatch | None = None
) -> "Gathered":
    """Read all that a pipeline file and those that it needs say; their code runs here, and nowhere else.

    Args:
        sets: as for `definition`.
        watch: who is told when a module of the project is executed.
    """
    search = _Search(root, path, sets, watch, [])
    own = search.reading(path)
    # by identity: a file is read once, and what it registers twice is for the graph to refuse
    chosen = {id(stage): stage for stage in _included(search, path, own)}
    if not search.errors:
        _add_writers(search, chosen)
    return Gathered(search, own, tuple(chosen.values()))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What pipeline files say, before it is known whether the stages go together.

    Attributes:
        stages: as their own files name them.
    """

    _search: "_Search"
    _own: Reading
    stages: tuple[Stage, ...]

    def definition(self) -> Definition:
        """The stages of a project as the pipeline file sees them.

        Raises:
            DefinitionErrors: all that is wrong with the files, and with the stages together.
        """
        search, own, root = self._search, self._own, self._search.root
        stages = tuple(_seen_from(own, stage) for stage in self.stages)
        errors = [*search.errors, *_overwritten(search, stages)]
        try:
            stages = tuple(Graph(stages).stages)
        except DefinitionErrors as error:
            errors.extend(error.errors)
        names, is_input = [stage.name for stage in stages], own.said.is_workflow
        errors[:0] = unused_sets(search.sets, names, surely=not errors, is_input=is_input)
        if errors:
            raise DefinitionErrors(errors)
        readings = search.readings.values()
        read = dict.fromkeys([*(file for reading in readings for file in reading.read), *search.looked_for])
        roots = dict.fromkeys(absolute(folder, root) for reading in readings for folder in reading.home.roots)
        notices = tuple(notice for reading in readings for notice in reading.said.notices)
        return Definition(stages, own.modules, own.files, tuple(read), tuple(roots), notices)


@dataclass(frozen=True, slots=True)
class _Search:
    """Reads pipeline files, each once.

    Attributes:
        own: the one that is worked with, absolute.
        sets: values over all that they say.
        watch: who is told when their code runs.
        errors: all that is wrong with them.
        looked_for: pipeline files that would have counted, had they been there.
    """

    root: str
    own: str
    sets: tuple[SetValue, ...]
    watch: ImportWatch | None
    errors: list[PivotError]
    readings: dict[str, Reading] = field(default_factory=dict)
    looked_for: list[str] = field(default_factory=list)
    _homes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def reading(self, path: str) -> Reading:
        """A pipeline file as it was read."""
        if path not in self.readings:
            self.readings[path] = read_pipeline_file(
                path, self.root, self.errors, self.sets, self.watch, is_own=path == self.own
            )
        return self.readings[path]

    def above(self, dep: ProjectPath) -> Iterator[Reading]:
        """The other pipeline files in the folders that a path lies in, the nearest first."""
        folder = dep.rstrip("/") if is_folder(dep) else dep.rpartition("/")[0]
        files = self._homes.get(folder)
        return map(self.reading, self._files_above(folder) if files is None else files)

    def _files_above(self, folder: str) -> tuple[str, ...]:
        """The pipeline files in a folder and those above it; each folder is looked into once."""
        found = self._homes.get(folder)
        if found is None:
            above = self._files_above(folder.rpartition("/")[0]) if folder else ()
            found = self._homes[folder] = (*self._file_in(folder), *above)
        return found

    def _file_in(self, folder: str) -> Iterator[str]:
        home = absolute(ProjectPath(folder or ROOT), self.root)
        self.looked_for.extend(os.path.join(home, name) for name in PIPELINE_FILES)
        try:
            path = pipeline_file_in(home)
        except PivotError as error:
            self.errors.append(error)
        else:
            if path is not None and path != self.own and _is_ours(path):
                yield path


def _is_ours(path: str) -> bool:
    """Whether a file that nobody named is a pipeline of Pivot: other tools have a ``pipeline.py`` too."""
    if not path.endswith(".py"):
        return True
    with open(path, encoding="utf-8", errors="replace") as file:
        return _IMPORTS_PIVOT.search(file.read()) is not None


def _included(search: _Search, path: str, own: Reading) -> Iterator[Stage]:
    """A file's own stages, and those of the files that it includes, and so on."""
    yield from own.said.stages
    seen = {path}
    waiting = list(own.said.inclusions)
    while waiting:
        inclusion: Inclusion = waiting.pop(0)
        found = search.reading(inclusion.file)
        names = inclusion.names
        yield from (stage for stage in found.said.stages if names is None or stage.name in names)
        if inclusion.file not in seen:
            seen.add(inclusion.file)
            waiting += found.said.inclusions


def _add_writers(search: _Search, chosen: dict[int, Stage]) -> None:
    """Adds the stages of other files that write what the chosen ones read, and what those read, and so on."""
    here = _Writers()
    of_files: dict[ProjectPath, _Writers] = {}
    here.add(chosen.values())
    waiting = deque(chosen.values())
    while waiting:
        stage = waiting.popleft()
        if stage.depends_on or stage.map:
            named = {id(s): s for s in _named_by(search, stage) if id(s) not in chosen}
            here.add(named.values())
            chosen.update(named)
            waiting += named.values()
        for dep in stage.dep_paths():
            # a folder may hold files of several stages
            if not is_folder(dep) and here.has(dep):
                continue
            for reading in search.above(dep):
                if reading.home.file not in of_files:
                    of_files[reading.home.file] = _Writers()
                    of_files[reading.home.file].add(reading.said.stages)
                new = {id(s): s for s in of_files[reading.home.file].of(dep) if id(s) not in chosen}
                here.add(new.values())
                chosen.update(new)
                waiting += new.values()


def _named_by(search: _Search, stage: Stage) -> Iterator[Stage]:
    """The stages of the files that were read that a stage depends on by name."""
    keys = set(upstream_keys(stage))
    if keys:
        for reading in tuple(search.readings.values()):
            yield from (one for one in reading.said.stages if one.key in keys)


@dataclass(frozen=True, slots=True)
class _Writers:
    """Who writes what, in the order in which they were added.

    Attributes:
        at: path without ``/`` at its end → number and stage of its writers.
        inside: folder → number and stage of those that write something in it.
    """

    at: dict[str, list[tuple[int, Stage]]] = field(default_factory=dict)
    inside: dict[str, list[tuple[int, Stage]]] = field(default_factory=dict)

    def add(self, stages: Iterable[Stage]) -> None:
        """Takes in the outs of some stages."""
        for stage in stages:
            for out in stage.out_paths():
                entry = (len(self.at), stage)
                self.at.setdefault(out.rstrip("/"), []).append(entry)
                for folder in _folders(out):
                    self.inside.setdefault(folder, []).append(entry)

    def has(self, dep: ProjectPath) -> bool:
        """Whether `of` would find any stage."""
        if dep in self.at or dep in self.inside:
            return True
        while "/" in dep:
            dep = ProjectPath(dep.rpartition("/")[0])
            if dep in self.at:
                return True
        return False

    def of(self, dep: ProjectPath) -> list[Stage]:
        """The stages that write a path, the folder it lies in, or something in it."""
        key = dep.rstrip("/")
        found = [
            *self.inside.get(key, ()),
            *(entry for at in (key, *_folders(dep)) for entry in self.at.get(at, ())),
        ]
        return list({id(stage): stage for _, stage in sorted(found, key=lambda entry: entry[0])}.values())


def _folders(path: ProjectPath) -> Iterator[str]:
    """The folders that a path lies in, the innermost first."""
    folder = path.rstrip("/")
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _overwritten(search: _Search, stages: Iterable[Stage]) -> Iterator[PivotError]:
    """An error for each out that would replace what defines the stages, or a file of git's own."""
    said = {file for reading in search.readings.values() for file in reading.settled}
    defining = {relative_to_root(file, search.root) for file in said}
    for stage in stages:
        for out in stage.out_paths():
            met = [file for file in sorted(defining) if f"{file}/".startswith(f"{out.rstrip('/')}/")]
            if met or out.startswith(".git/"):
                what = f"{met[0]}, which defines stages" if met else f"{out}, which is git's own"
                message = f"stage '{stage.name}' would write over {what} ({stage.place})"
                yield DefinitionError(message, "choose another path")


def _seen_from(own: Reading, stage: Stage) -> Stage:
    """A stage under the name that it has in a pipeline file: another one's has its folder in front."""
    if stage.home == own.home.folder:
        return stage
    return replace(stage, name=f"{name_prefix(stage.home)}{stage.name}")
