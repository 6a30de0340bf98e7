"""What a stage is: its function, and the code that its declaration names (loaders, outputs, models of params)."""

from collections.abc import Iterable
from dataclasses import dataclass

from pivot.errors import CodeError
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.resolve import DEFINITION, Node, Target, nodes_of
from pivot.fingerprint.sources import OWN_PACKAGES, Origin
from pivot.model.stage import ObjectRef


@dataclass(frozen=True, slots=True)
class Loaders:
    """The code of loaders that are known by their dotted names.

    Attributes:
        nodes: classes of the project.
        libraries: top-level modules of the others.
        gone: names that nothing explains.
    """

    nodes: tuple[Node, ...] = ()
    libraries: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()


def find_function(graph: Graph, function: ObjectRef) -> tuple[Target, ...]:
    """What a stage's function is bound to: several definitions where its name is bound several times.

    Raises:
        CodeError: there is no such module or function.
    """
    resolver = graph.resolver
    if resolver.module(function.module) is None:
        hint = "check the name in pivot.yaml, and that its folder is the project's"
        raise CodeError(f"stage function {function}: there is no module {function.module!r}", hint)
    targets = resolver.name(function.module, function.qualname.split(".")) or ()
    if not nodes_of(targets):
        place = graph.known(function.module).text.place
        raise CodeError(
            f"{place}: there is no function {function.qualname!r} in module {function.module!r}",
            "check the name, or add the function to the file",
        )
    return targets


def annotated_code(graph: Graph, targets: tuple[Target, ...]) -> tuple[list[Node], list[Node]]:
    """Code that a stage's annotations name: loader and output classes, and models of parameters."""
    loaders: dict[Node, None] = {}
    models: dict[Node, None] = {}
    for node in nodes_of(targets):
        definition = graph.definition(node)
        if definition is None or definition.kind != "func":
            continue
        for _, names in definition.parameters:
            models.update(dict.fromkeys(_classes(graph, node.module, names)))
        words = [*definition.returns, *definition.declared]
        words += [name for _, names in definition.parameters for name in names]
        loaders.update(dict.fromkeys(_loader_classes(graph, node.module, words)))
    return list(loaders), [node for node in models if node not in loaders]


def named_loaders(graph: Graph, names: Iterable[str]) -> Loaders:
    """The code of loaders by their dotted names (``mylib.TabLoader``); Pivot's own have none that counts."""
    nodes: dict[Node, None] = {}
    libraries: set[str] = set()
    gone: list[str] = []
    for name in names:
        top = name.partition(".")[0]
        if top in OWN_PACKAGES:
            continue
        if graph.resolver.sources.locate(top).origin is Origin.LIBRARY:
            libraries.add(top)
        elif found := _dotted(graph, name.split(".")):
            nodes.update(dict.fromkeys(found))
        else:
            gone.append(name)
    return Loaders(tuple(nodes), frozenset(libraries), tuple(sorted(gone)))


def _dotted(graph: Graph, words: list[str]) -> tuple[Node, ...]:
    """What the attributes after the longest module name mean."""
    for length in range(len(words) - 1, 0, -1):
        module = ".".join(words[:length])
        if graph.resolver.module(module) is not None:
            return nodes_of(graph.resolver.name(module, words[length:]) or ())
    return ()


def _classes(graph: Graph, module: str, names: Iterable[str]) -> list[Node]:
    found = [t.node for name in names for t in graph.resolver.name(module, name.split(".")) or ()]
    return [n for n in found if n is not None and _is_class(graph, n)]


def _loader_classes(graph: Graph, module: str, names: Iterable[str]) -> list[Node]:
    """Project classes in annotations that extend one of Pivot's own words, found through aliases too."""
    starts = [t.node for name in names for t in graph.resolver.name(module, name.split(".")) or ()]
    aliases = [n for n in starts if n is not None and n.role == DEFINITION]
    return [
        node
        for node in graph.closure(aliases)
        if _is_class(graph, node)
        and any(base.partition(".")[0] in OWN_PACKAGES for base in graph.library_bases(node))
        and not any(base.endswith(".StageParams") for base in graph.library_bases(node))
    ]


def _is_class(graph: Graph, node: Node) -> bool:
    definition = graph.definition(node) if node.role == DEFINITION else None
    return definition is not None and definition.kind == "class"
