"""The statements of one module that some of its names need: what they reach, and what acts on any of that.

A module of a project is imported whole. A notebook is not: its module holds only what its stages need, and this says
what that is.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from pivot.fingerprint.changes import Changers
from pivot.fingerprint.effects import Changes
from pivot.fingerprint.executed import Executed
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.guessed import modules_of_words
from pivot.fingerprint.index import IndexCache
from pivot.fingerprint.reach import Reach, Reacher
from pivot.fingerprint.resolve import DEFINITION, Node, Resolver, Target, nodes_of
from pivot.fingerprint.sources import Sources
from pivot.fingerprint.uses import Use

_SEEDING = re.compile(r"(set_|manual_)?(random_)?seed(_all|_everything)?")
_SETTING = re.compile(
    r"(re)?set.*|use(_.*)?|rc|register.*|(en|dis)able.*|add_.*|update|basicConfig|filterwarnings|simplefilter"
)
"""Functions of libraries that set what others see later, by the names that libraries give them."""


class ImportTime:
    """One module of a snapshot, of which each statement may be left out.

    Args:
        module: its name.
        idle: first lines of top-level statements that act on nothing that counts.
        confined: first lines of values that only the statements that name them can change.
    """

    def __init__(
        self,
        module: str,
        sources: Sources,
        cache: IndexCache | None = None,
        *,
        idle: Iterable[int] = (),
        confined: Iterable[int] = (),
    ) -> None:
        self._module = module
        self._graph = Graph(Resolver(sources, cache))
        self._changers = _OfStatements(self._graph, module, frozenset(idle), frozenset(confined))

    def lines(self, names: Iterable[str]) -> frozenset[int]:
        """The first lines (from 1, decorators included) of the top-level statements that `names` need.

        Bodies count whole, also of what is reached through acting statements only. A statement that may have an
        effect outside of the project, and no other, is left out.

        Raises:
            CodeError: a module in reach is not Python.
        """
        resolver = self._graph.resolver
        targets = [t for name in names for t in resolver.name(self._module, [name]) or ()]
        roots = nodes_of(targets)
        if not roots:
            return frozenset()
        whole = self._whole(roots)
        this = self._graph.known(self._module).index.definitions
        own = {n.number for n in whole.nodes if n.module == self._module and self._graph.definition(n)}
        own |= self._imports_of(own)
        own |= self._effects(whole)
        return frozenset(this[number].start for number in own)

    def _whole(self, roots: tuple[Node, ...]) -> Reach:
        """All that could run; what sets a library counts if anything in reach uses that."""
        libraries = frozenset({"builtins"})
        while True:
            self._changers.look_at(libraries)
            reacher = Reacher(self._graph, self._changers)
            whole = reacher.complete(reacher.grow(self._module, roots, ()))
            targets = (t for node in whole.nodes for edge in self._graph.edges(node) for t in edge.targets)
            found = libraries.union(t.library.partition(".")[0] for t in targets if t.node is None)
            if found == libraries or not self._has_free:
                return whole
            libraries = found

    @cached_property
    def _has_free(self) -> bool:
        """Whether any statement may have an effect outside of the project."""
        return any(Changers.of(self._changers, n).free for n in self._graph.everything_in(self._module))

    def _imports_of(self, numbers: Iterable[int]) -> set[int]:
        """The imports that bind names that some statements use, where the names have several meanings."""
        known = self._graph.known(self._module)
        loads = (load for n in numbers for load in known.index.definitions[n].loads if not load.source)
        names = {load.chain.partition(".")[0] for load in loads}
        found: set[int] = set()
        for name in names:
            numbers = self._graph.resolver.bindings(self._module, name)
            meanings = [
                item.source
                for n in numbers
                for item in known.index.definitions[n].imports
                if item.name == name
            ]
            if len(meanings) < len(numbers) or len(set(meanings)) > 1:
                found.update(n for n in numbers if known.index.definitions[n].kind == "import")
        return found

    def _effects(self, whole: Reach) -> set[int]:
        """The imports of modules whose own statements act on what is reached."""
        acting = {node.module for node in whole.changers} - {self._module}
        reached = {node.module for node in whole.nodes} - {self._module}
        found: set[int] = set()
        for number, definition in enumerate(self._graph.known(self._module).index.definitions):
            for item in definition.imports:
                modules = self._graph.resolver.executed_by(self._module, item) if item.now else ()
                if item.name == "*" and not reached.isdisjoint(modules):
                    found.add(number)
            executed = Executed(self._graph.resolver)
            for name in self._imported_by(number):
                executed.run(name)
            if not acting.isdisjoint(executed.modules):
                found.add(number)
        return found

    def _imported_by(self, number: int) -> Iterator[str]:
        """The project modules that a statement may import, also through what it calls and by computed names."""
        resolver = self._graph.resolver
        node = Node(self._module, number, DEFINITION)
        definition = self._graph.known(self._module).index.definitions[number]
        for item in definition.imports:
            if item.now:
                yield from resolver.executed_by(self._module, item)
        changes = self._changers.of(node)
        for other in changes.importing:
            called = self._graph.definition(other)
            for item in called.imports if called is not None else ():
                yield from resolver.executed_by(other.module, item)
        yield from modules_of_words(set(changes.named), resolver.sources)


class _OfStatements(Changers):
    """What statements change; those of one module only where it concerns the project, or libraries in reach."""

    def __init__(self, graph: Graph, module: str, idle: frozenset[int], confined: frozenset[int]) -> None:
        super().__init__(graph)
        self._nodes = graph
        self._module = module
        self._idle = idle
        self._confined = confined
        self._named: dict[Node, Changes] = {}
        self._libraries: frozenset[str] = frozenset()
        self._setting: dict[Node, bool] = {}

    def look_at(self, libraries: frozenset[str]) -> None:
        """From now on what sets one of these libraries counts."""
        self._libraries = libraries
        self._setting.clear()

    def of(self, node: Node) -> Changes:
        if node.module != self._module:
            return super().of(node)
        if node not in self._named:
            self._named[node] = self._by_name(node, super().of(node))
        changes = self._named[node]
        definition = self._nodes.definition(node)
        if definition is None or definition.start in self._idle:
            return Changes()
        if not changes.free or definition.kind == "import" or "imports-names" in definition.early_marks:
            return changes
        if node not in self._setting:
            self._setting[node] = self._sets_library(node)
        return changes if self._setting[node] else replace(changes, free=False)

    def _by_name(self, node: Node, changes: Changes) -> Changes:
        """Changes without the confined values that the statement itself does not change."""
        kept = {other for other in changes.nodes if not self._is_confined(other)}
        if len(kept) < len(changes.nodes):
            edges = (edge for edge in self._nodes.edges(node) if edge.uses & Use.NOW)
            acted = (e for e in edges if e.uses & (Use.ACT | Use.REBIND | Use.CALL))
            kept |= changes.nodes.intersection(t.node for edge in acted for t in edge.targets if t.node)
            return replace(changes, nodes=frozenset(kept))
        return changes

    def _is_confined(self, node: Node) -> bool:
        definition = self._nodes.definition(node) if node.module == self._module else None
        return definition is not None and definition.start in self._confined

    def _sets_library(self, node: Node) -> bool:
        """Whether a statement seeds random numbers, or sets something in a library that is in reach."""
        for other in self._nodes.closure([node]):
            definition = self._nodes.definition(other)
            borrows = definition is not None and "sets-borrowed" in definition.marks
            for edge in self._nodes.edges(other):
                if not edge.uses & (Use.ACT | Use.REBIND | Use.CALL | Use.PASS):
                    continue
                for target in edge.targets:
                    words = target.library.split(".") if target.node is None else list(target.rest)
                    sets = bool(edge.uses & (Use.ACT | Use.REBIND)) and not edge.uses & Use.CALL
                    if words[:2] == ["sys", "modules"] or _SEEDING.fullmatch(words[-1] if words else ""):
                        return True
                    lends = borrows and target.node is None and bool(edge.uses & Use.CALL)
                    if sets or lends or (words and _SETTING.fullmatch(words[-1])):
                        tops = self._tops(target)
                        if not tops.isdisjoint(self._libraries):
                            return True
        return False

    def _tops(self, target: Target) -> set[str]:
        if target.node is None:
            return {target.library.partition(".")[0]}
        edges = (edge for other in self._nodes.closure([target.node]) for edge in self._nodes.edges(other))
        return {t.library.partition(".")[0] for edge in edges for t in edge.targets if t.node is None}
