"""Reading one pipeline file: the user's modules are imported for it and forgotten again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pivot.config import PARAMS_FILE
from pivot.config.params import MissingParamError, check_params_names, read_params
from pivot.config.supply import ParamSupply, SetValue
from pivot.define.imports import Modules
from pivot.define.locate import FileStages, PipelineFile, pipeline_file
from pivot.define.pipelinefile import stages_from_pipelinefile
from pivot.define.pivotfile import stages_from_pivotfile
from pivot.define.sources import ImportWatch, ProjectImporter
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.digest import Digest
from pivot.paths import ROOT, ProjectPath, absolute, relative_to_root
from pivot.yamlio import YamlDocument, yaml_text


@dataclass(frozen=True, slots=True)
class Reading:
    """A pipeline file as it was read.

    Attributes:
        modules: project module → digest of the text that was executed to define the stages.
        files: project module → its file.
        read: all files that were read, absolute; also those that were looked for and are not there.
        settled: those of them that say which stages there are: the file itself, its params and vars.
    """

    home: PipelineFile
    said: FileStages
    modules: Mapping[str, Digest]
    files: Mapping[str, str]
    read: tuple[str, ...]
    settled: tuple[str, ...]


def read_pipeline_file(
    path: str,
    root: str,
    errors: list[PivotError],
    sets: tuple[SetValue, ...] = (),
    watch: ImportWatch | None = None,
    *,
    is_own: bool = True,
) -> Reading:
    """What a pipeline file says; what is wrong with it is added to ``errors``.

    Args:
        path: of a ``pivot.yaml``, ``pivot.yml`` or ``pipeline.py``, absolute.
        root: of the project, absolute.
        errors: is added to.
        sets: values of params and config over all that files say.
        watch: who is told when a module of the project is executed.
        is_own: whether it is the file that is worked with: the stages of others have their folder in front.
    """
    home = pipeline_file(path, root)
    before = len(errors)
    params = params_beside(home, errors)
    importer = ProjectImporter([absolute(folder, home.root) for folder in home.roots], watch=watch)
    is_read = len(errors) == before
    with importer:
        supply = ParamSupply(params, sets=sets, prefix="" if is_own else name_prefix(home.folder))
        said = _stages(path, supply, Modules(home, importer), errors)
    if not is_read:  # what a broken params.yaml would have given is not missing
        errors[:] = [error for error in errors if not isinstance(error, MissingParamError)]
    if len(errors) == before:
        takers = [stage.name for stage in said.stages if stage.params is not None]
        errors.extend(check_params_names(params, takers, [stage.name for stage in said.stages]))
    beside = os.path.join(absolute(home.folder, home.root), PARAMS_FILE)
    settled = (path, beside, *said.read)
    return Reading(
        home,
        said,
        dict(importer.loaded),
        dict(importer.files),
        (*settled, *importer.files.values()),
        settled,
    )


def name_prefix(folder: ProjectPath) -> str:
    """What stands in front of the names of another file's stages: ``prepare:``."""
    return f"{'' if folder == ROOT else folder}:"


def _stages(path: str, params: ParamSupply, modules: Modules, errors: list[PivotError]) -> FileStages:
    try:
        if path.endswith(".py"):
            return stages_from_pipelinefile(params, modules, errors)
        return stages_from_pivotfile(yaml_text(path, modules.home.file), params, modules, errors)
    except DefinitionErrors as error:
        errors.extend(error.errors)
    except PivotError as error:
        errors.append(error)
    return FileStages(())


def params_beside(home: PipelineFile, errors: list[PivotError]) -> YamlDocument | None:
    """The ``params.yaml`` beside a pipeline file, if there is one; what is wrong with it is added to ``errors``."""
    path = os.path.join(absolute(home.folder, home.root), PARAMS_FILE)
    if not os.path.isfile(path):
        return None
    file = relative_to_root(path, home.root)
    try:
        return read_params(yaml_text(path, file), file)
    except DefinitionErrors as error:
        errors.extend(error.errors)
    except PivotError as error:
        errors.append(error)
    return None
