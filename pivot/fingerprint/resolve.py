"""Names → definitions: follows imports, attributes of modules, stars and branches through the project."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pivot.errors import CodeError
from pivot.fingerprint.definition import FileIndex
from pivot.fingerprint.given import EXPLAINED, IMPLICIT
from pivot.fingerprint.index import IndexCache, cached_index
from pivot.fingerprint.sources import Origin, Sources
from pivot.fingerprint.uses import Import, Load
from pivot.model.fingerprint import ProjectModule

DEFINITION, SURFACE, WHOLE, COMPILED, SELF = "definition", "surface", "whole", "compiled", "self"


class Node(NamedTuple):
    """A vertex of the graph of code.

    Attributes:
        number: of the definition in its file; -1 for nodes that stand for a module.
        role: ``definition``, its ``surface`` (name, docstring, annotations), a ``whole`` module, a ``compiled``
            module, or what a module says of it``self`` (its name or path), or one of the weak roles of `weak`.
    """

    module: str
    number: int
    role: str


class Target(NamedTuple):
    """What a name leads to: a node of the project, or something in a library.

    Attributes:
        rest: the attributes that are left once the definition is found (``fit`` of ``model.fit``).
        guards: headers of blocks under which an import on the way stands.
        library: the dotted name in a library, where `node` is ``None``.
    """

    node: Node | None
    rest: tuple[str, ...] = ()
    guards: tuple[Node, ...] = ()
    library: str = ""


@dataclass(slots=True)
class Module:
    """A project module, indexed."""

    text: ProjectModule
    index: FileIndex
    bindings: dict[str, list[int]] = field(default_factory=dict)
    writers: dict[str, list[int]] = field(default_factory=dict)
    stars: list[int] = field(default_factory=list)


class Resolver:
    """Follows names through one snapshot of sources; remembers every index."""

    def __init__(self, sources: Sources, cache: IndexCache | None) -> None:
        self.sources = sources
        self._cache = cache
        self._modules: dict[str, Module | None] = {}
        self._exported: dict[str, frozenset[str]] = {}
        self._named: dict[tuple[str, ...], tuple[Target, ...] | None] = {}
        self._seen: dict[tuple[str, str], tuple[int, ...]] = {}
        self._seen_early: dict[tuple[str, int], bool] = {}
        self._executes: dict[tuple[str, str], tuple[str, ...]] = {}

    def module(self, name: str) -> Module | None:
        """The project module of this name, indexed; ``None`` where there is none.

        Raises:
            CodeError: its text is not Python.
        """
        if name not in self._modules:
            text = self.sources.find(name)
            self._modules[name] = self._indexed(text) if text else None
        return self._modules[name]

    def _indexed(self, text: ProjectModule) -> Module:
        index = cached_index(lambda: self.sources.text(text).text, text.digest, text.place, self._cache)
        module = Module(text, index)
        for number, definition in enumerate(module.index.definitions):
            for name in definition.names:
                module.bindings.setdefault(name, []).append(number)
            for name in definition.writes:
                module.writers.setdefault(name, []).append(number)
            if any(item.name == "*" for item in definition.imports):
                module.stars.append(number)
        return module

    def bindings(self, module: str, name: str) -> tuple[int, ...]:
        """The definitions of a project module that bind `name`, without those that nothing can see."""
        if (module, name) not in self._seen:
            this = self.module(module)
            assert this is not None, module
            unseen = {
                each.number
                for each in this.index.overwritten
                if each.name == name and not self._is_seen_early(module, each.until)
            }
            numbers = this.bindings.get(name, ())
            self._seen[module, name] = tuple(n for n in numbers if n not in unseen)
        return self._seen[module, name]

    def _is_seen_early(self, module: str, until: int) -> bool:
        """Whether another module may look into `module` before its statement numbered `until` has run."""
        if (module, until) not in self._seen_early:
            try:
                self._seen_early[module, until] = self._comes_back(module, until)
            except CodeError:  # a file that no stage need reach is no Python: it may be anything
                self._seen_early[module, until] = True
        return self._seen_early[module, until]

    def _comes_back(self, module: str, until: int) -> bool:
        this = self.module(module)
        assert this is not None, module
        begun: set[str] = set()
        stack = [
            (module, item)
            for number, definition in enumerate(this.index.definitions)
            for item in definition.imports
            if number <= until or not item.now
        ]
        while stack:
            for name in self.executed_by(*stack.pop()):
                other = self.module(name)
                if name == module:
                    return True
                if other is None or name in begun:
                    continue
                begun.add(name)
                for definition in other.index.definitions:
                    if any(load.source.startswith("!") or not load.chain for load in definition.loads):
                        return True
                    stack += [(name, item) for item in definition.imports]
        return False

    def load(self, module: str, load: Load) -> tuple[Target, ...] | None:
        """All that a load may lead to, in the order of the bindings; ``None`` where nothing explains the name."""
        words = load.chain.split(".") if load.chain else []
        if load.source == "?":
            return self._dotted(words)
        if load.source.startswith("!"):
            return self._imported(module, load.source[1:], words, (), frozenset())
        if load.source:
            return self._imported(module, load.source, words[1:], (), frozenset())
        if not words:
            return (Target(Node(module, -1, WHOLE)),)
        return self.name(module, words)

    def name(self, module: str, words: Sequence[str]) -> tuple[Target, ...] | None:
        """What the global name ``words[0]`` with attributes ``words[1:]`` means inside `module`."""
        key = (module, *words)
        if key not in self._named:
            self._named[key] = self._meaning(module, words)
        return self._named[key]

    def _meaning(self, module: str, words: Sequence[str]) -> tuple[Target, ...] | None:
        found = self._bound(module, words, (), frozenset())
        this = self.module(module)
        name = words[0]
        if found and name != "__doc__":  # a statement that sets it may begin with what it was
            return found
        if name in IMPLICIT:
            return (*found, Target(Node(module, IMPLICIT.index(name), SELF)))
        if name in EXPLAINED:
            return ()
        if name == "__annotations__":
            return (Target(Node(module, -1, WHOLE)),)
        if self.sources.locate(f"{module}.{name}").origin is not Origin.MISSING:
            return self._module(f"{module}.{name}", words[1:], (), frozenset())
        if this is None or this.index.open:
            return (Target(Node(module, -1, WHOLE)),)
        return () if name in this.index.explained else None

    def absolute(self, module: str, name: str) -> str:
        """The absolute form of a module name as written inside `module`, which may begin with dots."""
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        if not level:
            return name
        this = self.module(module)
        package = module.split(".") if this and this.text.is_package else module.split(".")[:-1]
        base = package[: len(package) - (level - 1)] if level > 1 else package
        return ".".join([*base, bare] if bare else base)

    def executed_by(self, module: str, item: Import) -> tuple[str, ...]:
        """The project modules that an import in `module` runs, parents first."""
        key = (module, item.executes)
        if key not in self._executes:
            self._executes[key] = self._executed_by(module, item)
        return self._executes[key]

    def _executed_by(self, module: str, item: Import) -> tuple[str, ...]:
        name, _, attribute = item.executes.partition(":")
        full = self.absolute(module, name)
        names = [full]
        if attribute == "*":
            names += [f"{full}.{word}" for word in self._all_of(full)]
        elif attribute:
            bound = self.module(full)
            if bound is None or full == module or attribute not in bound.bindings:  # or bound by this import
                names.append(f"{full}.{attribute}")
        found: dict[str, None] = {}
        for each in names:
            words = each.split(".")
            found.update(dict.fromkeys(".".join(words[: n + 1]) for n in range(len(words))))
        return tuple(n for n in found if n and self.sources.locate(n).origin is Origin.PROJECT)

    def library_of(self, module: str, item: Import) -> str:
        """The dotted name of the library (or missing module) that an import names; empty for project modules."""
        name = self.absolute(module, item.source.partition(":")[0])
        known = self.sources.locate(name).origin if name else Origin.MISSING
        return name if known in (Origin.LIBRARY, Origin.MISSING) else ""

    def _all_of(self, package: str) -> list[str]:
        """Submodules that ``from package import *`` may import: those that its ``__all__`` may name."""
        module = self.module(package)
        if module is None or "__all__" not in module.bindings:
            return []
        return [name.rpartition(".")[2] for name in self.sources.submodules(package)]

    def _bound(
        self, module: str, words: Sequence[str], guards: tuple[Node, ...], seen: frozenset[tuple[str, str]]
    ) -> tuple[Target, ...]:
        """What the statements of `module` bind ``words[0]`` to."""
        this = self.module(module)
        name = words[0]
        if this is None or (module, name) in seen:
            return ()
        seen |= {(module, name)}
        numbers = sorted({*self.bindings(module, name), *this.stars}) or this.writers.get(name, [])
        found: list[Target] = []
        for number in numbers:
            definition = this.index.definitions[number]
            if definition.kind != "import" and name in (*definition.names, *definition.writes):
                found.append(Target(Node(module, number, DEFINITION), tuple(words[1:]), guards))
            under = (*guards, Node(module, definition.guard, DEFINITION)) if definition.guard >= 0 else guards
            for item in definition.imports:
                if item.name == name:
                    found += self._imported(module, item.source, words[1:], under, seen)
                elif item.name == "*":
                    found += self._starred(module, item, words, under, seen)
        if not found and name in this.writers:
            found = [
                Target(Node(module, n, DEFINITION), tuple(words[1:]), guards) for n in this.writers[name]
            ]
        # of one definition bound twice the last time counts: it hides what was bound in between
        return tuple(dict.fromkeys(reversed(found)))[::-1]

    def _starred(
        self,
        module: str,
        item: Import,
        words: Sequence[str],
        guards: tuple[Node, ...],
        seen: frozenset[tuple[str, str]],
    ) -> tuple[Target, ...]:
        source = self.absolute(module, item.source.partition(":")[0])
        if self.module(source) is None:
            origin = self.sources.locate(source).origin
            if origin is Origin.COMPILED:
                return (Target(Node(source, -1, COMPILED), (), guards),)
            if words[0].startswith("_"):
                return ()
            return (Target(None, (), guards, ".".join([source, *words])),)
        exported = self._exports(source)
        if words[0] not in exported and "*" not in exported:
            return ()
        this = self.module(source)
        listing = this.bindings.get("__all__", ()) if this else ()
        if not listing and words[0].startswith("_"):
            return ()
        by_list = (*guards, *(Node(source, number, DEFINITION) for number in listing))
        is_plain = this is not None and this.index.exported is not None
        found = self._bound(source, words, guards if is_plain else by_list, seen)
        if not found and self.sources.locate(f"{source}.{words[0]}").origin is Origin.PROJECT:
            # it is there because the list names it, or because somebody imported it
            return self._module(f"{source}.{words[0]}", words[1:], by_list, seen)
        return found

    def _exports(self, module: str) -> frozenset[str]:
        """Names that a star import from `module` may bind; ``*`` among them if they cannot all be known."""
        if module not in self._exported:
            names: set[str] = set()
            begun: set[str] = set()
            stack = [module]
            while stack:
                name = stack.pop()
                this = self.module(name)
                if name in begun:
                    continue
                begun.add(name)
                if this is None:
                    names.add("*")
                    continue
                if this.index.exported is not None:
                    names.update(this.index.exported)
                    continue
                names.update(this.bindings, this.writers)
                names.update(inner.rpartition(".")[2] for inner in self.sources.submodules(name))
                for number in this.stars:
                    stars = [item for item in this.index.definitions[number].imports if item.name == "*"]
                    stack += [self.absolute(name, item.source.partition(":")[0]) for item in stars]
            self._exported[module] = frozenset(names)
        return self._exported[module]

    def _imported(
        self,
        module: str,
        source: str,
        rest: Sequence[str],
        guards: tuple[Node, ...],
        seen: frozenset[tuple[str, str]],
    ) -> tuple[Target, ...]:
        name, _, attribute = source.partition(":")
        full = self.absolute(module, name)
        if attribute:
            return self._module(full, [attribute, *rest], guards, seen)
        if self.sources.locate(full).origin is Origin.MISSING:
            return self._module(full, rest, guards, seen)
        # import a.b as c: the attribute b of a, which a may have bound to something else
        top, *inner = full.split(".")
        return self._module(top, [*inner, *rest], guards, seen)

    def _module(
        self, name: str, rest: Sequence[str], guards: tuple[Node, ...], seen: frozenset[tuple[str, str]]
    ) -> tuple[Target, ...]:
        """What the attributes `rest` of the module `name` mean; the module itself where there are none."""
        origin = self.sources.locate(name).origin if name else Origin.MISSING
        if origin is Origin.COMPILED:
            return (Target(Node(name, -1, COMPILED), (), guards),)
        if origin in (Origin.LIBRARY, Origin.MISSING):
            return (Target(None, (), guards, ".".join([name, *rest])),)
        if rest and rest[0] == "__path__":
            return tuple(Target(Node(n, -1, WHOLE), (), guards) for n in self.sources.submodules(name))
        if origin is Origin.NAMESPACE:
            return self._module(f"{name}.{rest[0]}", rest[1:], guards, seen) if rest else ()
        if not rest:
            return (Target(Node(name, -1, WHOLE), (), guards),)
        return self._attribute(name, rest, guards, seen)

    def _attribute(
        self, name: str, rest: Sequence[str], guards: tuple[Node, ...], seen: frozenset[tuple[str, str]]
    ) -> tuple[Target, ...]:
        if (name, rest[0]) in seen:
            return ()
        found = self._bound(name, rest, guards, seen)
        inner = f"{name}.{rest[0]}"
        if self.sources.locate(inner).origin in (Origin.PROJECT, Origin.NAMESPACE, Origin.COMPILED):
            if not found or not self._imports_from(name, inner):
                found += self._module(inner, rest[1:], guards, seen)
            return found
        if found:
            return found
        if rest[0] in IMPLICIT:
            return (Target(Node(name, IMPLICIT.index(rest[0]), SELF), (), guards),)
        dynamic = self._bound(name, ["__getattr__"], guards, seen)
        # an attribute that no statement binds was set from outside, or by a loop over names: anything counts
        return dynamic or (Target(Node(name, -1, WHOLE), tuple(rest), guards),)

    def _imports_from(self, package: str, inner: str) -> bool:
        """Whether the package itself imports from its submodule: then a name it binds hides the submodule."""
        this = self.module(package)
        return this is not None and any(
            self.absolute(package, item.source.partition(":")[0]) == inner
            for definition in this.index.definitions
            for item in definition.imports
        )

    def _dotted(self, words: Sequence[str]) -> tuple[Target, ...]:
        """What a dotted name in a string means, if anything."""
        for length in range(len(words), 0, -1):
            name = ".".join(words[:length])
            if self.sources.locate(words[0]).origin not in (Origin.PROJECT, Origin.NAMESPACE):
                return ()
            if self.module(name) is None:
                continue
            if length == len(words):
                return (Target(Node(name, -1, WHOLE)),)
            return self._bound(name, words[length:], (), frozenset())
        return ()


def nodes_of(targets: Iterable[Target]) -> tuple[Node, ...]:
    """The nodes that some targets lead to, those of blocks on the way included; each once."""
    return tuple(dict.fromkeys(n for t in targets for n in (t.node, *t.guards) if n is not None))
