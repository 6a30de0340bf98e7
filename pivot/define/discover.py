"""Finding the file that defines the stages, and reading it: everything that is wrong is told at once.

The user's modules are imported for the reading and forgotten again: the next reading sees the next text.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pivot.config import PARAMS_FILE
from pivot.config.params import check_params_names, read_params
from pivot.core.graph import Graph
from pivot.define.imports import Modules
from pivot.define.locate import PipelineFile, pipeline_file
from pivot.define.pipelinefile import stages_from_pipelinefile
from pivot.define.pivotfile import stages_from_pivotfile
from pivot.define.sources import ProjectImporter
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.digest import Digest
from pivot.model.stage import Stage
from pivot.paths import absolute, relative_to_root
from pivot.yamlio import YamlDocument


@dataclass(frozen=True, slots=True)
class Definition:
    """What a pipeline file defines, and what that was read from.

    Attributes:
        modules: project module → digest of the text that was executed to define the stages.
        files: project module → its file.
    """

    stages: tuple[Stage, ...]
    modules: Mapping[str, Digest]
    files: Mapping[str, str]


def define_file(path: str, root: str) -> tuple[Stage, ...]:
    """The stages that a pipeline file defines.

    Args:
        path: of a ``pivot.yaml``, ``pivot.yml`` or ``pipeline.py``, absolute.
        root: of the project, absolute.

    Raises:
        DefinitionErrors: everything that is wrong with the file, its params and the stages' functions.
    """
    return definition(path, root).stages


def definition(path: str, root: str) -> Definition:
    """As `define_file`, with the modules that were imported for it.

    Raises:
        DefinitionErrors: as `define_file`.
    """
    home = pipeline_file(path, root)
    errors: list[PivotError] = []
    params = _params(home, errors)
    importer = ProjectImporter([absolute(folder, home.root) for folder in home.roots])
    with importer:
        stages = _stages(path, params, Modules(home, importer), errors)
    try:
        Graph(stages)
    except DefinitionErrors as error:
        errors.extend(error.errors)
    if not errors:
        takers = [stage.name for stage in stages if stage.params is not None]
        errors.extend(check_params_names(params, takers, [stage.name for stage in stages]))
    if errors:
        raise DefinitionErrors(errors)
    return Definition(tuple(stages), dict(importer.loaded), dict(importer.files))


def _stages(
    path: str, params: YamlDocument | None, modules: Modules, errors: list[PivotError]
) -> list[Stage]:
    try:
        if path.endswith(".py"):
            return stages_from_pipelinefile(params, modules, errors)
        with open(path, encoding="utf-8") as file:
            return stages_from_pivotfile(file.read(), params, modules, errors)
    except DefinitionErrors as error:
        errors.extend(error.errors)
    except PivotError as error:
        errors.append(error)
    return []


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
