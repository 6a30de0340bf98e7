"""What code changes once it runs: summed up over all that it leads to, each definition but once."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

from pivot.fingerprint.calls import HARMLESS_METHODS, decorates_plainly, draws
from pivot.fingerprint.components import components
from pivot.fingerprint.definition import Definition
from pivot.fingerprint.graph import Edge, Graph
from pivot.fingerprint.resolve import DEFINITION, SURFACE, WHOLE, Node, Target
from pivot.fingerprint.sources import OWN_PACKAGES
from pivot.fingerprint.uses import Use

_HARMLESS_LIBRARIES = frozenset({"logging", "warnings"})


@dataclass(frozen=True, slots=True)
class Changes:
    """What running one statement may change.

    Attributes:
        nodes: definitions of the project whose value may be another afterwards.
        free: whether it may change something outside the project's names (a library's options, a seed).
        importing: definitions it sets going that import modules in their bodies.
        named: strings that may be the names of modules, where it imports modules by computed names.
        draws: whether it may take a random number from a source that others share.
        makes: whether it makes a class by a call.
        lists: whether it asks a class for its subclasses.
        heirs: of a class with bases in the project: what may be another once somebody finds it among the subclasses.
        documents: whether nothing but docstrings is changed, which only those see who look at them.
    """

    nodes: frozenset[Node] = frozenset()
    free: bool = False
    importing: tuple[Node, ...] = ()
    named: frozenset[str] = frozenset()
    draws: bool = False
    makes: bool = False
    lists: bool = False
    heirs: frozenset[Node] = frozenset()
    documents: bool = False

    @property
    def nothing(self) -> bool:
        """Whether it changes nothing at all."""
        acts = self.nodes or self.free or self.importing or self.named
        return not (acts or self.draws or self.makes or self.lists)


class _Trait(IntFlag):
    """What some code, or anything it leads to, is or does."""

    FREE = 1  # changes something in a library
    DRAWS = 2
    LISTS = 4
    NAMES = 8  # imports modules by computed names
    IMPORTS = 16  # in its body
    READS = 32  # reading it changes something
    CLASS = 64
    MAKES = 128  # a class, when it runs


@dataclass(slots=True)
class _Sum:
    """Traits, and the changed definitions as bits: unions of many large sets are cheap that way."""

    traits: int = 0
    changed: int = 0


class Effects:
    """What code may change once it runs: every changeable value it can see, and what it sets outright."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._sums: dict[bool, dict[Node, _Sum]] = {False: {}, True: {}}
        self._bits: dict[Node, int] = {}
        self._nodes: list[Node] = []
        self._by_starts: dict[tuple[tuple[Node, ...], bool], Changes] = {}

    def of(self, starts: tuple[Node, ...], *, called: bool) -> Changes:
        """What some definitions may change, by being called or only by being built on (as bases are)."""
        if (starts, called) not in self._by_starts:
            self._by_starts[starts, called] = self._changes(starts, called=called)
        return self._by_starts[starts, called]

    def read_acts(self, node: Node) -> bool:
        """Whether reading from what `node` leads to may change something."""
        return bool(self._sum(node, called=False).traits & _Trait.READS)

    def holds_object(self, node: Node) -> bool:
        """Whether a name may hold something whose class decides what storing an attribute does."""
        is_code = self._graph.kind(node) in ("func", "class")
        return not is_code and bool(self._sum(node, called=False).traits & _Trait.CLASS)

    def _changes(self, starts: tuple[Node, ...], *, called: bool) -> Changes:
        whole = _united(self._sum(node, called=called) for node in starts)
        importing: list[Node] = []
        words: set[str] = set()
        if whole.traits & (_Trait.IMPORTS | _Trait.NAMES):
            for node in self._graph.closure(starts):
                definition = self._graph.definition(node) if node.role != SURFACE else None
                if definition is not None:
                    words.update(definition.words)
                    if any(not item.now for item in definition.imports):
                        importing.append(node)
        return Changes(
            frozenset(self._decoded(whole.changed)),
            bool(whole.traits & _Trait.FREE),
            tuple(importing),
            frozenset(words if called and whole.traits & _Trait.NAMES else ()),
            bool(whole.traits & _Trait.DRAWS),
            makes=called and bool(whole.traits & _Trait.MAKES),
            lists=bool(whole.traits & _Trait.LISTS),
        )

    def _sum(self, node: Node, *, called: bool) -> _Sum:
        done = self._sums[called]
        if node not in done:
            for component in components(node, self._graph.successors, done):
                beyond = (done[n] for one in component for n in self._graph.successors(one) if n in done)
                own = (self._own(one, called=called) for one in component)
                whole = _united([*own, *beyond])
                done.update(dict.fromkeys(component, whole))
        return done[node]

    def _own(self, node: Node, *, called: bool) -> _Sum:
        definition = self._graph.definition(node)
        if definition is None:
            # whoever holds a module can set its names
            held = self._graph.everything_in(node.module) if node.role == WHOLE else ()
            return _Sum(0, self._encoded(held))
        traits = _Trait.READS if "reading-acts" in definition.marks else 0
        traits |= _Trait.CLASS if definition.kind == "class" else 0
        if node.role == SURFACE:
            return _Sum(traits)
        found: set[Node] = set()
        if definition.kind == "value" and not definition.constant and "logger" not in definition.marks:
            found.add(node)
        if called and ("remembers" in definition.marks or self._is_given_memory(node, definition)):
            found.add(node)
        if called and definition.has_body and self._draws_later(node):
            traits |= _Trait.DRAWS
        if called and "sets-borrowed" in definition.marks:
            traits |= _Trait.FREE
        traits |= _Trait.MAKES if "makes-class" in definition.marks else 0
        traits |= _Trait.LISTS if "__subclasses__" in definition.marks else 0
        traits |= _Trait.NAMES if "imports-names" in definition.marks else 0
        traits |= _Trait.IMPORTS if any(not item.now for item in definition.imports) else 0
        for edge in self._graph.edges(node):
            if not edge.uses & (Use.ACT | Use.REBIND | Use.PASS) or edge.uses & Use.DECORATE:
                continue
            for target in edge.targets:
                if target.node is not None:
                    found |= self._set_by(edge, target.node)
                elif edge.uses & (Use.ACT | Use.REBIND) and not edge.uses & Use.NOW:
                    traits |= _Trait.FREE if disturbs_library(target) else 0
        return _Sum(traits, self._encoded(found))

    def _encoded(self, nodes: Iterable[Node]) -> int:
        mask = 0
        for node in nodes:
            if node not in self._bits:
                self._bits[node] = len(self._nodes)
                self._nodes.append(node)
            mask |= 1 << self._bits[node]
        return mask

    def _decoded(self, mask: int) -> Iterable[Node]:
        while mask:
            lowest = mask & -mask
            yield self._nodes[lowest.bit_length() - 1]
            mask ^= lowest

    def _draws_later(self, node: Node) -> bool:
        """Whether a function takes a random number from a source that others share."""
        both = Use.CALL | Use.LATER
        edges = (edge for edge in self._graph.edges(node) if edge.uses & both == both)
        return any(draws(t.library) for edge in edges for t in edge.targets)

    def _is_given_memory(self, node: Node, definition: Definition) -> bool:
        """Whether a decorator may have put a memory around a function."""
        if definition.kind != "func":
            return False
        for edge in self._graph.edges(node):
            for target in edge.targets if edge.uses & Use.DECORATE else ():
                if target.node is None:
                    if not decorates_plainly(target.library):
                        return True
                    continue
                decorator = self._graph.definition(target.node)
                if decorator is not None and (decorator.kind != "func" or "keeps" in decorator.marks):
                    return not is_declaration(self._graph, edge)
        return False

    def _set_by(self, edge: Edge, node: Node) -> set[Node]:
        if node.role == WHOLE:
            sets = edge.uses & (Use.ACT | Use.REBIND)
            return {node, *self._graph.everything_in(node.module)} if sets else {node}
        definition = self._graph.definition(node)
        if definition is None or node.role != DEFINITION:
            return set()
        if definition.constant and not edge.uses & Use.REBIND:
            return set()
        called_for_effect = (
            definition.kind in ("func", "class") and edge.uses & Use.CALL and edge.uses & Use.ACT
        )
        return set() if called_for_effect and not edge.uses & (Use.REBIND | Use.PASS) else {node}


def is_declaration(graph: Graph, edge: Edge) -> bool:
    """Whether all the edge leads to was made by Pivot: ``pipeline.register(train)`` declares."""
    for target in edge.targets:
        if target.node is None:
            if target.library.partition(".")[0] not in OWN_PACKAGES:
                return False
        else:
            definition = graph.definition(target.node)
            if definition is None or not definition.declares:
                return False
    return bool(edge.targets)


def disturbs_library(target: Target) -> bool:
    """Whether a use of a library's name that acts may change what others see of the library."""
    top, _, rest = target.library.partition(".")
    return top not in OWN_PACKAGES and not (
        top in _HARMLESS_LIBRARIES and rest.rpartition(".")[2] in {*HARMLESS_METHODS, "warn", "getLogger"}
    )


def _united(sums: Iterable[_Sum]) -> _Sum:
    whole = _Sum()
    for each in sums:
        whole.traits |= each.traits
        whole.changed |= each.changed
    return whole
