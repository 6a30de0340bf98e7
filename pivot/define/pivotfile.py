"""The door of ``pivot.yaml``: entries that name annotated functions → stages."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pivot.config.params import params_layers
from pivot.config.pivotfile import StageEntry, read_pivotfile
from pivot.define.annotations import Overrides, stage_from_function
from pivot.define.functions import code_place
from pivot.define.imports import Modules
from pivot.define.locate import FileStages, Inclusion, included_file
from pivot.define.variants import Made, made_by, stage_variant, vars_of
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.stage import OutKind, Stage
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
    said = read_pivotfile(text, home.file)
    read: list[str] = []
    values = vars_of(said.vars, home.folder, home.root, errors, read)
    inclusions = []
    for path, place in said.include:
        try:
            inclusions.append(Inclusion(included_file(path, home), None))
        except PivotError as error:
            errors.append(DefinitionError(f"include: {error.message} ({place})", error.hint))
    stages: list[Stage] = []
    for entry in said.stages:
        found = modules.function(entry.python, entry.name, entry.place("python"))
        if isinstance(found, PivotError):
            errors.append(found)
        told: set[str] = set()
        for made in made_by(entry, values, errors):
            if isinstance(found, tuple):
                try:
                    stages.append(_stage(entry, made, found, params, modules))
                except PivotError as error:
                    errors.extend(_once(error, made.name, told))
    return FileStages(tuple(stages), tuple(inclusions), tuple(read))


def _once(error: PivotError, stage: str, told: set[str]) -> Iterator[PivotError]:
    """The errors of a stage; what all variants would tell, the first one tells."""
    for one in error.errors if isinstance(error, DefinitionErrors) else (error,):
        text = str(one).replace(repr(stage), "")
        if text not in told:
            told.add(text)
            yield one


def _stage(
    entry: StageEntry,
    made: Made,
    found: tuple[Any, Any],
    params: YamlDocument | None,
    modules: Modules,
) -> Stage:
    home = modules.home
    if made.cwd is not None:
        home = replace(home, folder=_shifted(entry, made, modules))
    function, ref = found
    place = entry.place()
    return stage_from_function(
        function,
        name=made.name,
        folder=home.folder,
        roots=home.roots,
        place=place,
        code=code_place(function, home.root, place),
        ref=ref,
        overrides=Overrides(
            deps=made.paths["deps"],
            outs={
                OutKind.OUT: made.paths["outs"],
                OutKind.METRIC: made.paths["metrics"],
                OutKind.PLOT: made.paths["plots"],
            },
            params=(*made.params, *params_layers(params, made.name)),
            mutex=made.mutex,
            variant=stage_variant(made.variant),
        ),
    )


def _shifted(entry: StageEntry, made: Made, modules: Modules) -> ProjectPath:
    place = entry.place("cwd")
    try:
        return project_path((made.cwd or "").rstrip("/") or "/", modules.home.folder)
    except PivotError as error:
        raise DefinitionError(f"stage {made.name!r}: cwd: {error.message} ({place})", error.hint) from error
