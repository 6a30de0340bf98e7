"""The statements of one module that some of its names need: what they reach, and what acts on any of that.

A module of a project is imported whole. A notebook is not: its module holds only what its stages need, and this says
what that is.
"""

from collections.abc import Iterable
from dataclasses import replace

from pivot.fingerprint.calls import draws
from pivot.fingerprint.changes import Changers, Changes
from pivot.fingerprint.executed import Executed
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.index import IndexCache
from pivot.fingerprint.reach import Reach, Reacher
from pivot.fingerprint.resolve import DEFINITION, Node, Resolver, nodes_of
from pivot.fingerprint.sources import Sources


class ImportTime:
    """One module of a snapshot, of which each statement may be left out.

    Args:
        module: its name.
        idle: first lines of top-level statements that act on nothing that counts.
    """

    def __init__(
        self, module: str, sources: Sources, cache: IndexCache | None = None, idle: Iterable[int] = ()
    ) -> None:
        self._module = module
        self._graph = Graph(Resolver(sources, cache))
        self._changers = _OfStatements(self._graph, module, frozenset(idle))
        self._reacher = Reacher(self._graph, self._changers)

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
        whole = self._reacher.complete(self._reacher.grow(self._module, roots, ()))
        this = self._graph.known(self._module).index.definitions
        own = {node.number for node in whole.nodes if node.module == self._module and node.number >= 0}
        own |= self._imports_of(own)
        own |= self._effects(whole)
        return frozenset(this[number].start for number in own)

    def _imports_of(self, numbers: Iterable[int]) -> set[int]:
        """The imports that bind the names that some statements use."""
        known = self._graph.known(self._module)
        loads = (load for n in numbers for load in known.index.definitions[n].loads if not load.source)
        names = {load.chain.partition(".")[0] for load in loads}
        found = {n for name in names for n in self._graph.resolver.bindings(self._module, name)}
        return {n for n in found if known.index.definitions[n].kind == "import"}

    def _effects(self, whole: Reach) -> set[int]:
        """The imports of modules whose own statements act on what is reached."""
        acting = {node.module for node in whole.changers} - {self._module}
        reached = {node.module for node in whole.nodes} - {self._module}
        found: set[int] = set()
        for number, definition in enumerate(self._graph.known(self._module).index.definitions):
            for item in definition.imports:
                if not item.now:
                    continue
                modules = self._graph.resolver.executed_by(self._module, item)
                executed = Executed(self._graph.resolver)
                for name in modules:
                    executed.run(name)
                if not acting.isdisjoint(executed.modules) or (
                    item.name == "*" and not reached.isdisjoint(modules)
                ):
                    found.add(number)
        return found


class _OfStatements(Changers):
    """What statements change, those of one module only where it concerns the project."""

    def __init__(self, graph: Graph, module: str, idle: frozenset[int]) -> None:
        super().__init__(graph)
        self._module = module
        self._idle = idle

    def of(self, node: Node) -> Changes:
        changes = super().of(node)
        if node.module != self._module:
            return changes
        definition = self._graph.definition(node)
        if definition is not None and definition.start in self._idle:
            return Changes()
        return replace(changes, free=False) if changes.free else changes
