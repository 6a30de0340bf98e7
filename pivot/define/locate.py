"""Where stages are defined: the pipeline file, its folder, the folders from which its code is imported, and the
other pipeline files that it names.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pivot.define.glance import SOURCES
from pivot.errors import DefinitionError, UsageError
from pivot.paths import ROOT, ProjectPath, absolute, project_path, relative_to_root
from pivot.store.root import PIPELINE_FILES, find_root, git_root

if TYPE_CHECKING:
    from pivot.model.stage import Stage


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


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Another pipeline file whose stages are taken in.

    Attributes:
        file: absolute.
        names: of the stages that are; ``None``: all.
    """

    file: str
    names: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class FileStages:
    """What one pipeline file says.

    Attributes:
        stages: its own, in the order of the file.
        read: files beside it that it names, absolute.
        notices: what a person should know of it.
        is_workflow: whether it is one of Flowdapt's.
    """

    stages: "tuple[Stage, ...]"
    inclusions: tuple[Inclusion, ...] = ()
    read: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    is_workflow: bool = False


def find_home(start: str) -> tuple[str | None, PipelineFile]:
    """The nearest file that defines stages, as an absolute path, and where it lies in its project.

    Where there is none, the second is the ``pivot.yaml`` that would stand in the folder.

    Args:
        start: a folder in or under the project, or a pipeline file, absolute.

    Raises:
        DefinitionError: two kinds of it lie in one folder, or a file can define no stages.
        UsageError: it is not there.
    """
    if not os.path.isdir(start):
        _require_pipeline_file(start)
        file: str | None = start
        start = os.path.dirname(start)
    else:
        file = find_pipeline_file(start)
    base = os.path.dirname(file) if file else start
    root = find_root(start) or git_root(base) or base
    return file, pipeline_file(file or os.path.join(base, "pivot.yaml"), root)


def _require_pipeline_file(path: str) -> None:
    if not os.path.isfile(path):
        raise UsageError(f"there is no {path}", "name a pivot.yaml, a pipeline.py, or the folder of one")
    if not path.endswith((".yaml", ".yml")) and os.path.basename(path) not in PIPELINE_FILES:
        raise UsageError(f"{path} defines no stages", f"name one of {', '.join(PIPELINE_FILES)}")


def find_pipeline_file(start: str) -> str | None:
    """The nearest file that defines stages, from the folder ``start`` upwards, as an absolute path.

    Raises:
        DefinitionError: two kinds of it lie in one folder.
    """
    folder = os.path.abspath(start)
    while True:
        found = pipeline_file_in(folder)
        if found is not None:
            return found
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def is_pipeline_file(path: str) -> bool:
    """Whether there is a file that defines stages, by its name."""
    return os.path.basename(path) in PIPELINE_FILES and os.path.isfile(path)


def pipeline_file_in(folder: str) -> str | None:
    """The file in a folder that defines stages, as an absolute path.

    Args:
        folder: absolute.

    Raises:
        DefinitionError: two kinds of it lie there.
    """
    found = [name for name in PIPELINE_FILES if os.path.isfile(os.path.join(folder, name))]
    if len(found) > 1:
        message = f"{' and '.join(found)} both define stages in {folder}"
        raise DefinitionError(message, "keep one of them")
    return os.path.join(folder, found[0]) if found else None


def included_file(path: str, home: PipelineFile) -> str:
    """The pipeline file that another one names by its path or by that of its folder, as an absolute path.

    Raises:
        PivotError: there is none, or it does not lie in the project.
    """
    inner = path if path.strip("./") else f"{path.rstrip('/')}/"  # `..` names a folder
    found = absolute(ProjectPath(project_path(inner, home.folder).rstrip("/") or ROOT), home.root)
    file = found if os.path.isfile(found) else pipeline_file_in(found)
    if file is None or os.path.basename(file) not in PIPELINE_FILES:
        raise DefinitionError(
            f"{path!r} is no pipeline file, nor a folder with one", f"name one of {', '.join(PIPELINE_FILES)}"
        )
    if file == absolute(home.file, home.root):
        raise DefinitionError(f"{path!r} is this file itself", "leave it out")
    return file


def pipeline_file(path: str, root: str) -> PipelineFile:
    """Where a pipeline file lies in its project, and from where its code is imported.

    Raises:
        PivotError: it does not lie in the project.
    """
    root = os.path.abspath(root)
    file = relative_to_root(os.path.abspath(path), root)
    folder = ProjectPath(os.path.dirname(file) or ".")
    sources = [ProjectPath(SOURCES if base == "." else f"{base}/{SOURCES}") for base in (folder, ".")]
    present = [source for source in sources if os.path.isdir(absolute(source, root))]
    roots = tuple(dict.fromkeys([folder, ProjectPath("."), *present]))
    return PipelineFile(root, file, folder, roots)
