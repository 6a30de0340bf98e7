"""A file's definitions as data: what each binds, loads and changes."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pivot.fingerprint.uses import Import, Load, Use
from pivot.model.digest import Digest

Kind = Literal["func", "class", "value", "import", "effect", "guard"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One module-level statement, or the header of a block (``guard``: an ``if``, ``try``, ``with``).

    Attributes:
        names: bound at module level.
        start, end: the lines (from 1, decorators included) of the whole top-level statement; all definitions inside
            one ``if``, ``try`` or ``with`` share them.
        line, last: the lines of the definition itself (of a block's header: of the whole block).
        title: the definition as a reader knows it.
        digest: of its normalized source.
        surface: the same with name, docstrings and annotations; counts where the function is used as a value.
        header: of what runs when the statement does: without the bodies of functions. Others have but one digest.
        face: as `surface`, without the bodies of functions.
        doc: the docstring of a class, or of a function with decorators; empty where there is none.
        loads: names that it uses from module scope or through imports in its body.
        annotations: names in the annotations that `digest` leaves out.
        parameters: of a function: each parameter with the names in its annotation.
        returns: of a function: the names in its return annotation.
        imports: what it imports, when the module is imported or later.
        guard: index of the block's header that it stands under, -1 for none.
        at_names: names after ``@`` in its strings.
        marks: words by which it looks at definitions or opens its namespace; those of its header again in
            `header_marks`.
        strings: literals that may be paths of files.
        words: literals that may be names of modules.
        writes: module names that it binds when called (``global``).
        declared: names in decorators that come from Pivot.
        receiver: of an expression statement: the chain that is called.
        constant: a value that nothing can change in place.
        declares: a value made by Pivot (``pipeline = Pipeline()``).
        sure: the names that the statement binds whenever it runs (a loop may bind nothing).
    """

    kind: Kind
    names: tuple[str, ...]
    start: int
    end: int
    line: int
    last: int
    title: str
    digest: Digest
    surface: Digest
    header: Digest
    face: Digest
    doc: str = ""
    loads: tuple[Load, ...] = ()
    annotations: tuple[Load, ...] = ()
    parameters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    returns: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    guard: int = -1
    at_names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    header_marks: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    receiver: str = ""
    constant: bool = False
    declares: bool = False
    sure: tuple[str, ...] = ()

    @property
    def has_body(self) -> bool:
        """Whether some of it runs only when it is called: a function, or a class with its methods."""
        return self.kind in ("func", "class")

    @property
    def early_loads(self) -> tuple[Load, ...]:
        """The names that its header uses."""
        return tuple(load for load in self.loads if load.uses & Use.NOW) if self.has_body else self.loads

    @property
    def early_marks(self) -> tuple[str, ...]:
        """The words by which its header looks at definitions."""
        return self.header_marks if self.has_body else self.marks


class Overwritten(NamedTuple):
    """A binding that nothing in its file sees, because the name is bound again before.

    Attributes:
        number: of the definition that binds it.
        until: the definition that binds it again.
    """

    name: str
    number: int
    until: int


@dataclass(frozen=True, slots=True)
class FileIndex:
    """The definitions of one file, in its order.

    Attributes:
        explained: every name that some statement binds, also in blocks that importing skips.
        open: whether names may be bound that cannot be seen (``exec``, ``globals()``, …).
        overwritten: bindings that nothing in the file sees.
        exported: what ``__all__`` lists; ``None`` if there is none, or it is no list of literals.
        doc: the module's docstring.
    """

    definitions: tuple[Definition, ...]
    explained: frozenset[str]
    open: bool
    overwritten: tuple[Overwritten, ...] = ()
    exported: frozenset[str] | None = None
    doc: str = ""
