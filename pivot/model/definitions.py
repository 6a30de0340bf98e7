"""Stage definitions as a process that has read them tells them."""

from dataclasses import dataclass, field

from pivot.model.digest import Digest


@dataclass(frozen=True, slots=True)
class Bodies:
    """What of a module counts, see `pivot.define.skeleton`.

    Attributes:
        text: the digest of the bytes that were looked at.
        ran: the functions that ran.
        rest: the digest of the module without the bodies of the others.
    """

    text: Digest
    ran: frozenset[str]
    rest: Digest


@dataclass(frozen=True, slots=True)
class Definitions:
    """Stages, and what they rest on.

    Attributes:
        stages: pickled.
        pure: whether they rest on nothing but text.
        files: absolute paths of all that was read.
        folders: in which project modules were looked for.
        sought: the names of modules and packages that were looked for in these; ``None`` if nobody knows.
        path: the search path.
        began: when the reading began, in ns since 1970.
        bodies: absolute path of a module → what of it counts; the others count with all that is in them.
        notices: what a person should know of the files.
    """

    stages: bytes
    pure: bool
    files: tuple[str, ...]
    folders: tuple[str, ...]
    sought: frozenset[str] | None
    path: tuple[str, ...]
    began: int
    bodies: dict[str, Bodies] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
