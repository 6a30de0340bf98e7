"""The face of this package: the fingerprint of a stage function.

source text → `index` (definitions of one file) → `resolve` (names → definitions) → `graph` → `merkle` (hash)
            ↘ `executed` (modules that run) → `changes` (statements that act on what is reached) ↗
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from pivot.errors import CodeError
from pivot.fingerprint.changes import Changers
from pivot.fingerprint.executed import Executed
from pivot.fingerprint.graph import COMPILED, DEFINITION, SELF, SURFACE, WHOLE, Graph, Node, Target
from pivot.fingerprint.index import IndexCache
from pivot.fingerprint.merkle import Hashes
from pivot.fingerprint.packages import Packages
from pivot.fingerprint.parts import code_part, order_part, package_parts, sort_parts
from pivot.fingerprint.resolve import Resolver, unexplained
from pivot.fingerprint.scan import Use
from pivot.fingerprint.sources import OWN_PACKAGES, Origin, Sources
from pivot.model.digest import digest_parts
from pivot.model.fingerprint import Fingerprint, Part
from pivot.model.stage import ObjectRef

_LOOKS_AT_DEFINITIONS = frozenset(
    {"__doc__", "__annotations__", "get_type_hints", "signature", "getdoc", "getsource", "getfullargspec"}
    | {"get_annotations"}
)


_READS_SOURCE = frozenset({"getsource", "getsourcelines"})


def fingerprint_stage(function: ObjectRef, sources: Sources, cache: IndexCache | None = None) -> Fingerprint:
    """The fingerprint of one stage function; several of one snapshot are cheaper through a `Fingerprinter`.

    Raises:
        CodeError: a module in reach is not Python, the function is not there, or nothing explains a name.
    """
    return Fingerprinter(sources, cache).stage(function)


class Fingerprinter:
    """Fingerprints the stages of one snapshot of sources; what they share is worked out once.

    Args:
        sources: the snapshot; make a new one (and a new Fingerprinter) when files may have changed.
        cache: keeps the indexes of files from one process to the next.
    """

    def __init__(self, sources: Sources, cache: IndexCache | None = None) -> None:
        self._resolver = Resolver(sources, cache)
        self._graph = Graph(self._resolver)
        self._hashes = Hashes(self._graph)
        self._changers = Changers(self._graph)
        self._packages = Packages(sources.library_folders)

    def stage(self, function: ObjectRef) -> Fingerprint:
        """The fingerprint of a stage function.

        Raises:
            CodeError: a module in reach is not Python, the function is not there, or nothing explains a name.
        """
        targets = self._find(function)
        loaders, models = self._declared(targets)
        reach = _Reach(_nodes(targets), (*loaders, *models))
        reach.add(self._graph.closure([*reach.roots, *reach.declared]))
        reached = list(reach.nodes)
        executed = self._executed(function.module, reach)
        self._check_names(reached, executed, function)
        order = self._order(executed, reach)
        packages = self._packages_in(reach.nodes)
        texts = self._texts_read_back(executed, reach)
        digest = digest_parts(
            [
                "fingerprint-1",
                *self._hashes.of_targets(targets),
                "declared",
                *sorted(self._hashes.of(node) for node in reach.declared),
                "changers",
                *sorted(self._hashes.of(node) for node in reach.changers),
                "order",
                *order,
                "texts",
                *texts,
                "packages",
                *(f"{part.name} {part.detail}" for part in packages),
            ]
        )
        if texts:
            order = [*order, *texts]
        parts = [*self._parts(reach, frozenset(loaders)), *packages]
        wiring = [*order, *self._choices(reach)]
        if wiring:
            parts.append(order_part(wiring))
        modules = tuple(self._graph.known(name).text for name in sorted(executed.modules))
        return Fingerprint(digest, sort_parts(parts), modules, self._libraries(executed, reach))

    def libraries(self, modules: Iterable[str]) -> tuple[str, ...]:
        """Top-level libraries that importing some project modules imports: what a fork server should preload."""
        executed = Executed(self._resolver)
        for name in modules:
            executed.run(name)
        return self._libraries(executed, _Reach((), ()))

    def _find(self, function: ObjectRef) -> tuple[Target, ...]:
        if self._resolver.module(function.module) is None:
            hint = "check the name in pivot.yaml, and that its folder is the project's"
            raise CodeError(f"stage function {function}: there is no module {function.module!r}", hint)
        targets = self._resolver.name(function.module, function.qualname.split("."))
        if not _nodes(targets or ()):
            place = self._graph.known(function.module).text.place
            raise CodeError(
                f"{place}: there is no function {function.qualname!r} in module {function.module!r}",
                "check the name, or add the function to the file",
            )
        return targets or ()

    def _declared(self, targets: tuple[Target, ...]) -> tuple[list[Node], list[Node]]:
        """Code that a stage's annotations name: loader and output classes, and models of parameters."""
        loaders: dict[Node, None] = {}
        models: dict[Node, None] = {}
        for node in _nodes(targets):
            definition = self._graph.definition(node)
            if definition is None or definition.kind != "func":
                continue
            for _, names in definition.parameters:
                models.update(dict.fromkeys(self._classes(node.module, names)))
            words = [*definition.returns, *definition.declared]
            words += [name for _, names in definition.parameters for name in names]
            loaders.update(dict.fromkeys(self._loaders(node.module, words)))
        return list(loaders), [node for node in models if node not in loaders]

    def _classes(self, module: str, names: Iterable[str]) -> list[Node]:
        found = [t.node for name in names for t in self._resolver.name(module, name.split(".")) or ()]
        return [n for n in found if n is not None and self._kind(n) == "class"]

    def _loaders(self, module: str, names: Iterable[str]) -> list[Node]:
        """Project classes in annotations that extend one of Pivot's own words, found through aliases too."""
        starts = [t.node for name in names for t in self._resolver.name(module, name.split(".")) or ()]
        aliases = [n for n in starts if n is not None and n.role == DEFINITION]
        return [
            node
            for node in self._graph.closure(aliases)
            if self._kind(node) == "class"
            and any(base.partition(".")[0] in OWN_PACKAGES for base in self._graph.library_bases(node))
            and not any(base.endswith(".StageParams") for base in self._graph.library_bases(node))
        ]

    def _kind(self, node: Node) -> str:
        definition = self._graph.definition(node) if node.role == DEFINITION else None
        return definition.kind if definition is not None else node.role

    def _check_names(self, nodes: Iterable[Node], executed: Executed, function: ObjectRef) -> None:
        injected = self._set_from_outside(executed)
        problems = [
            (name, self._graph.known(node.module).text.place, line)
            for node in nodes
            for name, line in self._graph.open_names(node)
            if name.partition(".")[0] not in injected
        ]
        if problems:
            raise unexplained(sorted(set(problems), key=lambda p: (p[1], p[2], p[0])), str(function))

    def _set_from_outside(self, executed: Executed) -> set[str]:
        """Names that some statement sets as an attribute: of a module, perhaps, or of ``builtins``."""
        definitions = (self._graph.definition(node) for node in executed.statements)
        return {
            load.chain.rpartition(".")[2]
            for definition in definitions
            if definition is not None
            for load in definition.loads
            if load.uses & Use.REBIND and "." in load.chain
        }

    def _executed(self, module: str, reach: "_Reach") -> Executed:
        """Runs the imports in thought and adds to the reach what statements change, until nothing is new."""
        executed = Executed(self._resolver)
        executed.run(module)
        seen = 0
        while True:
            for node in list(reach.nodes)[seen:]:
                definition = self._graph.definition(node)
                if node.module not in executed.modules:
                    executed.run(node.module)
                if definition is not None and node.role == DEFINITION:
                    executed.run_later(node.module, definition.imports)
                elif node.role == WHOLE:
                    executed.run(node.module)
            seen = len(reach.nodes)
            self._add_changers(executed, reach)
            self._add_string_names(reach)
            self._add_surfaces(reach)
            if len(reach.nodes) == seen:
                return executed

    def _add_changers(self, executed: Executed, reach: "_Reach") -> None:
        subclasses = any("__subclasses__" in self._marks(node) for node in reach.nodes)
        for node in executed.statements:
            if node in reach.nodes:
                continue
            changes = self._changers.of(node)
            acts = changes.free or any(changed in reach.nodes for changed in changes.nodes)
            if not acts and subclasses and self._kind(node) == "class":
                acts = any(ancestor in reach.nodes for ancestor in self._graph.ancestors(node))
            if acts:
                self._join(reach, node)

    def _join(self, reach: "_Reach", node: Node) -> None:
        reach.changers[node] = None
        reach.add(self._graph.closure([node], reach.nodes.__contains__))

    def _marks(self, node: Node) -> tuple[str, ...]:
        definition = self._graph.definition(node) if node.role == DEFINITION else None
        return definition.marks if definition is not None else ()

    def _add_string_names(self, reach: "_Reach") -> None:
        """``"a > @T"`` may be a constant of one module and be given to ``query`` in another."""
        readers = {node.module for node in reach.nodes if "reads-strings" in self._marks(node)}
        if not readers:
            return
        names = {
            name
            for node in reach.nodes
            if node.role == DEFINITION and (d := self._graph.definition(node)) is not None
            for name in d.at_names
        }
        for module in sorted(readers):
            for name in sorted(names):
                for node in _nodes(self._resolver.name(module, [name]) or ()):
                    if node not in reach.nodes:
                        self._join(reach, node)

    def _add_surfaces(self, reach: "_Reach") -> None:
        """Where code looks at docstrings or annotations, those of all that is reached count."""
        if not any(_LOOKS_AT_DEFINITIONS.intersection(self._marks(node)) for node in reach.nodes):
            return
        for node in list(reach.nodes):
            if self._kind(node) in ("func", "class", "value"):
                surface = Node(node.module, node.number, SURFACE)
                if surface not in reach.nodes:
                    self._join(reach, surface)

    def _order(self, executed: Executed, reach: "_Reach") -> list[str]:
        """Hashes of the statements whose order may decide, in order of execution; empty where it cannot."""
        moved = self._rebound(reach) | {
            changed
            for node in executed.statements
            if node in reach.nodes
            for changed in self._changers.of(node).nodes
            if changed in reach.nodes and changed != node
        }
        free = any(node in reach.nodes and self._changers.of(node).free for node in executed.statements)
        if not moved and not free:
            return []
        listed = [
            self._hashes.of(node)
            for node in executed.statements
            if node in reach.nodes and self._in_order(node, moved, free=free)
        ]
        return [str(digest) for digest in listed] if len(listed) > 1 else []

    def _in_order(self, node: Node, moved: set[Node], *, free: bool) -> bool:
        definition = self._graph.definition(node)
        if definition is None:
            return False
        changes = self._changers.of(node)
        if node in moved or changes.nodes or changes.free:
            return True
        if definition.kind == "effect":
            return True
        starts = [
            t.node
            for edge in self._graph.edges(node)
            if edge.uses & Use.NOW
            for t in edge.targets
            if t.node is not None
        ]
        if free and any(load.uses & Use.NOW and load.uses & Use.CALL for load in definition.loads):
            return True
        return bool(moved) and any(other in moved for other in self._graph.closure(starts))

    def _rebound(self, reach: "_Reach") -> set[Node]:
        """Definitions in reach of names that are bound more than once."""
        found: set[Node] = set()
        for node in reach.nodes:
            definition = self._graph.definition(node) if node.role == DEFINITION else None
            for name in definition.names if definition is not None else ():
                if len(self._graph.known(node.module).bindings[name]) > 1:
                    found.add(node)
        return found

    def _texts_read_back(self, executed: Executed, reach: "_Reach") -> list[str]:
        """The modules' raw texts, comments and all, where code in reach asks for its own source."""
        if not any(_READS_SOURCE.intersection(self._marks(node)) for node in reach.nodes):
            return []
        return sorted(self._graph.known(name).text.digest for name in executed.modules)

    def _choices(self, reach: "_Reach") -> list[str]:
        """Names in reach that may lead to several definitions, each with these in order (for explanations only)."""
        texts: list[str] = []
        for node in reach.nodes:
            for edge in self._graph.edges(node):
                nodes = [n for n in _nodes(edge.targets) if n.role != SURFACE]
                if len(nodes) > 1:
                    texts.append(digest_parts([edge.key, *(self._graph.own(n) for n in nodes)]))
        return sorted(texts)

    def _libraries_of(self, nodes: Iterable[Node]) -> set[str]:
        targets = (t for node in nodes for edge in self._graph.edges(node) for t in edge.targets)
        return {t.library.partition(".")[0].rstrip("?") for t in targets if t.node is None}

    def _packages_in(self, nodes: Iterable[Node]) -> list[Part]:
        return package_parts(self._libraries_of(nodes), self._packages, self._resolver.sources)

    def _libraries(self, executed: Executed, reach: "_Reach") -> tuple[str, ...]:
        """Top-level libraries that the executed modules import when they are imported, or reached bodies do."""
        found: set[str] = set()
        for node in executed.statements:
            definition = self._graph.definition(node)
            for item in definition.imports if definition is not None else ():
                if item.now or node in reach.nodes:
                    found.add(self._resolver.library_of(node.module, item).partition(".")[0])
        standard = {*sys.stdlib_module_names, *OWN_PACKAGES, ""}
        located = self._resolver.sources.locate
        return tuple(sorted(n for n in found - standard if located(n).origin is Origin.LIBRARY))

    def _parts(self, reach: "_Reach", loaders: frozenset[Node]) -> Iterable[Part]:
        for node in reach.nodes:
            if node.role in (DEFINITION, COMPILED, SELF):
                surface = Node(node.module, node.number, SURFACE)
                is_root = node in reach.roots
                with_surface = surface in reach.nodes and not is_root
                yield code_part(self._graph, node, root=is_root, loader=node in loaders, surface=with_surface)


@dataclass(slots=True)
class _Reach:
    """All code in reach of one stage, growing."""

    roots: tuple[Node, ...]
    declared: tuple[Node, ...]
    nodes: dict[Node, None] = field(default_factory=dict)
    changers: dict[Node, None] = field(default_factory=dict)

    def add(self, nodes: Iterable[Node]) -> None:
        self.nodes.update(dict.fromkeys(nodes))


def _nodes(targets: Iterable[Target]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(n for t in targets for n in (t.node, *t.guards) if n is not None))
