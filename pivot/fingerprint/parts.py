"""Parts of a fingerprint: what `explain` names when one of them changes."""

import sys
from collections.abc import Iterable

from pivot.fingerprint.graph import Graph
from pivot.fingerprint.packages import Packages
from pivot.fingerprint.resolve import COMPILED, SELF, SURFACE, Node
from pivot.fingerprint.sources import OWN_PACKAGES, Origin, Sources
from pivot.fingerprint.weak import FACE, is_weak
from pivot.model.digest import digest_parts, digest_text
from pivot.model.fingerprint import ORDER_KEY, Part, PartKind
from pivot.model.place import Place

_KINDS = {"func": PartKind.FUNC, "class": PartKind.CLASS, "value": PartKind.VALUE, "effect": PartKind.EFFECT}


def code_part(graph: Graph, node: Node, *, root: bool, loader: bool, surface: bool) -> Part:
    """The part for one node of the project's code; of what is reached weakly its header alone.

    Args:
        root: whether it is the stage's own function.
        loader: whether it is a loader named in the stage's annotations.
        surface: whether its name, docstring and annotations count too.
    """
    if node.role == COMPILED:
        place = Place(graph.resolver.sources.place(graph.resolver.sources.locate(node.module).path))
        return Part(PartKind.VALUE, node.module, graph.own(node), place, "compiled")
    if node.role == SELF:
        return Part(
            PartKind.VALUE, graph.title(node), graph.own(node), Place(graph.known(node.module).text.place)
        )
    definition = graph.definition(node)
    assert definition is not None
    kind = (
        PartKind.STAGE
        if root
        else PartKind.LOADER
        if loader
        else _KINDS.get(definition.kind, PartKind.EFFECT)
    )
    own = [str(graph.own(node))]
    if surface:
        own.append(graph.own(Node(node.module, node.number, FACE if is_weak(node) else SURFACE)))
    own += _library_names(graph, node)
    digest = digest_parts(own) if len(own) > 1 else graph.own(node)
    place = Place(graph.known(node.module).text.place, definition.line)
    detail = "header" if is_weak(node) and definition.has_body else ""
    return Part(kind, definition.title, digest, place, detail)


def order_part(order: Iterable[str]) -> Part:
    """The part that changes when only the order of import-time statements does."""
    kind, _, name = ORDER_KEY.partition(":")
    return Part(PartKind(kind), name, digest_parts(order), None)


def package_parts(libraries: Iterable[str], packages: Packages, sources: Sources) -> list[Part]:
    """One part for each distribution behind some top-level library modules; missing ones count as missing."""
    versions: dict[str, str] = {}
    for name in sorted(libraries):
        if name in sys.stdlib_module_names or name in OWN_PACKAGES:
            continue
        found = packages.of(name)
        versions.update({package.name: package.version for package in found})
        if not found:
            missing = sources.locate(name).origin is Origin.MISSING
            versions[name] = "missing" if missing else "unknown version"
    return [
        Part(PartKind.PACKAGE, name, digest_text(version), None, version)
        for name, version in sorted(versions.items())
    ]


def sort_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts by key and place, each once."""
    return tuple(sorted(dict.fromkeys(parts), key=lambda p: (p.key, p.place or Place(""), p.digest)))


def _library_names(graph: Graph, node: Node) -> list[str]:
    """Names and what they mean in libraries: ``from math import ceil as up`` is seen here only."""
    return [
        f"{edge.key}={target.library}"
        for edge in graph.edges(node)
        for target in edge.targets
        if target.node is None
    ]
