"""The face of this package: the fingerprint of a stage function.

source text → `index` (definitions of one file) → `resolve` (names → definitions) → `graph` → `merkle` (hash)
            ↘ `executed` (modules that run) → `changes` (statements that act on what is reached) ↗
"""

import sys
from collections.abc import Iterable, Mapping

from pivot.errors import CodeError
from pivot.fingerprint.changes import Changers
from pivot.fingerprint.executed import Executed
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.index import IndexCache
from pivot.fingerprint.merkle import Hashes
from pivot.fingerprint.order import order_of, wiring_of
from pivot.fingerprint.packages import Packages
from pivot.fingerprint.parts import code_part, order_part, package_parts, sort_parts
from pivot.fingerprint.reach import Reach, Reacher
from pivot.fingerprint.resolve import (
    COMPILED,
    DEFINITION,
    SELF,
    SURFACE,
    Node,
    Resolver,
    Target,
    nodes_of,
    unexplained,
)
from pivot.fingerprint.sources import OWN_PACKAGES, Origin, Sources
from pivot.fingerprint.uses import Import, Use
from pivot.model.digest import digest_parts
from pivot.model.fingerprint import Fingerprint, Part
from pivot.model.stage import ObjectRef

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
        self._imports: dict[str, tuple[Import, ...]] = {}
        self._reacher = Reacher(self._graph, self._changers)
        self._packages = Packages(sources.library_folders)

    def beyond(self, function: ObjectRef, code: Iterable[tuple[str, int]]) -> tuple[str, ...]:
        """Stands in until weak bodies are here."""
        return ()

    def stage(
        self,
        function: ObjectRef,
        *,
        ran: tuple[str, ...] = (),
        imported: tuple[str, ...] = (),
        missing: tuple[str, ...] = (),
        loaders: tuple[str, ...] = (),
        libraries: tuple[str, ...] = (),
    ) -> Fingerprint:
        """The fingerprint of a stage function.

        Raises:
            CodeError: a module in reach is not Python, the function is not there, or nothing explains a name.
        """
        targets = self._find(function)
        loaders, models = self._declared(targets)
        reach, named = self._reacher.grow(function.module, nodes_of(targets), (*loaders, *models))
        self._check_names(named, reach.executed, function)
        order = order_of(reach, self._graph, self._changers)
        texts = self._texts_read_back(reach)
        libraries = self._libraries_of(reach.nodes)
        packages = package_parts(libraries, self._packages, self._resolver.sources)
        digest = digest_parts(
            [
                "fingerprint-1",
                *self._hashes.of_targets(targets),
                "declared",
                *sorted(self._hashes.of(node) for node in reach.declared),
                "changers",
                *sorted(self._hashes.of(node) for node in reach.changers),
                "order",
                *(self._hashes.of(node) for node in order),
                "texts",
                *texts,
                "packages",
                *(f"{part.name} {part.detail}" for part in packages),
            ]
        )
        parts = [*self._parts(reach, frozenset(loaders)), *packages]
        wiring = [*wiring_of(order, reach, self._graph, self._hashes), *texts]
        if wiring:
            parts.append(order_part(wiring))
        modules = tuple(self._graph.known(name).text for name in sorted(reach.executed.modules))
        return Fingerprint(digest, sort_parts(parts), modules, self._imported(reach.executed, reach.nodes))

    def libraries(self, modules: Iterable[str]) -> tuple[str, ...]:
        """Library modules that importing some project modules imports: what a fork server should preload."""
        executed = Executed(self._resolver)
        for name in modules:
            executed.run(name)
        return self._imported(executed, {})

    def _find(self, function: ObjectRef) -> tuple[Target, ...]:
        if self._resolver.module(function.module) is None:
            hint = "check the name in pivot.yaml, and that its folder is the project's"
            raise CodeError(f"stage function {function}: there is no module {function.module!r}", hint)
        targets = self._resolver.name(function.module, function.qualname.split("."))
        if not nodes_of(targets or ()):
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
        for node in nodes_of(targets):
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
        problems = [
            (name, self._graph.known(node.module).text.place, line)
            for node in nodes
            for name, line in self._graph.open_names(node)
        ]
        if problems:
            injected = self._set_from_outside(executed)
            problems = [problem for problem in problems if problem[0].partition(".")[0] not in injected]
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

    def _texts_read_back(self, reach: Reach) -> list[str]:
        """The modules' raw texts, comments and all, where code in reach asks for its own source."""
        if not any(_READS_SOURCE.intersection(self._reacher.marks(node)) for node in reach.nodes):
            return []
        return sorted(self._graph.known(name).text.digest for name in reach.executed.modules)

    def _libraries_of(self, nodes: Iterable[Node]) -> set[str]:
        targets = (t for node in nodes for edge in self._graph.edges(node) for t in edge.targets)
        return {t.library.partition(".")[0].rstrip("?") for t in targets if t.node is None}

    def _imported(self, executed: Executed, reached: Mapping[Node, None]) -> tuple[str, ...]:
        """Library modules that the executed modules import when they are imported, or reached bodies do."""
        found = {
            self._resolver.library_of(module, item)
            for module in executed.modules
            for item in self._imports_now(module)
        }
        for node in reached:
            definition = self._graph.definition(node)
            if definition is not None:
                found |= {self._resolver.library_of(node.module, item) for item in definition.imports}
        standard = {*sys.stdlib_module_names, *OWN_PACKAGES, ""}
        located = self._resolver.sources.locate
        return tuple(
            sorted(
                name
                for name in found
                if name.partition(".")[0] not in standard and located(name).origin is Origin.LIBRARY
            )
        )

    def _imports_now(self, module: str) -> tuple[Import, ...]:
        if module not in self._imports:
            definitions = self._graph.known(module).index.definitions
            self._imports[module] = tuple(item for d in definitions for item in d.imports if item.now)
        return self._imports[module]

    def _parts(self, reach: Reach, loaders: frozenset[Node]) -> Iterable[Part]:
        for node in reach.nodes:
            if node.role in (DEFINITION, COMPILED, SELF):
                surface = Node(node.module, node.number, SURFACE)
                is_root = node in reach.roots
                with_surface = surface in reach.nodes and not is_root
                yield code_part(self._graph, node, root=is_root, loader=node in loaders, surface=with_surface)
