"""The door of ``pivot.yaml``: entries that name annotated functions → stages."""

from collections.abc import Iterator
from typing import Any

from pivot.config.params import MissingParamError, params_layers
from pivot.config.pivotfile import StageEntry, read_pivotfile
from pivot.define.annotations import Overrides, stage_from_function
from pivot.define.functions import code_place
from pivot.define.imports import Modules
from pivot.define.locate import FileStages, Inclusion, PipelineFile, included_file
from pivot.define.outs import Given
from pivot.define.variants import Made, made_by, stage_variant, vars_of
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind, Stage
from pivot.paths import ProjectPath, project_path
from pivot.yamlio import YamlDocument


def stages_from_pivotfile(
    text: str, params: YamlDocument | None, modules: Modules, errors: list[PivotError]
) -> FileStages:
    """The stages of a ``pivot.yaml``; what is wrong with the others is added to ``errors``.

    Args:
        text: of the file.
        params: of the ``params.yaml`` beside it.
        modules: import the named functions.
        errors: is added to.

    Raises:
        PivotError: the file itself is not as it must be.
    """
    home = modules.home
    said = read_pivotfile(text, home.file, errors)
    read: list[str] = []
    values = vars_of(said.vars, home.folder, home.root, errors, read)
    inclusions = []
    for path, place in said.include:
        try:
            inclusions.append(Inclusion(included_file(path, home), None))
        except PivotError as error:
            errors.append(DefinitionError(f"include: {error.message} ({place})", error.hint))
    stages: list[Stage] = []
    written: dict[ObjectRef, Place | None] = {}
    for entry in said.stages:
        found = modules.function(entry.python, entry.name, entry.place("python"))
        if isinstance(found, PivotError):
            errors.append(found)
        told: set[str] = set()
        for made in made_by(entry, values, errors):
            if isinstance(found, tuple):
                try:
                    outs: Given = {
                        OutKind.OUT: made.paths["outs"],
                        OutKind.METRIC: made.paths["metrics"],
                        OutKind.PLOT: made.paths["plots"],
                    }
                    if found[1] not in written:  # an entry for each file makes thousands of one function
                        written[found[1]] = code_place(found[0], home.root)
                    code = written[found[1]] or entry.place()
                    stage = made_stage(entry, made, found, outs, params, home, code)
                    stages += [stage] if entry.name not in said.broken else []
                except PivotError as error:
                    new = once(error, made.name, told)
                    is_broken = entry.name in said.broken  # what was taken out is not missing
                    errors.extend(e for e in new if not (is_broken and isinstance(e, MissingParamError)))
    return FileStages(tuple(stages), tuple(inclusions), tuple(read))


def once(error: PivotError, stage: str, told: set[str]) -> Iterator[PivotError]:
    """The errors of a stage; what all variants would tell, the first one tells."""
    for one in error.errors if isinstance(error, DefinitionErrors) else (error,):
        text = str(one).replace(repr(stage), "")
        if text not in told:
            told.add(text)
            yield one


def made_stage(
    entry: StageEntry,
    made: Made,
    found: tuple[Any, ObjectRef],
    outs: Given,
    params: YamlDocument | None,
    home: PipelineFile,
    code: Place,
) -> Stage:
    """One of the stages that an entry makes.

    Args:
        found: the function, and the name under which it was found.
        outs: what the entry says of outputs.
        params: of the ``params.yaml`` beside it.
        code: where the function is written.

    Raises:
        PivotError: what is wrong with it.
    """
    function, ref = found
    return stage_from_function(
        function,
        name=made.name,
        folder=home.folder if made.cwd is None else _shifted(entry, made, home),
        roots=home.roots,
        place=entry.place(),
        code=code,
        ref=ref,
        overrides=Overrides(
            deps=made.paths["deps"],
            outs=outs,
            params=(*made.params, *params_layers(params, made.name)),
            mutex=made.mutex,
            rules=made.rules,
            variant=stage_variant(made.variant),
            values=made.values,
        ),
    )


def _shifted(entry: StageEntry, made: Made, home: PipelineFile) -> ProjectPath:
    place = entry.place("cwd")
    try:
        given = made.cwd or ""
        return project_path(given.rstrip("/") or given, home.folder)
    except PivotError as error:
        raise DefinitionError(f"stage {made.name!r}: cwd: {error.message} ({place})", error.hint) from error
