"""The face of this package: the fingerprint of a stage function.

source text → `index` (definitions of one file) → `resolve` (names → definitions) → `graph` → `merkle` (hash)
            ↘ `executed` (modules that run) → `changes` (statements that act on what is reached) ↗
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pivot.fingerprint.changes import Changers
from pivot.fingerprint.declared import Loaders, annotated_code, find_function, named_loaders
from pivot.fingerprint.executed import Executed
from pivot.fingerprint.given import unexplained
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.index import IndexCache
from pivot.fingerprint.merkle import Hashes
from pivot.fingerprint.order import order_of, wiring_of
from pivot.fingerprint.outline import Outline
from pivot.fingerprint.packages import Packages
from pivot.fingerprint.parts import code_part, order_part, package_parts, sort_parts
from pivot.fingerprint.paths import shortest_paths
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
)
from pivot.fingerprint.seen import Seen, identity, seen_code, standing_at
from pivot.fingerprint.sources import OWN_PACKAGES, Origin, Sources
from pivot.fingerprint.uses import Import, Load, Use
from pivot.fingerprint.weak import FACE, HEADER, is_weak, strengthened
from pivot.model.digest import digest_parts
from pivot.model.fingerprint import Beside, Fingerprint, Part
from pivot.model.place import Place
from pivot.model.stage import ObjectRef

_READS_SOURCE = frozenset({"getsource", "getsourcelines", "co_firstlineno", "f_lineno", "tb_lineno"})
_MOST_STRINGS = 500
_NOTHING = Beside()


def fingerprint_stage(function: ObjectRef, sources: Sources, cache: IndexCache | None = None) -> Fingerprint:
    """The fingerprint of one stage function; several of one snapshot are cheaper through a `Fingerprinter`.

    Raises:
        CodeError: a module in reach is not Python, the function is not there, or nothing explains a name.
    """
    return Fingerprinter(sources, cache).stage(function)


@dataclass(frozen=True, slots=True)
class _Static:
    """What is known of a stage without having seen it run.

    Attributes:
        targets: what its function's name is bound to.
        loaders: classes of the project that read or write its files.
        outside: of the loaders, those that are no code of the project.
        reach: all code in reach.
        modules: all that may be executed if the weak bodies run.
        weak: definitions whose bodies are in reach only if they run, by identity.
    """

    targets: tuple[Target, ...]
    loaders: frozenset[Node]
    outside: Loaders
    reach: Reach
    modules: frozenset[str]
    weak: dict[str, list[Node]]


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
        self._known: dict[tuple[ObjectRef, tuple[str, ...]], _Static] = {}
        self._found: dict[tuple[ObjectRef, Beside], Fingerprint] = {}  # the variants of a stage share theirs

    def looked_at(self) -> dict[str, bool]:
        """All paths that the fingerprints so far rest on, each with whether it was surely there."""
        return self._resolver.sources.looked_at() | self._packages.looked_at()

    def stage(self, function: ObjectRef, beside: Beside = _NOTHING) -> Fingerprint:
        """The fingerprint of a stage function; what was seen of the stage joins it.

        Raises:
            CodeError: a module in reach is not Python, the function is not there, or nothing explains a name.
        """
        found = self._found.get((function, beside))
        if found is None:
            found = self._found[function, beside] = self._look_at(function, beside)
        return found

    def _look_at(self, function: ObjectRef, beside: Beside) -> Fingerprint:
        static = self._static(function, beside.loaders)
        seen = seen_code(self._graph, beside, static.weak)
        reach = self._grown(function, static.reach, seen)
        outline = Outline(self._graph, reach.nodes)
        hashes = Hashes(outline, {node: self._hashes.of(node) for node in reach.nodes if not is_weak(node)})
        order = order_of(reach, outline, self._changers)
        texts = self._texts_read_back(reach)
        used = {*self._libraries_of(reach.nodes), *beside.libraries, *static.outside.libraries}
        packages = self._package_parts(used)
        digest = digest_parts(
            [
                "fingerprint-1",
                *hashes.of_targets(static.targets),
                "declared",
                *sorted(hashes.of(node) for node in reach.declared),
                "changers",
                *sorted(hashes.of(reach.view(node)) for node in reach.changers),
                "order",
                *_ordered(order, hashes),
                *("texts", *texts, f"assumed {reach.assumed}"),
                "packages",
                *(f"{part.name} {part.detail}" for part in packages),
                *_words(seen, static.outside, reach, outline, hashes),
            ]
        )
        wiring = [*wiring_of(order, reach, outline, hashes), *texts, *(["assumed"] * reach.assumed)]
        parts = [*(part for _, part in self._parts(reach, static.loaders)), *packages]
        parts += [order_part(wiring)] if wiring else []
        modules = sorted(static.modules.union(reach.executed.modules))
        return Fingerprint(
            digest,
            sort_parts(parts),
            tuple(self._graph.known(name).text for name in modules),
            self._imported(reach.executed, reach.nodes),
            tuple(sorted(static.weak)),
            self._strings(reach),
        )

    def paths(
        self, function: ObjectRef, beside: Beside = _NOTHING
    ) -> dict[tuple[str, Place | None], tuple[str, ...]]:
        """For the key and place of each part of `stage` the shortest way to it: titles, the part's own the last.

        A way begins with the stage's function, or with a statement that acts on what is reached where only that one
        leads to the part. The order of statements has none. Worked out anew in each call.

        Raises:
            CodeError: as `stage`.
        """
        static = self._static(function, beside.loaders)
        seen = seen_code(self._graph, beside, static.weak)
        reach = self._grown(function, static.reach, seen)
        ways = shortest_paths(reach, Outline(self._graph, reach.nodes), [*seen.ran, *seen.imported])
        found: dict[tuple[str, Place | None], tuple[str, ...]] = {}
        asking = [(way, self._libraries_of([node])) for node, way in ways.items()]
        asking.append((ways[reach.roots[0]], {*beside.libraries, *static.outside.libraries}))
        for way, names in asking:
            for package in self._package_parts(names):
                found.setdefault((package.key, None), (*way, package.name))
        for node, part in self._parts(reach, static.loaders):
            if node in ways:
                found.setdefault((part.key, part.place), ways[node])
        return found

    def beyond(
        self, function: ObjectRef, code: Iterable[tuple[str, int]], *, loaders: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """The definitions (``module:title``) that are not certain to be in reach, of code that ran.

        Args:
            code: code objects: the module's name and the first line, decorators included. Where no definition stands
                nothing is found.
            loaders: dotted names of the stage's loader classes.

        Raises:
            CodeError: as `stage`.
        """
        reach = self._static(function, tuple(loaders)).reach
        nodes = {node for module, line in code for node in standing_at(self._graph, module, line)}
        return tuple(sorted({identity(self._graph, n) for n in nodes if not self._is_certain(n, reach)}))

    def libraries(self, modules: Iterable[str]) -> tuple[str, ...]:
        """Library modules that importing some project modules imports: what a fork server should preload."""
        executed = Executed(self._resolver)
        for name in modules:
            executed.run(name)
        return self._imported(executed, {})

    def _static(self, function: ObjectRef, loaders: tuple[str, ...]) -> _Static:
        key = (function, tuple(sorted(loaders)))
        if key not in self._known:
            targets = find_function(self._graph, function)
            annotated, models = annotated_code(self._graph, targets)
            named = named_loaders(self._graph, loaders)
            classes = tuple(dict.fromkeys((*annotated, *named.nodes)))
            declared = tuple(dict.fromkeys((*classes, *models)))
            reach = self._reacher.grow(function.module, nodes_of(targets), declared)
            named_nodes = self._graph.closure([*reach.roots, *annotated, *models])
            self._check_names(named_nodes, reach.roots, reach.executed, function)
            whole = self._reacher.complete(reach)
            weak: dict[str, list[Node]] = {}
            for node in whole.nodes:
                definition = self._graph.definition(node) if node.role == DEFINITION else None
                if definition is not None and definition.has_body and node not in reach.nodes:
                    weak.setdefault(identity(self._graph, node), []).append(node)
            modules = frozenset(whole.executed.modules)
            self._known[key] = _Static(targets, frozenset(classes), named, reach, modules, weak)
        return self._known[key]

    def _grown(self, function: ObjectRef, reach: Reach, seen: Seen) -> Reach:
        """The static reach with what was seen."""
        joined = [*seen.ran, *seen.imported]
        if all(node in reach.nodes for node in joined):
            return reach
        return self._reacher.grow(function.module, reach.roots, reach.declared, joined)

    def _is_certain(self, node: Node, reach: Reach) -> bool:
        """Whether a definition counts whole: also a statement that was reached by its header, which is all of it."""
        definition = self._graph.definition(node)
        has_body = definition is not None and definition.has_body
        return node in reach.nodes or (node in reach.known and not has_body)

    def _check_names(
        self, nodes: Iterable[Node], roots: tuple[Node, ...], executed: Executed, function: ObjectRef
    ) -> None:
        problems = [
            (load.chain, self._graph.known(node.module).text.place, load.line)
            for node in nodes
            for load in self._graph.open_names(node)
            if self._is_needed(node, load, roots)
        ]
        if problems:
            injected = self._set_from_outside(executed)
            problems = [problem for problem in problems if problem[0].partition(".")[0] not in injected]
        if problems:
            raise unexplained(sorted(set(problems), key=lambda p: (p[1], p[2], p[0])), str(function))

    def _is_needed(self, node: Node, load: Load, roots: tuple[Node, ...]) -> bool:
        """Whether Python surely fails without the name."""
        definition = self._graph.definition(node)
        now = definition is not None and definition.guard < 0 and bool(load.uses & Use.NOW)
        return bool(load.uses & Use.SURE) and (now or node in roots)

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

    def _package_parts(self, libraries: Iterable[str]) -> list[Part]:
        return package_parts(libraries, self._packages, self._resolver.sources)

    def _libraries_of(self, nodes: Iterable[Node]) -> set[str]:
        targets = (t for node in nodes for edge in self._graph.edges(node) for t in edge.targets)
        names = {t.library.rstrip("?") for t in targets if t.node is None}
        return {self._resolver.sources.installed(name) for name in names}

    def _imported(self, executed: Executed, reached: Mapping[Node, None]) -> tuple[str, ...]:
        """Library modules that the executed modules import when they are imported, or reached bodies do."""
        found: set[str] = set()
        for module in executed.modules:
            found.update(self._library_modules(module, self._imports_now(module)))
        for node in reached:
            definition = self._graph.definition(node)
            if definition is not None:
                found.update(self._library_modules(node.module, definition.imports))
        standard = {*sys.stdlib_module_names, *OWN_PACKAGES, ""}
        located = self._resolver.sources.locate
        return tuple(
            sorted(
                name
                for name in found
                if name.partition(".")[0] not in standard and located(name).origin is Origin.LIBRARY
            )
        )

    def _library_modules(self, module: str, imports: Iterable[Import]) -> Iterator[str]:
        """The modules that some imports name; ``from scipy import optimize`` names two."""
        for item in imports:
            name = self._resolver.library_of(module, item)
            inner = f"{name}.{item.source.partition(':')[2]}"
            yield name
            if name and ":" in item.source and self._resolver.sources.is_library_module(inner):
                yield inner

    def _imports_now(self, module: str) -> tuple[Import, ...]:
        if module not in self._imports:
            definitions = self._graph.known(module).index.definitions
            self._imports[module] = tuple(item for d in definitions for item in d.imports if item.now)
        return self._imports[module]

    def _parts(self, reach: Reach, loaders: frozenset[Node]) -> Iterable[tuple[Node, Part]]:
        for node in reach.nodes:
            if node.role in (DEFINITION, COMPILED, SELF) or (
                node.role == HEADER and strengthened(node) not in reach.nodes
            ):
                surface = Node(node.module, node.number, FACE if node.role == HEADER else SURFACE)
                is_root = node in reach.roots
                with_surface = surface in reach.nodes and not is_root
                is_loader = node in loaders
                yield (
                    node,
                    code_part(self._graph, node, root=is_root, loader=is_loader, surface=with_surface),
                )

    def _strings(self, reach: Reach) -> tuple[str, ...]:
        """Literals that may be paths of files, of all that counts with its body or has none."""
        found: set[str] = set()
        for node in reach.nodes:
            definition = self._graph.definition(node) if node.role in (DEFINITION, HEADER) else None
            if definition is not None and (node.role == DEFINITION or not definition.has_body):
                found.update(definition.strings)
        return tuple(sorted(found)[:_MOST_STRINGS])


def _ordered(order: Mapping[Node, list[str]], hashes: Hashes) -> list[str]:
    return [digest_parts(["import", *bound]) if bound else hashes.of(node) for node, bound in order.items()]


def _words(seen: Seen, loaders: Loaders, reach: Reach, outline: Outline, hashes: Hashes) -> list[str]:
    """What was seen, for the digest; what ran counts here only if nothing in reach leads to it."""
    words = [*seen.words, *(f"loader {name}" for name in loaders.gone)]
    words += [f"imported {name} {hashes.of(node)}" for node, name in seen.imported.items()]
    if seen.ran:
        starts = map(reach.view, (*reach.roots, *reach.declared, *reach.changers))
        bound = outline.closure(starts)
        words += [f"ran {name} {hashes.of(node)}" for node, name in seen.ran.items() if node not in bound]
    return ["seen", *sorted(words)] if words else []
