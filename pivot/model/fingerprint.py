"""A fingerprint: the Merkle hash of all code that a stage can reach, and the parts that explain it."""

import io
from dataclasses import dataclass
from enum import StrEnum

from pivot.model.digest import Digest
from pivot.model.place import Place


class PartKind(StrEnum):
    """What a part of a fingerprint is."""

    STAGE = "stage"
    FUNC = "func"
    CLASS = "class"
    VALUE = "value"
    EFFECT = "effect"
    PACKAGE = "package"
    LOADER = "loader"


@dataclass(frozen=True, slots=True)
class Part:
    """One definition in reach, for explanations.

    Attributes:
        name: of a definition as a reader knows it (``normalize``, ``Scaler``, ``THRESHOLD``), of a package its
            distribution (``pandas``).
        digest: of its own normalized source (for a package: of its version), not of what it reaches.
        place: where it is; ``None`` for packages.
        detail: what a reader can judge, e.g. a package's version; empty for code.
    """

    kind: PartKind
    name: str
    digest: Digest
    place: Place | None
    detail: str = ""

    @property
    def key(self) -> str:
        """``func:normalize``, the word for it in reasons."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class ProjectModule:
    """A project module without its text, which need not be read where its digest tells enough.

    Attributes:
        name, filename, place, is_package: as of `ModuleText`.
        digest: of the file's bytes, or of a text that is in no file.
    """

    name: str
    filename: str
    place: str
    digest: Digest
    is_package: bool = False


@dataclass(frozen=True, slots=True)
class ModuleText:
    """The source of one project module: the very text that is hashed, and that workers compile.

    Attributes:
        name: the dotted module name under its import root.
        filename: what tracebacks show: an absolute path, or a name of our own for a notebook's module.
        place: the project path, or the cell's name, for reasons.
        text: the source (decoded by the file's own coding line).
        digest: of the file's bytes, or of a text that is in no file; it names the text in tasks.
        is_package: whether it is a package's ``__init__``.
    """

    name: str
    filename: str
    place: str
    text: str
    digest: Digest
    is_package: bool = False

    def lines(self) -> list[str]:
        """The lines with their ends, as Python counts them: a form feed in the text ends none."""
        return io.StringIO(self.text).readlines()


@dataclass(frozen=True, slots=True)
class Beside:
    """What, beside its function, decides which code a stage reaches: what was seen of it, and what it declares.

    Attributes:
        ran: definitions (``module:title``) that ran beyond the certain reach.
        imported: project modules that were imported beyond it: they count whole.
        missing: modules that were looked for in vain: whether they are there now counts.
        loaders: dotted names of the stage's loader classes.
        libraries: top-level library modules that its loaders use.
    """

    ran: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """All code in reach of a stage.

    Attributes:
        digest: of the code alone; file names, module names and the Python version do not enter.
        parts: sorted by key and place.
        modules: the project modules that running the stage executes, by name.
        libraries: library modules that those import (``sklearn.ensemble``), for preloading.
        weak: definitions (``module:title``) whose bodies count only if they ran: reached through import-time
            statements alone (a registered plugin, a patched method).
        strings: literals in reach that may be paths of files, as written.
    """

    digest: Digest
    parts: tuple[Part, ...]
    modules: tuple[ProjectModule, ...]
    libraries: tuple[str, ...]
    weak: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()


ORDER_KEY = f"{PartKind.EFFECT}:order of statements"
"""The key of the part that changes when only the order of import-time statements does."""
