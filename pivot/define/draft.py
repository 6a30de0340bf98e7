"""A stage in the making: what its parts are read with, and what was found wrong."""

import os
from dataclasses import dataclass, field
from typing import Any

from pivot.define.declared import Declared
from pivot.define.shapes import may_be
from pivot.errors import DefinitionError, PivotError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath, is_folder, project_path


@dataclass(frozen=True, slots=True)
class Draft:
    """A stage in the making.

    Attributes:
        stage: its name.
        folder: paths are read relative to it.
        place: where the stage is defined.
        code: where its function is written.
        errors: is added to.
    """

    stage: str
    function: ObjectRef
    folder: ProjectPath
    place: Place
    code: Place
    declared: Declared
    errors: list[PivotError] = field(default_factory=list)

    def error(self, message: str, place: Place, hint: str | None = None) -> DefinitionError:
        """An error that names the stage and a place."""
        return DefinitionError(f"stage {self.stage!r}: {message} ({place})", hint)

    def wrong(self, message: str, place: Place, hint: str | None = None) -> None:
        """Take down an error."""
        self.errors.append(self.error(message, place, hint))

    def path(self, raw: Any, what: str, place: Place) -> ProjectPath | None:
        """A path as a person wrote it; ``None`` after an error."""
        if not isinstance(raw, (str, os.PathLike)):
            self.wrong(f"{what}: {raw!r} is no path", place)
            return None
        text = os.fsdecode(raw)
        try:
            found = project_path(text, self.folder)
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
                self.wrong(f"{what} is one path, but {len(given)} are given", place, hint)
                return []
            path = self.path(given, what, place)
            return [] if path is None else [(None, path)]
        raws = tuple(given) if is_several(given) else (given,)
        if not raws:
            self.wrong(f"{what} names no path", place, "name at least one")
        if not may_be(kind, list, tuple):
            name = getattr(kind, "__name__", str(kind))
            self.wrong(
                f"{what} has several paths, but its value is a {name}", self.code, f"annotate list[{name}]"
            )
            return []
        found = [(index, self.path(raw, what, place)) for index, raw in enumerate(raws)]
        return [(index, path) for index, path in found if path is not None]


def is_several(raw: Any) -> bool:
    """Whether a declaration names several paths, be it a list of one."""
    return isinstance(raw, (list, tuple))


def names_folder(raw: Any) -> bool:
    """Whether a path as written is a folder's."""
    return isinstance(raw, str) and is_folder(ProjectPath(raw))
