"""All code in reach of one stage: what its names lead to, and the statements that act on any of that.

What is reached by name counts with its body (*strong*). A statement that acts on what is reached counts with its text
and the headers of what it names (*weak*): a registering decorator does not make one unit of a whole project.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pivot.fingerprint.changes import Changers
from pivot.fingerprint.definition import Definition
from pivot.fingerprint.executed import Executed
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.guessed import modules_named, modules_of_words
from pivot.fingerprint.resolve import DEFINITION, SURFACE, Node, nodes_of
from pivot.fingerprint.weak import FACE, HEADER, as_reached, strengthened, weakened

_LOOKS_AT_DEFINITIONS = frozenset(
    {"__doc__", "__annotations__", "get_type_hints", "get_annotations", "signature"}
) | {*("getdoc", "getsource", "getsourcelines", "getfullargspec")}


@dataclass(slots=True)
class Reach:
    """All code in reach of one stage.

    Attributes:
        roots: the stage's own function (several where its name is bound several times).
        declared: classes that its annotations name: loaders, models of params.
        executed: the modules that importing and running the stage executes.
        nodes: everything, strong and weak, the roots first.
        known: the same, of the weak ones the strong node that stands for the whole.
        changers: what none of the stage's names lead to, but what acts on things that are reached: mostly weak.
        assumed: how many modules are taken as imported because code in reach uses them, though nothing imports them.
    """

    roots: tuple[Node, ...]
    declared: tuple[Node, ...]
    executed: Executed
    nodes: dict[Node, None] = field(default_factory=dict)
    known: set[Node] = field(default_factory=set)
    changers: dict[Node, None] = field(default_factory=dict)
    assumed: int = 0

    def add(self, nodes: Iterable[Node]) -> None:
        """Adds nodes that are reached."""
        for node in nodes:
            self.nodes[node] = None
            self.known.add(strengthened(node))

    def view(self, node: Node) -> Node:
        """A definition as it is reached: strong or weak."""
        return as_reached(node, self.nodes)

    def copy(self) -> "Reach":
        """The same reach, to go on from."""
        return Reach(
            self.roots,
            self.declared,
            self.executed.copy(),
            dict(self.nodes),
            set(self.known),
            dict(self.changers),
            self.assumed,
        )


class Reacher:
    """Works out the reach of stages; what they share is worked out once."""

    def __init__(self, graph: Graph, changers: Changers) -> None:
        self._graph = graph
        self._changers = changers
        self._imported: dict[str, Executed] = {}
        self._called_imports: dict[str, tuple[Node, ...]] = {}
        self._acting: dict[str, tuple[Node, ...]] = {}

    def grow(
        self, module: str, roots: tuple[Node, ...], declared: tuple[Node, ...], joined: Iterable[Node] = ()
    ) -> Reach:
        """The reach of the functions `roots` of `module`, and of what was seen to run beside them (`joined`)."""
        if module not in self._imported:
            executed = self._imported[module] = Executed(self._graph.resolver)
            executed.run(module)
            self._close(executed, 0)
        reach = Reach(roots, declared, self._imported[module].copy())
        beside = [*declared, *joined]
        imported = len(reach.executed.modules)
        for node in beside:
            if self._graph.resolver.module(node.module) is not None:
                reach.executed.run(node.module)
        self._close(reach.executed, imported)
        reach.add(self._graph.closure([*roots, *beside]))
        self._settle(reach, 0)
        return reach

    def complete(self, reach: Reach) -> Reach:
        """All that could come into reach if every weak body ran."""
        whole = reach.copy()
        while bodies := [n for n in map(strengthened, whole.nodes) if n not in whole.nodes]:
            seen = len(whole.nodes)
            whole.add(self._graph.closure(bodies, whole.nodes.__contains__))
            self._settle(whole, seen)
        return whole

    def _settle(self, reach: Reach, seen: int) -> None:
        """Adds what acts on the nodes from the one numbered `seen` on, until nothing more does."""
        while True:
            new = list(reach.nodes)[seen:]
            seen = len(reach.nodes)
            self._execute(new, reach)
            self._add_changers(reach)
            self._add_string_names(reach)
            self._add_modules_named(reach)
            self._add_surfaces(reach)
            if len(reach.nodes) == seen:
                return

    def marks(self, node: Node) -> tuple[str, ...]:
        """The words by which a definition looks at definitions; empty for other nodes."""
        definition = self._graph.definition(node) if node.role in (DEFINITION, HEADER) else None
        if definition is None:
            return ()
        return definition.early_marks if node.role == HEADER else definition.marks

    def _execute(self, nodes: Iterable[Node], reach: Reach) -> None:
        """Runs, in thought, the imports inside what is reached or called while importing."""
        executed = reach.executed
        before = len(executed.modules)
        for node in nodes:
            if node.module not in executed.modules and self._graph.resolver.module(node.module) is not None:
                executed.run(node.module)
                reach.assumed += 1
            self._run_imports_of(node, executed)
        self._close(executed, before)

    def _close(self, executed: Executed, done: int) -> None:
        """Runs the imports inside what the statements of modules call, from the module numbered `done` on."""
        while done < len(executed.modules):
            module = list(executed.modules)[done]
            done += 1
            if module not in self._called_imports:
                called = (node for s in self._acting_in(module) for node in self._changers.of(s).importing)
                self._called_imports[module] = tuple(dict.fromkeys(called))
            for node in self._called_imports[module]:
                self._run_imports_of(node, executed)
            for name in self._named_imports(module):
                executed.run(name)

    def _named_imports(self, module: str) -> list[str]:
        """Project modules that calls at the import of `module` may import by computed names."""
        words = {word for node in self._acting_in(module) for word in self._changers.of(node).named}
        return modules_of_words(words, self._graph.resolver.sources)

    def _run_imports_of(self, node: Node, executed: Executed) -> None:
        definition = self._whole(node)
        if definition is not None and definition.imports:
            executed.run_later(node.module, definition.imports)

    def _whole(self, node: Node) -> Definition | None:
        """The definition that a node stands for with all that it does."""
        if node.role not in (DEFINITION, HEADER):
            return None
        definition = self._graph.definition(node)
        return definition if node.role == DEFINITION or (definition and not definition.has_body) else None

    def _acting_in(self, module: str) -> tuple[Node, ...]:
        """The statements of a module that may act on something else when it is imported; classes are kept."""
        if module not in self._acting:
            found: list[Node] = []
            for number, definition in enumerate(self._graph.known(module).index.definitions):
                node = Node(module, number, DEFINITION)
                if definition.kind == "class" or not self._changers.of(node).nothing:
                    found.append(node)
            self._acting[module] = tuple(found)
        return self._acting[module]

    def _add_changers(self, reach: Reach) -> None:
        subclasses = any("__subclasses__" in self.marks(node) for node in reach.nodes)
        acting = [node for module in list(reach.executed.modules) for node in self._acting_in(module)]
        listed = any(self._changers.of(node).lists for node in acting)
        drawn = any(self._is_drawn(node) for node in reach.known)
        looked = self._looks_at_definitions(reach)
        for node in acting:
            changes = self._changers.of(node)
            if node in reach.known or (changes.documents and not looked):
                continue
            if (
                self._acts(node, reach, subclasses=subclasses)
                or (drawn and changes.draws)
                or (listed and not reach.known.isdisjoint(changes.heirs))
            ):
                self._join(reach, weakened(node))

    def _is_drawn(self, node: Node) -> bool:
        """Whether a value is made from shared random numbers when its module is imported."""
        definition = self._graph.definition(node) if node.role == DEFINITION else None
        return definition is not None and not definition.has_body and self._changers.of(node).draws

    def _acts(self, node: Node, reach: Reach, *, subclasses: bool) -> bool:
        changes = self._changers.of(node)
        if changes.free or not reach.known.isdisjoint(changes.nodes):
            return True
        if not subclasses:
            return False
        is_class = self._graph.kind(node) == "class"
        return changes.makes or (
            is_class and any(each in reach.known for each in self._graph.ancestors(node))
        )

    def _join(self, reach: Reach, node: Node) -> None:
        reach.changers[node] = None
        reach.add(self._graph.closure([node], reach.nodes.__contains__))

    def _add_string_names(self, reach: Reach) -> None:
        """``"a > @T"`` may be a constant of one module and be given to ``query`` in another."""
        readers = {node.module for node in reach.nodes if "reads-strings" in self.marks(node)}
        if not readers:
            return
        definitions = [self._whole(node) for node in reach.nodes]
        names = {name for definition in definitions if definition for name in definition.at_names}
        for module in sorted(readers):
            for name in sorted(names):
                for node in nodes_of(self._graph.resolver.name(module, [name]) or ()):
                    if node not in reach.nodes:
                        self._join(reach, node)

    def _add_modules_named(self, reach: Reach) -> None:
        for node in modules_named(reach.nodes, self._graph):
            if node not in reach.nodes:
                self._join(reach, node)

    def _looks_at_definitions(self, reach: Reach) -> bool:
        return any(_LOOKS_AT_DEFINITIONS.intersection(self.marks(node)) for node in reach.nodes)

    def _add_surfaces(self, reach: Reach) -> None:
        """Where code looks at docstrings or annotations, those of all that is reached count."""
        if not self._looks_at_definitions(reach):
            return
        roles = {DEFINITION: SURFACE, HEADER: FACE}
        for node in list(reach.nodes):
            surface = Node(node.module, node.number, roles.get(node.role, ""))
            if surface.role and surface not in reach.nodes:
                self._join(reach, surface)
