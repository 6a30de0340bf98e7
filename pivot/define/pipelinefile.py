"""The door of ``pipeline.py``: what its Pipelines registered, or else its marked functions → stages."""

import json
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pivot.config.params import ParamLayer, params_layer, params_text
from pivot.config.pivotfile import PathEntry
from pivot.config.spelling import did_you_mean
from pivot.define.annotations import Overrides, stage_from_function
from pivot.define.declared import is_model
from pivot.define.decorator import mark_of, marked_functions
from pivot.define.functions import code_place
from pivot.define.imports import Modules
from pivot.define.locate import PipelineFile
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.model.stage import Stage
from pivot.paths import relative_to_root
from pivot.pipeline import Pipeline, Registration
from pivot.yamlio import YamlDocument


def stages_from_pipelinefile(
    params: YamlDocument | None, modules: Modules, errors: list[PivotError]
) -> list[Stage]:
    """The stages of a ``pipeline.py``; what is wrong with the others is added to ``errors``.

    Raises:
        PivotError: the file cannot be imported or defines no stages.
    """
    home = modules.home
    name = os.path.splitext(os.path.basename(home.file))[0]
    module = modules.module(name, None, Place(home.file))
    if isinstance(module, PivotError):
        raise module
    pipelines = {id(value): value for value in vars(module).values() if isinstance(value, Pipeline)}
    registrations = [r for pipeline in pipelines.values() for r in pipeline.registrations]
    if pipelines:
        return _collected(((_registered, r) for r in registrations), params, home, errors)
    functions = marked_functions(module)
    if not functions:
        hint = "register functions on a Pipeline, or mark them with @pivot.stage"
        raise DefinitionError(f"{home.file} defines no stages", hint)
    return _collected(((_marked, function) for function in functions), params, home, errors)


def marked_stages(
    module: ModuleType, home: PipelineFile, params: YamlDocument | None = None
) -> tuple[Stage, ...]:
    """The stages that a module's ``@pivot.stage`` functions make, in the order of its text.

    Raises:
        DefinitionErrors: everything that is wrong with them.
    """
    errors: list[PivotError] = []
    stages = _collected(((_marked, function) for function in marked_functions(module)), params, home, errors)
    if errors:
        raise DefinitionErrors(errors)
    return tuple(stages)


def _collected(
    makers: Any, params: YamlDocument | None, home: PipelineFile, errors: list[PivotError]
) -> list[Stage]:
    stages = []
    for make, source in makers:
        try:
            stages.append(make(source, params, home))
        except DefinitionErrors as error:
            errors.extend(error.errors)
        except PivotError as error:
            errors.append(error)
    return stages


def _marked(function: Any, params: YamlDocument | None, home: PipelineFile) -> Stage:
    mark = mark_of(function)
    name = (mark.name if mark else None) or function.__name__
    layer = params_layer(params, name)
    place = code_place(function, home.root, Place(home.file))
    return stage_from_function(
        function,
        name=name,
        folder=home.folder,
        roots=home.roots,
        place=place,
        overrides=Overrides(params=(layer,) if layer else ()),
    )


def _registered(said: Registration, params: YamlDocument | None, home: PipelineFile) -> Stage:
    place = Place(home.file, said.line)
    try:
        file = relative_to_root(os.path.realpath(said.file), os.path.realpath(home.root))
        place = Place(file, said.line)
    except PivotError:
        pass  # registered by code outside of the project: the pipeline file is the nearest place
    mark = mark_of(said.function)
    name = (
        said.name or (mark.name if mark else None) or str(getattr(said.function, "__name__", said.function))
    )
    layers = (_given(said, name, place), params_layer(params, name))
    return stage_from_function(
        said.function,
        name=name,
        folder=home.folder,
        roots=home.roots,
        place=place,
        code=code_place(said.function, home.root, place),
        overrides=Overrides(
            deps={key: PathEntry(path, None, place) for key, path in said.dep_paths.items()},
            outs={None: {key: _out_path(value, key, name, place) for key, value in said.out_paths.items()}},
            params=tuple(layer for layer in layers if layer is not None),
            mutex=said.mutex or None,
        ),
    )


def _given(said: Registration, stage: str, place: Place) -> ParamLayer | None:
    """The params given to ``register``: an instance, a mapping, or the bare model, which adds nothing."""
    params = said.params
    if params is None or is_model(params):
        return None
    if isinstance(params, Mapping):
        return ParamLayer(params, place)
    if is_model(type(params)):
        return ParamLayer(json.loads(params_text(params)), place)
    hint = "give an instance of the stage's params model, or a mapping"
    raise DefinitionError(f"stage {stage!r}: params {params!r} are no params ({place})", hint)


def _out_path(value: Any, key: str, stage: str, place: Place) -> PathEntry:
    if not isinstance(value, Mapping):
        return PathEntry(value, None, place)
    for word in value:
        if word not in ("path", "cache"):
            message = f"stage {stage!r}: out {key!r}: unknown key {word!r} ({place})"
            raise DefinitionError(message, did_you_mean(word, ("path", "cache")))
    if "path" not in value:
        raise DefinitionError(f"stage {stage!r}: out {key!r}: 'path' is missing ({place})", "add it")
    cache = value.get("cache")
    if not isinstance(cache, (bool, type(None))):
        raise DefinitionError(
            f"stage {stage!r}: out {key!r}: cache is True or False, not {cache!r} ({place})"
        )
    return PathEntry(value["path"], cache, place)
