"""Which modules run, and in which order their statements do, when a stage's module is imported."""

from collections.abc import Iterable

from pivot.fingerprint.resolve import DEFINITION, Node, Resolver
from pivot.fingerprint.sources import Origin
from pivot.fingerprint.uses import Import


class Executed:
    """The modules executed so far, in the order in which they finish, and their statements in order of execution."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self.modules: dict[str, None] = {}
        self.statements: list[Node] = []
        self._begun: set[str] = set()

    def copy(self) -> "Executed":
        """The same state, to go on from."""
        other = Executed(self._resolver)
        other.modules = dict(self.modules)
        other.statements = list(self.statements)
        other._begun = set(self._begun)
        return other

    def run(self, name: str) -> None:
        """Imports `name` in thought: parent packages first, then its imports as its statements come to them."""
        words = name.split(".")
        for length in range(1, len(words) + 1):
            self._run_one(".".join(words[:length]))

    def run_later(self, module: str, imports: Iterable[Import]) -> None:
        """Runs what imports inside a reached body run."""
        for item in imports:
            if not item.now:
                for other in self._resolver.executed_by(module, item):
                    self._run_one(other)

    def _run_one(self, name: str) -> None:
        if name in self._begun:
            return
        self._begun.add(name)
        if self._resolver.sources.locate(name).origin is not Origin.PROJECT:
            return
        module = self._resolver.module(name)
        if module is None:
            return
        for number, definition in enumerate(module.index.definitions):
            for item in definition.imports:
                if item.now:
                    for other in self._resolver.executed_by(name, item):
                        self._run_one(other)
            self.statements.append(Node(name, number, DEFINITION))
        self.modules[name] = None
