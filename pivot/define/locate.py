"""Where stages are defined: the pipeline file, its folder, and the folders from which its code is imported."""

import os
from dataclasses import dataclass

from pivot.errors import DefinitionError
from pivot.paths import ProjectPath, absolute, relative_to_root

PIPELINE_FILES = ("pivot.yaml", "pivot.yml", "pipeline.py")


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """A file that defines stages, and where its code is imported from.

    Attributes:
        root: the project root, absolute.
        file, folder: of the pipeline file.
        roots: import roots.
    """

    root: str
    file: ProjectPath
    folder: ProjectPath
    roots: tuple[ProjectPath, ...]


def find_pipeline_file(start: str) -> str | None:
    """The nearest file that defines stages, from the folder ``start`` upwards, as an absolute path.

    Raises:
        DefinitionError: two kinds of it lie in one folder.
    """
    folder = os.path.abspath(start)
    while True:
        found = [name for name in PIPELINE_FILES if os.path.isfile(os.path.join(folder, name))]
        if len(found) > 1:
            message = f"{' and '.join(found)} both define stages in {folder}"
            raise DefinitionError(message, "keep one of them")
        if found:
            return os.path.join(folder, found[0])
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def pipeline_file(path: str, root: str) -> PipelineFile:
    """Where a pipeline file lies in its project, and from where its code is imported.

    Raises:
        PivotError: it does not lie in the project.
    """
    root = os.path.abspath(root)
    file = relative_to_root(os.path.abspath(path), root)
    folder = ProjectPath(os.path.dirname(file) or ".")
    sources = [ProjectPath("src") if base == "." else ProjectPath(f"{base}/src") for base in (folder, ".")]
    present = [source for source in sources if os.path.isdir(absolute(source, root))]
    roots = tuple(dict.fromkeys([folder, ProjectPath("."), *present]))
    return PipelineFile(root, file, folder, roots)
