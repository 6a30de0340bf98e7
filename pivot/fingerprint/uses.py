"""The vocabulary of an index: how a definition uses names, and what it imports."""

import ast
from dataclasses import dataclass, field
from typing import NamedTuple

from pivot.fingerprint.filenames import may_be_file

_LONGEST_NAME = 60


class Use:
    """How a name is used, as bits; a load carries all its uses in one definition."""

    NOW = 1  # when the module is imported, not when a function is called
    VALUE = 2  # other than by calling it directly
    HARD = 4  # Python will look it up: it must be explained
    CALL = 8  # called, or a method of it is
    PASS = 16  # handed to a call that is not known to leave it alone
    ACT = 32  # changed in place: item or attribute assignment, a call for its effect
    REBIND = 64  # the name itself gets another value
    BASE = 128  # a class statement's base or metaclass
    READ = 256  # read through: an iterator is used up by that
    STORE = 512  # kept in something: assigned to an item or attribute
    DECORATE = 1024  # as a decorator
    SURE = 2048  # on every way through the statement or the stage's body
    LATER = 4096  # when a function is called


class Load(NamedTuple):
    """One name (with attributes) that a definition uses.

    Attributes:
        chain: ``helpers.stats.mean`` as written; empty: all of the own module.
        source: where the first name comes from: ``""`` the module; ``pkg.mod`` or ``pkg.mod:name`` an import in the
            body; ``?`` a dotted name in a string; ``!pkg.mod`` a module imported by its name.
        line: of its first use.
        uses: `Use` flags.
    """

    chain: str
    source: str
    line: int
    uses: int


class Import(NamedTuple):
    """One imported name.

    Attributes:
        name: bound by it at module level, ``*`` for all, empty for none (an import inside a body).
        source: ``pkg.mod`` for a module, ``pkg.mod:name`` for something in it; leading dots as written.
        executes: what importing runs, in the form of `source`.
        now: whether it happens when the module itself is imported.
    """

    name: str
    source: str
    executes: str
    now: bool


@dataclass(slots=True)
class Scan:
    """All that one statement does with names.

    `marks` are words that ask how definitions are looked at, `header_marks` those outside the bodies of functions,
    `strings` literals that may be paths of files, `words` those that may be names of modules.
    """

    uses: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    annotations: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    imports: list[Import] = field(default_factory=list)
    binds: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    at_names: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    header_marks: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    def mark(self, word: str, later: int) -> None:
        """Adds a mark; `later` is how many functions stand around it."""
        self.marks.add(word)
        if not later:
            self.header_marks.add(word)

    def keep(self, text: str) -> None:
        """Adds a literal if it may be the path of a file, or the name of a module."""
        if may_be_file(text):
            self.strings.add(text)
        if len(text) < _LONGEST_NAME and text.isidentifier():
            self.words.add(text)


def bound_source(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Where the name that an import binds comes from, in the form of `Import.source`."""
    if isinstance(node, ast.ImportFrom):
        return f"{'.' * node.level}{node.module or ''}:{alias.name}"
    return alias.name if alias.asname else alias.name.partition(".")[0]


def executed_source(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """What an import runs: the module, and perhaps a submodule of the name."""
    return bound_source(node, alias) if isinstance(node, ast.ImportFrom) else alias.name
