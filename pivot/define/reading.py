"""Reading one pipeline file: the user's modules are imported for it and forgotten again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pivot.config import PARAMS_FILE
from pivot.config.params import check_params_names, read_params
from pivot.define.imports import Modules
from pivot.define.locate import FileStages, PipelineFile, pipeline_file
from pivot.define.pipelinefile import stages_from_pipelinefile
from pivot.define.pivotfile import stages_from_pivotfile
from pivot.define.sources import ProjectImporter
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.digest import Digest
from pivot.paths import absolute, relative_to_root
from pivot.yamlio import YamlDocument


@dataclass(frozen=True, slots=True)
class Reading:
    """A pipeline file as it was read.

    Attributes:
        modules: project module → digest of the text that was executed to define the stages.
        files: project module → its file.
        read: all files that were read, absolute; also those that were looked for and are not there.
    """

    home: PipelineFile
    said: FileStages
    modules: Mapping[str, Digest]
    files: Mapping[str, str]
    read: tuple[str, ...]


def read_pipeline_file(path: str, root: str, errors: list[PivotError]) -> Reading:
    """What a pipeline file says; what is wrong with it is added to ``errors``.

    Args:
        path: of a ``pivot.yaml``, ``pivot.yml`` or ``pipeline.py``, absolute.
        root: of the project, absolute.
        errors: is added to.
    """
    home = pipeline_file(path, root)
    before = len(errors)
    params = _params(home, errors)
    importer = ProjectImporter([absolute(folder, home.root) for folder in home.roots])
    with importer:
        said = _stages(path, params, Modules(home, importer), errors)
    stages = tuple(replace(stage, home=home.folder) for stage in said.stages)
    if len(errors) == before:
        takers = [stage.name for stage in stages if stage.params is not None]
        errors.extend(check_params_names(params, takers, [stage.name for stage in stages]))
    beside = os.path.join(absolute(home.folder, home.root), PARAMS_FILE)
    return Reading(
        home,
        replace(said, stages=stages),
        dict(importer.loaded),
        dict(importer.files),
        (path, beside, *said.read, *importer.files.values()),
    )


def _stages(path: str, params: YamlDocument | None, modules: Modules, errors: list[PivotError]) -> FileStages:
    try:
        if path.endswith(".py"):
            return stages_from_pipelinefile(params, modules, errors)
        with open(path, encoding="utf-8") as file:
            return stages_from_pivotfile(file.read(), params, modules, errors)
    except DefinitionErrors as error:
        errors.extend(error.errors)
    except PivotError as error:
        errors.append(error)
    return FileStages(())


def _params(home: PipelineFile, errors: list[PivotError]) -> YamlDocument | None:
    path = os.path.join(absolute(home.folder, home.root), PARAMS_FILE)
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return read_params(file.read(), relative_to_root(path, home.root))
    except DefinitionErrors as error:
        errors.extend(error.errors)
    except PivotError as error:
        errors.append(error)
    return None
