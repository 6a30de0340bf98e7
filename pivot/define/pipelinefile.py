"""The door of ``pipeline.py``: what its Pipelines registered, or else its marked functions → stages."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from pivot.config.mapping import ValueEntry, depends_entry, map_entry
from pivot.config.params import ParamLayer, params_text, plain_table
from pivot.config.pivotfile import PathEntry
from pivot.config.spelling import did_you_mean
from pivot.config.supply import ParamSupply
from pivot.config.tables import ConfigPart, config_parts
from pivot.core.matrix import Problem, Variant, problems, variants
from pivot.define.annotations import Overrides, stage_from_function
from pivot.define.declared import is_model
from pivot.define.decorator import mark_of, marked_functions
from pivot.define.functions import code_place, name_of
from pivot.define.imports import Modules
from pivot.define.locate import FileStages, Inclusion, PipelineFile
from pivot.define.pivotfile import file_context
from pivot.define.rules import rules_said
from pivot.define.variants import stage_variant
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.context import FileContext
from pivot.model.place import Place
from pivot.model.stage import Stage
from pivot.paths import absolute, relative_to_root
from pivot.pipeline import Pipeline, Registration
from pivot.store.root import PIPELINE_FILES


def stages_from_pipelinefile(params: ParamSupply, modules: Modules, errors: list[PivotError]) -> FileStages:
    """The stages of a ``pipeline.py``; what is wrong with the others is added to ``errors``.

    Raises:
        PivotError: the file cannot be imported or defines no stages.
    """
    home = modules.home
    name = os.path.splitext(os.path.basename(home.file))[0]
    module = modules.module(name, None, Place(home.file))
    if isinstance(module, PivotError):
        raise module
    pipelines = list(_with_included(value for value in vars(module).values() if isinstance(value, Pipeline)))
    if pipelines:
        others = {id(pipeline): _other_file(pipeline, home) for pipeline in pipelines}
        read: list[str] = []
        stages: list[Stage] = []
        for each in pipelines:
            if others[id(each)] is None:
                supply = _with_params_of(each, params, home, errors)
                context = file_context(supply, _config_of(each, home), home, errors, read)
                stages += _collected(
                    ((partial(_registered, context=context), r) for r in each.registrations),
                    supply,
                    home,
                    errors,
                )
                errors.extend(supply.unclaimed(surely=not errors))
        inclusions = [
            Inclusion(file, frozenset(_name(said)[0] for said in each.registrations))
            for each in pipelines
            if (file := others[id(each)]) is not None
        ]
        return FileStages(tuple(stages), tuple(inclusions), tuple(read))
    functions = marked_functions(module)
    if not functions:
        hint = "register functions on a Pipeline, or mark them with @pivot.stage"
        raise DefinitionError(f"{home.file} defines no stages", hint)
    make = partial(_marked, context=file_context(params, (), home, errors, []))
    return FileStages(tuple(_collected(((make, function) for function in functions), params, home, errors)))


def _with_included(pipelines: Iterable[Pipeline]) -> Iterator[Pipeline]:
    """Pipelines and all that they include, each once."""
    seen: set[int] = set()
    waiting = list(pipelines)
    while waiting:
        pipeline = waiting.pop(0)
        if id(pipeline) not in seen:
            seen.add(id(pipeline))
            yield pipeline
            waiting += pipeline.included


def _other_file(pipeline: Pipeline, home: PipelineFile) -> str | None:
    """The other ``pipeline.py`` of the project that made a pipeline, absolute.

    It is read as what it is, so that its stages are the same from wherever they are looked at. What any other
    module makes belongs to the file that is being read.
    """
    file = os.path.realpath(pipeline.file)
    root = os.path.realpath(home.root)
    if os.path.basename(file) not in PIPELINE_FILES or os.path.commonpath([file, root]) != root:
        return None
    if file == os.path.realpath(absolute(home.file, home.root)):
        return None
    return os.path.join(home.root, os.path.relpath(file, root))


def _collected(makers: Any, params: ParamSupply, home: PipelineFile, errors: list[PivotError]) -> list[Stage]:
    stages = []
    for make, source in makers:
        try:
            stages.append(make(source, params, home))
        except DefinitionErrors as error:
            errors.extend(error.errors)
        except PivotError as error:
            errors.append(error)
    return stages


def _marked(function: Any, params: ParamSupply, home: PipelineFile, *, context: FileContext) -> Stage:
    mark = mark_of(function)
    name = (mark.name if mark else None) or function.__name__
    place = code_place(function, home.root) or Place(home.file)
    return stage_from_function(
        function,
        name=name,
        folder=home.folder,
        home=home.folder,
        roots=home.roots,
        place=place,
        overrides=Overrides(params=params.layers(name), context=context),
    )


def _registered(
    said: Registration, params: ParamSupply, home: PipelineFile, *, context: FileContext
) -> Stage:
    place = Place(home.file, said.line)
    try:
        file = relative_to_root(os.path.realpath(said.file), os.path.realpath(home.root))
        place = Place(file, said.line)
    except PivotError:
        pass  # registered by code outside of the project: the pipeline file is the nearest place
    name, variant = _name(said)
    wrong = _wrong_variant(said) if said.variant else ()
    if wrong:
        told = (DefinitionError(f"stage {name!r}: {one.message} ({place})", one.hint) for one in wrong)
        raise DefinitionErrors(told)
    errors: list[PivotError] = []
    given = _given(said, name, place, errors)
    deps = _paths_given(said.dep_paths, "dep", name, place, errors)
    outs = _paths_given(said.out_paths, "out", name, place, errors)
    values = _values_given(said, name, place, errors)
    layers = params.layers(name, (given,) if given else ())
    try:
        stage = stage_from_function(
            said.function,
            name=name,
            folder=home.folder,
            home=home.folder,
            roots=home.roots,
            place=place,
            code=code_place(said.function, home.root) or place,
            overrides=Overrides(
                deps=deps,
                outs={None: outs},
                params=layers,
                mutex=said.mutex or None,
                rules=(rules_said(said.rules, place),),
                variant=stage_variant(variant),
                context=context,
                values=values,
            ),
        )
    except DefinitionErrors as error:
        errors.extend(error.errors)
    if errors:
        raise DefinitionErrors(errors)
    return stage


def _with_params_of(
    pipeline: Pipeline, params: ParamSupply, home: PipelineFile, errors: list[PivotError]
) -> ParamSupply:
    """Where the params of a Pipeline's stages come from, with what it says for all of them."""
    place = Place(home.file, pipeline.line)
    try:
        return params.with_shared(plain_table(pipeline.params), place)
    except (TypeError, ValueError) as error:
        errors.append(DefinitionError(f"a param of {pipeline!r} has no JSON form: {error} ({place})"))
        return params


def _config_of(pipeline: Pipeline, home: PipelineFile) -> tuple[ConfigPart, ...]:
    return config_parts(pipeline.config, Place(home.file, pipeline.line))


def _base_name(said: Registration) -> str:
    mark = mark_of(said.function)
    return str(said.name or (mark.name if mark else None) or name_of(said.function))


def _name(said: Registration) -> tuple[str, Variant | None]:
    """What a registered stage is called, and which variant it is."""
    name = _base_name(said)
    if not said.variant or _wrong_variant(said):
        return name, None
    (variant,) = variants(name, {key: (value,) for key, value in said.variant.items()})
    return variant.name, variant


def _wrong_variant(said: Registration) -> tuple[Problem, ...]:
    return problems(_base_name(said), {key: (value,) for key, value in said.variant.items()})


def _paths(given: Any) -> Any:
    """Paths as they were given; what is none of them is said later, with all that is wrong."""
    if isinstance(given, os.PathLike):
        return os.fspath(given)
    return tuple(_paths(path) for path in given) if isinstance(given, (list, tuple)) else given


def _given(said: Registration, stage: str, place: Place, errors: list[PivotError]) -> ParamLayer | None:
    """The params given to ``register``: an instance, a mapping, or the bare model, which adds nothing."""
    params = said.params
    if params is None or is_model(params):
        return None
    if isinstance(params, Mapping):
        return ParamLayer(params, place)
    if is_model(type(params)):
        return ParamLayer(json.loads(params_text(params)), place)
    hint = "give an instance of the stage's params model, or a mapping"
    errors.append(DefinitionError(f"stage {stage!r}: params {params!r} are no params ({place})", hint))
    return None


def _values_given(said: Registration, stage: str, place: Place, errors: list[PivotError]) -> ValueEntry:
    """What ``register`` was told of other stages."""
    try:
        depends_on = None if said.depends_on is None else depends_entry(said.depends_on, place)
        return ValueEntry(depends_on, None if said.map is None else map_entry(said.map, place))
    except DefinitionError as error:
        errors.append(DefinitionError(f"stage {stage!r}: {error.message}", error.hint))
        return ValueEntry()


_OPTIONS: Mapping[str, Mapping[str, type | None]] = {
    "dep": {"path": None},
    "out": {"path": None, "cache": bool, "x": str, "y": str, "template": str},
}
"""The keys of a dep or output given as a mapping, and the types of the optional ones."""


def _paths_given(
    table: Mapping[str, Any], what: str, stage: str, place: Place, errors: list[PivotError]
) -> dict[str, PathEntry]:
    """The paths given to ``register``; what is wrong with them is added to ``errors``."""
    found: dict[str, PathEntry] = {}
    for key, value in table.items():
        if not isinstance(value, Mapping):
            found[key] = PathEntry(_paths(value), None, place)
            continue
        wrong = list(_wrong_options(value, _OPTIONS[what]))
        who = f"stage {stage!r}: {what} {key!r}"
        errors.extend(DefinitionError(f"{who}: {message} ({place})", hint) for message, hint in wrong)
        if not wrong:
            words = {word: value.get(word) for word in ("x", "y", "template")}
            found[key] = PathEntry(_paths(value["path"]), value.get("cache"), place, **words)
    return found


def _wrong_options(
    value: Mapping[str, Any], options: Mapping[str, type | None]
) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a mapping that stands for a path: (message, hint)."""
    for word in value:
        if word not in options:
            yield f"unknown key {word!r}", did_you_mean(word, options)
    if "path" not in value:
        yield "'path' is missing", "add it"
    for word, kind in options.items():
        given = value.get(word)
        if kind is not None and not isinstance(given, (kind, type(None))):
            yield f"{word} is {'True or False' if kind is bool else 'a text'}, not {given!r}", None
