"""Which stage feeds which: the graph that follows from the paths stages declare."""

import graphlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pivot.core.links import linked
from pivot.errors import DefinitionError, DefinitionErrors
from pivot.model.place import Place
from pivot.model.stage import Stage
from pivot.model.upstream import is_value
from pivot.paths import ProjectPath, is_folder, relative_to_folder

_Problem = tuple[Place, DefinitionError]


@dataclass(frozen=True, slots=True)
class Graph:
    """Stages and their edges; an edge means that one stage reads what another writes, or names it.

    A dep and an out meet if they are the same path, if the dep is a folder that holds the out, or if the out
    is a folder that holds the dep. Folders are told by the ``/`` at their end.

    Attributes:
        stages: in the order of definition.
        order: every stage after all it reads from; ties in the order of definition.
        sources: deps that no stage writes, each once, in the order of definition.

    Raises:
        DefinitionErrors: two stages of one name, outs that are equal or lie in each other, deps on folders as if
            they were files or the other way round, cycles: all at once.
    """

    stages: Sequence[Stage]
    order: tuple[str, ...] = field(init=False)
    sources: tuple[ProjectPath, ...] = field(init=False)
    _by_name: Mapping[str, Stage] = field(init=False, repr=False)
    _outs: "_Outs" = field(init=False, repr=False)
    _upstream: Mapping[str, Mapping[str, tuple[ProjectPath, ...]]] = field(init=False, repr=False)
    _downstream: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problems: list[_Problem] = []
        stages = linked(self.stages, problems)
        by_name = _named(stages, problems)
        outs = _Outs.of(stages, problems)
        problems.extend(problem for stage in stages for problem in _wrong_kinds(stage, outs))
        upstream = {name: _reads(stage, outs) for name, stage in by_name.items()}
        order = _ordered(upstream)
        if len(order) < len(upstream):
            problems.extend(_cycles(upstream, set(order), by_name))
        if problems:
            raise DefinitionErrors(error for _, error in sorted(problems, key=lambda problem: problem[0]))
        downstream: dict[str, list[str]] = {name: [] for name in by_name}
        for name, feeders in upstream.items():
            for feeder in feeders:
                downstream[feeder].append(name)
        deps = dict.fromkeys(path for stage in stages for path in stage.dep_paths())
        object.__setattr__(self, "stages", stages)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "sources", tuple(path for path in deps if not outs.read_by(path)))
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_outs", outs)
        object.__setattr__(self, "_upstream", upstream)
        object.__setattr__(self, "_downstream", {name: tuple(ends) for name, ends in downstream.items()})

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __len__(self) -> int:
        return len(self._by_name)

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    def upstream(self, name: str) -> tuple[str, ...]:
        """The stages whose outs this one reads, in the order of its deps."""
        return tuple(self._upstream[name])

    def downstream(self, name: str) -> tuple[str, ...]:
        """The stages that read an out of this one, in the order of definition."""
        return self._downstream[name]

    def ancestors(self, name: str) -> frozenset[str]:
        """All stages that this one rests on, directly or not."""
        return self.above([name])

    def above(self, names: Iterable[str]) -> frozenset[str]:
        """All stages that any of these rests on, directly or not."""
        return _reach(names, self.upstream)

    def descendants(self, name: str) -> frozenset[str]:
        """All stages that rest on this one, directly or not."""
        return _reach([name], self.downstream)

    def producer(self, path: ProjectPath) -> str | None:
        """The stage that writes this path (or the folder it lies in); ``None`` if it comes from outside.

        For a folder whose content several stages write, the first of them; see `producers`.
        """
        found = self.producers(path)
        return found[0] if found else None

    def producers(self, path: ProjectPath) -> tuple[str, ...]:
        """The stages that write this path, the folder it lies in, or something in it."""
        return tuple(dict.fromkeys(name for name, _ in self._outs.read_by(path)))

    def outs_read(self, path: ProjectPath) -> tuple[ProjectPath, ...]:
        """The outs that a dep on this path reads: the path, the folder it lies in, or what lies in it."""
        return tuple(out for _, out in self._outs.read_by(path))

    def among(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The part of the graph between some stages, in `order`: each with those directly upstream of it."""
        chosen = set(names)
        return {
            name: tuple(feeder for feeder in self._upstream[name] if feeder in chosen)
            for name in self.order
            if name in chosen
        }


@dataclass(frozen=True, slots=True)
class _Outs:
    """Who writes what.

    Attributes:
        makers: an out's key → its stage and its path.
        inside: a folder's key → the keys of the outs that lie somewhere in it.
        answers: of `read_by`: many stages may read one folder with many outs.
    """

    makers: Mapping[str, tuple[Stage, ProjectPath]]
    inside: Mapping[str, Sequence[str]]
    answers: dict[ProjectPath, tuple[tuple[str, ProjectPath], ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, stages: Sequence[Stage], problems: list[_Problem]) -> "_Outs":
        makers: dict[str, tuple[Stage, ProjectPath]] = {}
        inside: dict[str, list[str]] = {}
        told: set[tuple[str, str]] = set()  # of many variants that write one path, one is enough
        for stage in stages:
            for path in stage.out_paths():
                key = _key(path)
                if key in makers:
                    if (key, _entry(stage)) not in told:
                        told.add((key, _entry(stage)))
                        problems.append(_same_out(makers[key][0], stage, path))
                    continue
                makers[key] = (stage, path)
                for folder in _folders(key):
                    inside.setdefault(folder, []).append(key)
        for key, (stage, path) in makers.items():
            holders = [makers[folder] for folder in _folders(key) if folder in makers]
            problems.extend(_nested_out(*holder, stage, path) for holder in holders)
        return cls(makers, inside)

    def read_by(self, dep: ProjectPath) -> tuple[tuple[str, ProjectPath], ...]:
        """The stages and outs that a dep on this path reads."""
        known = self.answers.get(dep)
        if known is None:
            known = self.answers[dep] = tuple(self._look_for(dep))
        return known

    def _look_for(self, dep: ProjectPath) -> list[tuple[str, ProjectPath]]:
        key = _key(dep)
        keys = [key, *_folders(key)]
        found = [self.makers[candidate] for candidate in keys if candidate in self.makers]
        found += [self.makers[inner] for inner in self.inside.get(key, ())]
        return [(stage.name, path) for stage, path in found]


def _key(path: ProjectPath) -> str:
    return path.rstrip("/")


def _folders(key: str) -> Iterator[str]:
    """The folders that a path lies in, innermost first; the last is the project root."""
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key
    if key != ".":
        yield "."


def _named(stages: Sequence[Stage], problems: list[_Problem]) -> dict[str, Stage]:
    by_name: dict[str, Stage] = {}
    for stage in stages:
        first = by_name.setdefault(stage.name, stage)
        if first is not stage:
            message = f"stage '{stage.name}' is defined twice: at {first.place} and at {stage.place}"
            problems.append((stage.place, DefinitionError(message, "rename one of them")))
    return by_name


def _wrong_kinds(stage: Stage, outs: _Outs) -> Iterator[_Problem]:
    """Deps that take a folder for a file, or a file for a folder."""
    for dep in stage.dep_paths():
        for maker, out in outs.read_by(dep):
            same = _key(dep) == _key(out)
            if not is_folder(dep) and (is_folder(out) if same else _key(out).startswith(dep + "/")):
                how, way = f"{dep}, a folder: stage '{maker}' writes {out}", ("write", f"{dep}/")
            elif same and is_folder(dep) and not is_folder(out):
                how, way = f"{dep} as a folder, but stage '{maker}' writes {out} as a file", ("write", out)
            elif not is_folder(out) and dep.startswith(out + "/"):
                how, way = (
                    f"{dep}, but stage '{maker}' writes {out} as a file",
                    ("let it write the folder", f"{out}/"),
                )
            else:
                continue
            hint = f"{way[0]} '{relative_to_folder(ProjectPath(way[1]), stage.folder)}'"
            yield stage.place, DefinitionError(f"stage '{stage.name}' reads {how} ({stage.place})", hint)
            break


def _reads(stage: Stage, outs: _Outs) -> dict[str, tuple[ProjectPath, ...]]:
    feeders: dict[str, dict[ProjectPath, None]] = {}
    for dep in stage.dep_paths():
        for name, path in outs.read_by(dep):
            feeders.setdefault(name, {})[path] = None
    return {name: tuple(paths) for name, paths in feeders.items()}


def _reach(starts: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    seen: set[str] = set()
    front = [name for start in starts for name in step(start)]
    while front:
        name = front.pop()
        if name not in seen:
            seen.add(name)
            front.extend(step(name))
    return frozenset(seen)


def _ordered(upstream: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The topological order, ties as in the mapping; stages in or behind a cycle are left out."""
    names = list(upstream)
    number = {name: index for index, name in enumerate(names)}
    children: dict[str, list[str]] = {name: [] for name in names}
    waiting = dict.fromkeys(names, 0)
    for name, feeders in upstream.items():
        for feeder in feeders:
            children[feeder].append(name)
            waiting[name] += 1
    ready = [number[name] for name in names if not waiting[name]]
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for child in children[name]:
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, number[child])
    return tuple(order)


def _cycles(
    upstream: Mapping[str, Mapping[str, tuple[ProjectPath, ...]]],
    fine: set[str],
    by_name: Mapping[str, Stage],
) -> Iterator[_Problem]:
    """One problem for each cycle that shares no stage with another reported one."""
    left = {
        name: [f for f in feeders if f not in fine] for name, feeders in upstream.items() if name not in fine
    }
    number = {name: index for index, name in enumerate(by_name)}
    while left:
        try:
            graphlib.TopologicalSorter(left).prepare()
        except graphlib.CycleError as error:
            ring: list[str] = error.args[1][:-1]
        else:
            return
        first = min(range(len(ring)), key=lambda index: number[ring[index]])
        ring = ring[first:] + ring[:first]
        ringed = frozenset(ring)
        links = [
            f"'{reader}' {_reading(upstream[reader][writer][0])} '{writer}'"
            for writer, reader in zip(ring, [*ring[1:], ring[0]], strict=True)
        ]
        place = by_name[ring[0]].place
        message = f"stage '{ring[0]}' depends on itself: {', '.join(links)} ({place})"
        yield place, DefinitionError(message, "let one of them read or write another path")
        left = {
            name: [f for f in feeders if f not in ringed]
            for name, feeders in left.items()
            if name not in ringed
        }


def _reading(path: ProjectPath) -> str:
    return "depends on" if is_value(path) else f"reads '{path}' of"


def _same_out(first: Stage, second: Stage, path: ProjectPath) -> _Problem:
    if first is second:
        message = f"stage '{first.name}' writes '{path}' twice ({first.place})"
        return first.place, DefinitionError(message, "give each out its own path")
    of_variants = _same_out_of_variants(first, second, path)
    if of_variants is not None:
        return of_variants
    message = (
        f"stage '{second.name}' ({second.place}) and stage '{first.name}' ({first.place}) both write '{path}'"
    )
    return second.place, DefinitionError(message, "give one of them another path")


def _entry(stage: Stage) -> str:
    """What all variants of a stage have in common."""
    return stage.name.partition("@")[0]


def _same_out_of_variants(first: Stage, second: Stage, path: ProjectPath) -> _Problem | None:
    """The way out where two variants of one entry write one path: a dimension is missing in it."""
    if first.variant is None or second.variant is None or _entry(first) != _entry(second):
        return None
    before = dict(first.variant.values)
    names = [name for name, value in second.variant.values if before.get(name) != value]
    if not names:
        return None
    message = (
        f"stages '{first.name}' and '{second.name}' ({second.place}) both write '{path}': "
        f"{' and '.join(f'${{{name}}}' for name in names)} is missing in the path"
    )
    stem, dot, extension = path.rpartition(".")
    example = f"{stem or extension}_${{{names[0]}}}{dot}{extension if stem else ''}"
    return second.place, DefinitionError(message, f"give each variant a path of its own, e.g. {example}")


def _nested_out(holder: Stage, folder: ProjectPath, stage: Stage, path: ProjectPath) -> _Problem:
    message = (
        f"stage '{stage.name}' ({stage.place}) writes '{path}' inside '{folder}', "
        f"an out of stage '{holder.name}' ({holder.place})"
    )
    return stage.place, DefinitionError(message, "let no out lie inside another one")
