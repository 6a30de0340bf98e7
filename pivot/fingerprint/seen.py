"""Definitions as a worker names them: ``module:title``, or a module and a line; and the way back to the code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pivot.errors import CodeError
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.resolve import COMPILED, DEFINITION, WHOLE, Node
from pivot.fingerprint.sources import Origin
from pivot.model.fingerprint import Beside


@dataclass(slots=True)
class Seen:
    """What was seen of a stage beyond its static reach, as far as it is still there.

    Attributes:
        ran: definitions, each with its identity.
        imported: whole modules, each with its name.
        words: what else counts: things that are gone, modules that were looked for in vain.
    """

    ran: dict[Node, str] = field(default_factory=dict)
    imported: dict[Node, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def identity(graph: Graph, node: Node) -> str:
    """A definition as records name it: ``module:title``."""
    definition = graph.definition(node)
    assert definition is not None, node
    return f"{node.module}:{definition.title}"


def seen_code(graph: Graph, beside: Beside, weak: Mapping[str, Iterable[Node]]) -> Seen:
    """What was seen, in the code of today.

    Args:
        weak: weak definitions by identity: one that has moved to another module is found among them.
    """
    seen = Seen()
    for name in sorted(set(beside.ran)):
        nodes = _titled(graph, name) or _moved(name, weak)
        seen.ran.update(dict.fromkeys(nodes, name))
        if not nodes:
            seen.words.append(f"gone {name.partition(':')[2]}")
    for name in sorted(set(beside.imported)):
        node = _module(graph, name)
        if isinstance(node, str):
            seen.words.append(f"{node} {name}")
        else:
            seen.imported[node] = name
    for name in sorted(set(beside.missing)):
        found = graph.resolver.sources.locate(name).origin is not Origin.MISSING
        seen.words.append(f"{'found' if found else 'missing'} {name}")
    return seen


def standing_at(graph: Graph, module: str, line: int) -> list[Node]:
    """The definitions on a line of a project module, the headers of blocks only where nothing else is."""
    try:
        this = graph.resolver.module(module)
    except CodeError:
        return []
    found = [
        (definition.kind == "guard", Node(module, number, DEFINITION))
        for number, definition in enumerate(this.index.definitions if this else ())
        if definition.line <= line <= definition.last and definition.kind != "import"
    ]
    inner = [node for is_guard, node in found if not is_guard]
    return inner or [node for _, node in found[-1:]]


def _titled(graph: Graph, name: str) -> list[Node]:
    module, _, title = name.partition(":")
    try:
        this = graph.resolver.module(module)
    except CodeError:
        return []
    return [
        Node(module, number, DEFINITION)
        for number, definition in enumerate(this.index.definitions if this else ())
        if definition.title == title and definition.kind != "import"
    ]


def _moved(name: str, weak: Mapping[str, Iterable[Node]]) -> list[Node]:
    title = name.partition(":")[2]
    found = [nodes for other, nodes in weak.items() if other.partition(":")[2] == title]
    return list(found[0]) if len(found) == 1 else []


def _module(graph: Graph, name: str) -> Node | str:
    origin = graph.resolver.sources.locate(name).origin
    if origin is Origin.COMPILED:
        return Node(name, -1, COMPILED)
    if origin is Origin.NAMESPACE:
        return "namespace"
    try:
        known = graph.resolver.module(name) if origin is Origin.PROJECT else None
    except CodeError:
        return "broken"  # the run will say what is wrong with it
    return Node(name, -1, WHOLE) if known else "gone"
