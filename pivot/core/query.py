"""Questions to the graph: which stages a person means, and the graph as it is best drawn."""

import posixpath
from collections.abc import Sequence
from fnmatch import fnmatchcase

from pivot.core.graph import Graph
from pivot.errors import UsageError
from pivot.model.stage import Stage
from pivot.paths import ROOT, ProjectPath

_MOST_GUESSES = 10
"""Unknown targets for which a name like theirs is looked for: each is compared with all there are."""


def select(
    graph: Graph, targets: Sequence[str], single: bool = False, here: ProjectPath = ROOT
) -> tuple[str, ...]:
    """The stages that some targets stand for, with all that they rest on, in the graph's order.

    Args:
        graph: all stages.
        targets: names of stages, the part of a variant's name before ``@``, globs over names, paths of outs, or
            globs over those; none means every stage. The folder before a ``:`` may be left out where no stage has
            the bare name, and be said where it is not needed.
        single: leave out what they rest on.
        here: the folder in which the targets are written; paths begin there or, failing that, at the root.

    Raises:
        UsageError: targets that match nothing, all in one error.
    """
    if not targets:
        return graph.order
    meant: set[str] = set()
    unknown: list[str] = []
    for target in targets:
        found = _matches(graph, target, here)
        if not found:
            unknown.append(target)
        meant.update(found)
    if unknown:
        raise _unknown(graph, unknown)
    if not single:
        meant |= graph.above(meant)
    return tuple(name for name in graph.order if name in meant)


def layers(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The stages in ranks: as deep as the longest chain, but sources just above their readers."""
    import networkx as nx  # lazy: start-up time

    edges = ((feeder, name) for name in graph.order for feeder in graph.upstream(name))
    digraph: nx.DiGraph[str] = nx.DiGraph(edges)
    digraph.add_nodes_from(graph.order)
    generations = nx.topological_generations(digraph)
    rank = {name: depth for depth, names in enumerate(generations) for name in names}
    for name in graph.order:
        if not graph.upstream(name) and graph.downstream(name):
            rank[name] = min(rank[reader] for reader in graph.downstream(name)) - 1
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name in graph.order:
        rows[rank[name]].append(name)
    return tuple(map(tuple, rows))


def essential_edges(graph: Graph) -> tuple[tuple[str, str], ...]:
    """The edges (upstream, downstream) that no longer way already tells, in the graph's order.

    The transitive reduction. That of networkx walks the whole rest of the graph for each stage: 40 s for a chain of
    10,000.
    """
    number = {name: index for index, name in enumerate(graph.order)}
    readers = {name: len(graph.downstream(name)) for name in graph.order}
    above: dict[str, int] = {}  # all that a stage rests on, a bit for each: ten thousand make a kilobyte
    kept: list[tuple[str, str]] = []
    for name in graph.order:
        feeders = graph.upstream(name)
        told = 0
        for feeder in feeders:
            told |= above[feeder]
        kept += ((feeder, name) for feeder in feeders if not told >> number[feeder] & 1)
        for feeder in feeders:
            told |= 1 << number[feeder]
            readers[feeder] -= 1
            if not readers[feeder]:
                del above[feeder]
        above[name] = told
    return tuple(sorted(kept, key=lambda edge: (number[edge[0]], number[edge[1]])))


def _matches(graph: Graph, target: str, here: ProjectPath) -> list[str]:
    if target in graph:
        return [target]
    paths = list(dict.fromkeys(_path(base, target) for base in (here, ROOT)))
    for path in paths:
        if graph.producer(path) is not None:
            return list(graph.producers(path))
    for name_of in (_name, _full_name, _bare_name):
        found = [stage.name for stage in graph.stages if target in _with_base(name_of(stage))]
        if found:
            return found
    return [*_fitting(graph, target), *next(filter(None, (_making(graph, path) for path in paths)), [])]


def _path(base: ProjectPath, target: str) -> ProjectPath:
    return ProjectPath(posixpath.normpath(posixpath.join(base, target)) if target else target)


def _fitting(graph: Graph, pattern: str) -> list[str]:
    """The stages whose names fit a glob."""
    stages = graph.stages
    return [s.name for s in stages if any(fnmatchcase(name, pattern) for name in (s.name, _full_name(s)))]


def _making(graph: Graph, pattern: str) -> list[str]:
    """The stages of which an out's path fits a glob."""
    return [
        stage.name
        for stage in graph.stages
        if any(fnmatchcase(out.rstrip("/"), pattern) for out in stage.out_paths())
    ]


def _name(stage: Stage) -> str:
    return stage.name


def _full_name(stage: Stage) -> str:
    """With the folder in front, also for a stage of the file that is looked at."""
    return stage.key if ":" in stage.key else f":{stage.key}"


def _bare_name(stage: Stage) -> str:
    return stage.name.rpartition(":")[2]


def _with_base(name: str) -> tuple[str, str]:
    """A name, and what it has in common with all other variants."""
    return name, name.partition("@")[0]


def _unknown(graph: Graph, targets: Sequence[str]) -> UsageError:
    import difflib

    known = list(graph.order)
    if not known:
        return UsageError(f"no stage {_quoted(targets)}: no stages are defined")
    words = [*known, *(path for stage in graph.stages for path in stage.out_paths())]
    close = [
        near for target in targets[:_MOST_GUESSES] for near in difflib.get_close_matches(target, words, n=1)
    ]
    listed = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
    guess = f"did you mean {_quoted(list(dict.fromkeys(close)))}? " if close else ""
    return UsageError(f"no stage or out is called {_quoted(targets)}", f"{guess}stages are: {listed}")


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def select_one(graph: Graph, target: str, here: ProjectPath) -> str:
    """The one stage that a target stands for.

    Raises:
        UsageError: as of `select`, or it stands for several.
    """
    found = select(graph, [target], True, here)
    if len(found) > 1:
        raise UsageError(f"'{target}' stands for {len(found)} stages", f"say which: {', '.join(found)}")
    return found[0]
