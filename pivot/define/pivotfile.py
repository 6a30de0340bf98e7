"""The door of ``pivot.yaml``: entries that name annotated functions → stages."""

from dataclasses import replace
from typing import Any

from pivot.config.params import ParamLayer, params_layer
from pivot.config.pivotfile import StageEntry, read_pivotfile
from pivot.define.annotations import Overrides, stage_from_function
from pivot.define.functions import code_place
from pivot.define.imports import Modules
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.stage import OutKind, Stage
from pivot.paths import project_path
from pivot.yamlio import YamlDocument


def stages_from_pivotfile(
    text: str, params: YamlDocument | None, modules: Modules, errors: list[PivotError]
) -> list[Stage]:
    """The stages of a ``pivot.yaml``; what is wrong with the others is added to ``errors``.

    Args:
        text: of the file.
        params: of the ``params.yaml`` beside it.
        modules: import the named functions.
        errors: is added to.

    Raises:
        PivotError: the file itself is not as it must be.
    """
    stages = []
    for entry in read_pivotfile(text, modules.home.file):
        found = modules.function(entry.python, entry.name, entry.place("python"))
        if isinstance(found, PivotError):
            errors.append(found)
        elif found is not None:
            try:
                stages.append(_stage(entry, found, params, modules))
            except DefinitionErrors as error:
                errors.extend(error.errors)
            except PivotError as error:
                errors.append(error)
    return stages


def _stage(entry: StageEntry, found: tuple[Any, Any], params: YamlDocument | None, modules: Modules) -> Stage:
    home = modules.home
    if entry.cwd is not None:
        home = replace(home, folder=_shifted(entry, modules))
    layers = [params_layer(params, entry.name)]
    if entry.params:
        place = entry.place("params")
        layers.insert(0, ParamLayer(entry.params, place, entry.document, (*entry.at, "params")))
    function, ref = found
    place = entry.place()
    return stage_from_function(
        function,
        name=entry.name,
        folder=home.folder,
        roots=home.roots,
        place=place,
        code=code_place(function, home.root, place),
        ref=ref,
        overrides=Overrides(
            deps=entry.deps,
            outs={OutKind.OUT: entry.outs, OutKind.METRIC: entry.metrics, OutKind.PLOT: entry.plots},
            params=tuple(layer for layer in layers if layer is not None),
            mutex=entry.mutex,
        ),
    )


def _shifted(entry: StageEntry, modules: Modules) -> Any:
    place = entry.place("cwd")
    try:
        return project_path((entry.cwd or "").rstrip("/") or "/", modules.home.folder)
    except PivotError as error:
        raise DefinitionError(f"stage {entry.name!r}: cwd: {error.message} ({place})", error.hint) from error
