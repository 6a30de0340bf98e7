"""``%pivot open``: the stages of a pipeline file in a notebook, beside those of its cells."""

import os
from collections.abc import Collection, Sequence

from pivot.define.locate import find_pipeline_file, is_pipeline_file, pipeline_file_in
from pivot.errors import DefinitionError, UsageError
from pivot.model.stage import Stage
from pivot.paths import ProjectPath
from pivot.project import Project, Workers


class Opened:
    """A pipeline file whose stages the notebook takes in, as they are at each look.

    Args:
        file: absolute.
        workers: where the stages run.

    Attributes:
        project: as that file sees it.
        names: of its stages when it was opened.
    """

    def __init__(self, file: str, workers: Workers) -> None:
        self.project = Project(os.path.dirname(file), workers=workers)
        self.shown = os.path.relpath(file, self.project.root)
        self.names: tuple[str, ...] = ()

    def beside(
        self, cells: Sequence[Stage], home: ProjectPath, modules: Collection[str]
    ) -> tuple[Stage, ...]:
        """The file's stages, without those that are the notebook's own, and then those of the cells.

        Args:
            cells: their stages.
            home: the notebook's folder.
            modules: the notebook module's name and its former ones.

        Raises:
            DefinitionErrors: the file, or code of its stages, is wrong.
            DefinitionError: a stage of the cells has the name of another one.
        """
        own = self.of_cells(home, modules)
        kept = [stage for stage in self.project.stages() if stage.name not in own]
        taken = {stage.name: stage for stage in kept}
        for stage in cells:
            if other := taken.get(stage.name):
                raise DefinitionError(
                    f"stage '{stage.name}' is defined in {stage.place.file} and, as {other.function}, in "
                    f"{self.shown}",
                    "rename one of the two",
                )
        return (*kept, *cells)

    def of_cells(self, home: ProjectPath, modules: Collection[str]) -> tuple[str, ...]:
        """Those of its stages that export wrote; arguments as of `beside`."""
        stages = self.project.stages()
        return tuple(
            stage.name for stage in stages if stage.home == home and stage.function.module in modules
        )


def open_file(word: str | None, folder: str, root: str, workers: Workers) -> Opened:
    """The pipeline file that a word means, opened.

    Args:
        word: its path, or that of its folder, relative to the notebook's; ``None``: the nearest file.
        folder: of the notebook, absolute.
        root: of its project, absolute.
        workers: where its stages run.

    Raises:
        UsageError: there is none, or it lies in another project.
        DefinitionErrors: it is wrong.
    """
    file = find_pipeline_file(folder) if word is None else _file_at(os.path.join(folder, word))
    if file is None:
        where = f"at {word}" if word else "here or in a folder above"
        raise UsageError(f"there is no pipeline file {where}", "name a pivot.yaml, or a folder with one")
    opened = Opened(file, workers)
    if opened.project.root != root:
        opened.project.close()
        raise UsageError(
            f"{word or opened.shown} belongs to another project, which keeps its own results",
            "open it from a notebook in that project's folder",
        )
    opened.names = tuple(stage.name for stage in opened.project.stages())
    return opened


def _file_at(path: str) -> str | None:
    path = os.path.abspath(path)
    if os.path.isdir(path):
        return pipeline_file_in(path)
    return path if is_pipeline_file(path) else None
