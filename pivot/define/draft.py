"""A stage in the making: what its parts are read with, and what was found wrong."""

import os
import re
from dataclasses import dataclass, field
from typing import Any

from pivot.define.declared import Declared
from pivot.define.shapes import may_be
from pivot.define.signatures import Signatures
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef
from pivot.outputs import Dep, Out
from pivot.paths import ROOT, ProjectPath, project_path

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_LONGEST = 255
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_+=@,-][A-Za-z0-9_+=@,.-]{0,199}/)*[A-Za-z0-9_+=@,-][A-Za-z0-9_+=@,.-]{0,199}/?\Z"
)
"""What no path can mean but itself: names that do not begin with a dot, one ``/`` between two."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A stage in the making.

    Attributes:
        stage: its name.
        folder: paths are read relative to it.
        place: where the stage is defined.
        code: where its function is written.
        signatures: what is known of functions and loaders.
        errors: is added to.
    """

    stage: str
    function: ObjectRef
    folder: ProjectPath
    place: Place
    code: Place
    declared: Declared
    signatures: Signatures
    errors: list[PivotError] = field(default_factory=list)

    def error(self, message: str, place: Place, hint: str | None = None) -> DefinitionError:
        """An error that names the stage and a place."""
        return DefinitionError(f"stage {self.stage!r}: {message} ({place})", hint)

    def wrong(self, message: str, place: Place, hint: str | None = None) -> None:
        """Take down an error."""
        self.errors.append(self.error(message, place, hint))

    def require_sound(self) -> None:
        """Raises `DefinitionErrors` if anything is wrong."""
        if self.errors:
            raise DefinitionErrors(self.errors)

    def path(self, raw: Any, what: str, place: Place) -> ProjectPath | None:
        """A path as a person wrote it; ``None`` after an error."""
        if (
            type(raw) is str and _PLAIN.match(raw) and not self.folder.startswith(".pivot")
        ):  # nearly all of thousands
            return ProjectPath(raw if self.folder == ROOT else f"{self.folder}/{raw}")
        if not isinstance(raw, (str, os.PathLike)):
            hint = "write a text, or a list of texts"
            if isinstance(raw, (Dep, Out)):
                hint = f"write {raw.path!r}; {type(raw).__name__} belongs to the function's annotations"
            self.wrong(f"{what}: {raw!r} is no path", place, hint)
            return None
        text = os.fsdecode(raw)
        mistaken = _mistaken(text)
        if mistaken is not None:
            self.wrong(f"{what}: {mistaken[0]}", place, mistaken[1])
            return None
        # `.` and `..` are folders however they are written
        ending = "/" if text.rpartition("/")[2] in (".", "..") else ""
        try:
            found = project_path(text + ending, self.folder)
        except PivotError as error:
            self.wrong(f"{what}: {error.message}", place, error.hint)
            return None
        if found == ".":
            self.wrong(f"{what}: {text!r} is the whole project", place, "name a folder in it")
            return None
        if found.split("/", 1)[0] == ".pivot":
            self.wrong(f"{what}: {text!r} is Pivot's own", place, "choose another path")
            return None
        return found

    def paths(
        self, declared: Any, given: Any, what: str, place: Place, kind: Any
    ) -> list[tuple[int | None, ProjectPath]]:
        """The paths of a declaration, each with its position if there may be several.

        Args:
            declared: as annotated.
            given: over it, from a door; the same where there is nothing.
            kind: the annotated type.
        """
        if not is_several(declared):
            if is_several(given):
                hint = f"name one path, or annotate several in {self.function}"
                some = "a list" if len(given) == 1 else str(len(given))
                self.wrong(
                    f"{what} is one path, but {some} {'is' if len(given) == 1 else 'are'} given", place, hint
                )
                return []
            path = self.path(given, what, place)
            return [] if path is None else [(None, path)]
        raws = tuple(given) if is_several(given) else (given,)
        if not raws:
            self.wrong(f"{what} names no path", place, "name at least one")
        if not may_be(kind, list, tuple):
            name = getattr(kind, "__name__", str(kind))
            item = "…" if may_be(kind, set, frozenset) else name
            self.wrong(
                f"{what} has several paths, but its value is a {name}", self.code, f"annotate list[{item}]"
            )
            return []
        found = [(index, self.path(raw, what, place)) for index, raw in enumerate(raws)]
        return [(index, path) for index, path in found if path is not None]


def _mistaken(path: str) -> tuple[str, str] | None:
    """What is wrong with a path that means something elsewhere, but here would be a file of that very name."""
    if path == "~" or path.startswith("~/"):
        return f"path {path!r} begins in the home folder", "copy or link the data into the project"
    if _ADDRESS.match(path):
        return f"{path!r} is an address, no path", "fetch it in a stage, which writes it into the project"
    if "\\" in path:
        return f"path {path!r} has a \\ in it", "folders are divided by /"
    if any(len(os.fsencode(name)) > _LONGEST for name in path.split("/")):
        return f"path {path[:40]!r}… has too long a name", f"file systems take {_LONGEST} bytes"
    if "*" in path:
        folder = path.partition("*")[0].rpartition("/")[0]
        hint = f"name the folder, {folder + '/'!r}" if folder else "name a folder, 'data/'"
        return f"{path!r} is a pattern, no path", f"{hint}: all files in it count; or list the paths"
    return None


def is_several(raw: Any) -> bool:
    """Whether a declaration names several paths, be it a list of one."""
    return isinstance(raw, (list, tuple))


def called(raw: Any, word: str) -> str:
    """What an error calls a path that ``@stage`` was given."""
    return f"{word} {raw!r}" if isinstance(raw, str) else f"{word}s of @stage"


def names_folder(raw: Any) -> bool:
    """Whether a path as written is a folder's."""
    return isinstance(raw, str) and raw.endswith("/")
