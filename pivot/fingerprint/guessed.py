"""Modules that an import by a computed name may mean: those whose names stand as strings in reach."""

from collections.abc import Iterable

from pivot.fingerprint.graph import Graph
from pivot.fingerprint.resolve import COMPILED, DEFINITION, WHOLE, Node
from pivot.fingerprint.sources import Origin, Sources
from pivot.fingerprint.weak import HEADER, weakened

_GUESSING = frozenset({"imports-names", "imports-inside", "looks-up-modules"})
_ROLES = {Origin.PROJECT: WHOLE, Origin.COMPILED: COMPILED}


def modules_named(nodes: Iterable[Node], graph: Graph) -> list[Node]:
    """The project modules that strings in some code name, if any of that code imports by a computed name.

    They are weak if only weak code does.
    """
    words: set[str] = set()
    early = late = inside = False
    for node in nodes:
        definition = graph.definition(node) if node.role in (DEFINITION, HEADER) else None
        if definition is not None:
            words.update(definition.words)
            late = late or (node.role == DEFINITION and not _GUESSING.isdisjoint(definition.marks))
            early = early or not _GUESSING.isdisjoint(definition.early_marks)
            inside = inside or "imports-inside" in definition.marks
    if not (early or late):
        return []
    sources = graph.resolver.sources
    if inside:
        words |= {name for word in modules_of_words(words, sources) for name in sources.submodules(word)}
    found = [Node(w, -1, _ROLES[sources.locate(w).origin]) for w in modules_of_words(words, sources)]
    return found if late else [weakened(node) for node in found]


def modules_of_words(words: Iterable[str], sources: Sources) -> list[str]:
    """Those words that are names of project modules, sorted."""
    return [word for word in sorted(words) if sources.locate(word).origin in _ROLES]
