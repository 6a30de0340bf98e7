"""The values of a stage's params: ``params.yaml`` over ``pivot.yaml`` over the defaults, checked by a model.

A value travels as JSON text, so what the worker gets is what was compared.
"""

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

from pivot.config import PARAMS_FILE
from pivot.config.spelling import did_you_mean
from pivot.config.tables import merge
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.yamlio import YamlDocument, YamlPath, read_yaml

if TYPE_CHECKING:
    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")


class MissingParamError(DefinitionError):
    """A param that has neither a value nor a default."""


@dataclass(frozen=True, slots=True)
class Uptake:
    """What became of values that are given to several stages at once.

    Attributes:
        taken: the names that some stage took.
        known: the names that some stage has.
    """

    taken: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class ParamLayer:
    """Some of a stage's values, from one source.

    Attributes:
        document, at: where in a YAML file they stand; ``None`` for values given in Python.
        place: where they were given, for values that no document holds.
        uptake: of values that are given to all stages: one that a stage has no param for is left out for it, and
            who took which is noted here. ``None`` where each value must be the stage's.
    """

    values: Mapping[str, Any]
    place: Place
    document: YamlDocument | None = None
    at: YamlPath = ()
    uptake: "Uptake | None" = None

    def where(self, path: YamlPath) -> Place:
        """Where a value stands."""
        if self.document is None:
            return self.place
        return Place(self.document.file, self.document.line((*self.at, *path)))


def read_params(text: str, file: str) -> YamlDocument:
    """A ``params.yaml``: stage name → field → value.

    Raises:
        DefinitionErrors: it is not a table of tables; names the lines.
        PivotError: it is no YAML.
    """
    document = read_yaml(text, file)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise DefinitionError(
            f"{file} must hold a table of stage names ({file}:1)", "write stage: {field: value}"
        )
    wrong = [
        DefinitionError(
            f"params of stage {name!r} must be a table of fields ({file}:{document.line((name,))})",
            f"{file} has a table for each stage, e.g. train: {{{name}: …}}",
        )
        for name, values in data.items()
        if not isinstance(values, (dict, type(None)))
    ]
    if wrong:
        raise DefinitionErrors(wrong)
    return YamlDocument(file, {str(name): values or {} for name, values in data.items()}, document.lines)


def params_layers(document: YamlDocument | None, stage: str) -> tuple[ParamLayer, ...]:
    """What a ``params.yaml`` says about a stage, the weakest first: a variant's own values win over its base's.

    Args:
        document: of the params file.
        stage: its name: ``train``, or ``train@small``, for which the entries of ``train`` count too.
    """
    if document is None:
        return ()
    return tuple(
        ParamLayer(document.data[name], Place(document.file, document.line((name,))), document, (name,))
        for name in dict.fromkeys((_base(stage), stage))
        if name in document.data
    )


def check_params_names(
    document: YamlDocument | None, takers: Iterable[str], stages: Iterable[str]
) -> list[PivotError]:
    """An error for each name in a ``params.yaml`` that is no stage, or a stage without params.

    Args:
        document: of the params file.
        takers: the stages that take params.
        stages: all stages. The base name of a variant stands for all its variants.
    """
    if document is None:
        return []
    with_params, known = _with_bases(takers), _with_bases(stages)
    errors: list[PivotError] = []
    for name in document.data:
        where = f"({document.file}:{document.line((name,))})"
        if name not in known:
            errors.append(
                DefinitionError(f"params of {name!r}: no such stage {where}", did_you_mean(name, known))
            )
        elif name not in with_params:
            hint = "give its function an argument annotated with a StageParams class"
            errors.append(DefinitionError(f"stage {name!r} takes no params {where}", hint))
    return errors


def _base(stage: str) -> str:
    return stage.partition("@")[0]


def _with_bases(stages: Iterable[str]) -> set[str]:
    return {name for stage in stages for name in (stage, _base(stage))}


def resolve_params(stage: str, model: "type[BaseModel]", layers: Sequence[ParamLayer], place: Place) -> str:
    """The values of a stage's params as canonical JSON text.

    Args:
        stage: its name, for messages.
        model: checks the values and has the defaults.
        layers: the weakest first; tables merge key by key, lists are replaced.
        place: of the stage, for values that no layer gives.

    Raises:
        DefinitionErrors: unknown fields, ill-typed or missing values; all of them, each with its place.
    """
    from pydantic import ValidationError  # lazy: start-up time
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    errors: list[PivotError] = []
    merged: dict[str, Any] = {}
    for layer in layers:
        errors.extend(_unknown(stage, model, layer, layer.values, ()))
        merged = merge(merged, layer.values)
    named = {error.message for error in errors}
    try:
        # dates, paths and enums may be given in Python
        text = canonical_text(merged, to_jsonable_python)
    except (TypeError, PydanticSerializationError) as error:
        errors.append(DefinitionError(f"stage {stage!r}: a param has no JSON form: {error} ({place})"))
        raise DefinitionErrors(errors) from error
    try:
        instance = model.model_validate_json(text)
        if not errors:
            return _travelling_text(stage, instance, place)
    except ValidationError as error:
        found = (_explained(stage, e, layers, place) for e in error.errors())
        # what the model itself forbids was said above, with a suggestion
        errors.extend(e for e in found if e.message not in named)
    except PivotError:
        raise
    except Exception as error:  # noqa: BLE001 - a validator, or a serializer, is code of the user's
        errors.append(_own_error(stage, error, place))
    raise DefinitionErrors(errors)


def _own_error(stage: str, error: Exception, place: Place) -> DefinitionError:
    """A validator ended with what pydantic takes for no verdict."""
    *_, last = traceback.walk_tb(error.__traceback__)
    what = f"{type(error).__name__}: {error} in {last[0].f_code.co_qualname}()"
    hint = "mend it; a validator refuses a value by a ValueError"
    return DefinitionError(f"stage {stage!r}: checking its params fails with {what} ({place})", hint)


def plain_table(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that were given in Python, as JSON has them.

    Raises:
        TypeError, ValueError: one has no JSON form.
    """
    if not values:
        return {}
    from pydantic_core import to_jsonable_python  # lazy: start-up time

    table: dict[str, Any] = json.loads(json.dumps(dict(values), default=to_jsonable_python))
    return table


def params_text(params: "BaseModel") -> str:
    """The canonical JSON text of params: equal values give equal text.

    Raises:
        ValueError: a value has no JSON form.
    """
    # without warnings: what a default of a wrong type would be read as, is looked at
    plain = params.model_dump(mode="json", by_alias=True, round_trip=True, warnings=False)
    return canonical_text(ordered(params.model_dump(by_alias=True, round_trip=True, warnings=False), plain))


def params_from_text(model: type[Model], text: str) -> Model:
    """The params that `params_text` wrote.

    Raises:
        pydantic.ValidationError: the model has changed since.
    """
    return model.model_validate_json(text)


def ordered(value: Any, plain: Any) -> Any:
    """The JSON form of a value, the items of its sets in one order: they come in a process's own.

    Args:
        value: with sets as sets.
        plain: the same as JSON has it, its items in the same order.
    """
    if isinstance(value, Mapping) and isinstance(plain, dict) and len(value) == len(plain):
        return {key: ordered(inner, plain[key]) for key, inner in zip(plain, value.values(), strict=True)}
    is_list = isinstance(value, (list, tuple, set, frozenset)) and isinstance(plain, list)
    if not is_list or len(value) != len(plain):
        return plain
    items = [ordered(one, other) for one, other in zip(value, plain, strict=True)]
    return sorted(items, key=canonical_text) if isinstance(value, (set, frozenset)) else items


def canonical_text(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=default)


def field_words(model: "type[BaseModel]") -> dict[str, Any]:
    """The words under which a model takes each field, and the field's annotation."""
    words: dict[str, Any] = {}
    for name, one in model.model_fields.items():
        alias = one.validation_alias or one.alias
        if (
            alias is None
            or model.model_config.get("populate_by_name")
            or model.model_config.get("validate_by_name")
        ):
            words[name] = one.annotation
        for word in getattr(alias, "choices", [alias]):
            if isinstance(word, str):
                words[word] = one.annotation
            elif word is not None:
                words[str(word.path[0])] = None
    return words


def _unknown(
    stage: str, model: "type[BaseModel]", layer: ParamLayer, values: Mapping[str, Any], path: YamlPath
) -> list[PivotError]:
    """An error for each key that no field takes, at any depth of nested models."""
    known = field_words(model)
    errors: list[PivotError] = []
    for key, value in values.items():
        here = (*path, key)
        if key not in known:
            if model.model_config.get("extra") != "allow":
                name = ".".join(map(str, here))
                message = f"stage {stage!r}: unknown param {name!r} ({layer.where(here)})"
                errors.append(DefinitionError(message, did_you_mean(key, known)))
        else:
            for at, inner, table in _nested(known[key], value, here):
                errors.extend(_unknown(stage, inner, layer, table, at))
    return errors


def _nested(
    annotation: Any, value: Any, path: YamlPath
) -> "Iterator[tuple[YamlPath, type[BaseModel], Mapping[str, Any]]]":
    """The tables in a value that are models by its annotation; none where there is a choice of models."""
    from pydantic import BaseModel  # lazy: start-up time

    if get_origin(annotation) in (Union, UnionType, Annotated):
        is_union = get_origin(annotation) is not Annotated
        choices = [kind for kind in get_args(annotation) if kind is not NoneType] if is_union else []
        if len(choices) < 2:
            yield from _nested(choices[0] if choices else get_args(annotation)[0], value, path)
        return
    arguments = get_args(annotation)
    if isinstance(value, list):
        several = len(arguments) > 1 and arguments[-1] is not Ellipsis
        for number, item in enumerate(value if arguments else ()):
            kind = arguments[min(number, len(arguments) - 1)] if several else arguments[0]
            yield from _nested(kind, item, (*path, number))
    elif isinstance(value, Mapping) and arguments:
        for key, item in value.items():
            yield from _nested(arguments[-1], item, (*path, key))
    elif isinstance(value, Mapping) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path, annotation, value


def _explained(stage: str, error: Any, layers: Sequence[ParamLayer], place: Place) -> PivotError:
    loc: YamlPath = error["loc"]
    name = ".".join(map(str, loc)) or "params"
    if error["type"] == "missing":
        hint = f"give it in {PARAMS_FILE} under {stage!r}, or give the field a default"
        return MissingParamError(f"stage {stage!r}: param {name!r} has no value ({place})", hint)
    where = next((layer.where(loc) for layer in reversed(layers) if loc and loc[0] in layer.values), place)
    if error["type"] == "extra_forbidden":
        return DefinitionError(f"stage {stage!r}: unknown param {name!r} ({where})")
    return DefinitionError(
        f"stage {stage!r}: param {name!r}: {error['msg']}, got {error['input']!r} ({where})"
    )


def _travelling_text(stage: str, params: "BaseModel", place: Place) -> str:
    """The text from which the worker gets equal params.

    What cannot travel as JSON would be another value in the worker, unseen by the comparison of inputs.
    """
    from pydantic import ValidationError  # lazy: start-up time

    changed: list[str] = []
    try:
        again = params_from_text(type(params), params_text(params))
        # a default is not validated: `rate: float = 1` is 1 here and 1.0 in the worker
        text = params_text(again)
        if params_text(params_from_text(type(params), text)) == text and (again == params or "NaN" in text):
            return text
        changed = [
            name for name in type(params).model_fields if getattr(again, name) != getattr(params, name)
        ]
    except ValidationError as error:
        raise DefinitionErrors(_wrong_default(stage, params, one, place) for one in error.errors()) from None
    except ValueError:
        pass
    which = f" (look at {', '.join(map(repr, changed))})" if changed else ""
    message = f"stage {stage!r}: params do not survive being written as JSON{which} ({place})"
    hint = "use plain types; read secrets from the environment inside the stage"
    raise DefinitionError(message, hint)


def _wrong_default(stage: str, params: "BaseModel", error: Any, place: Place) -> DefinitionError:
    """A default that its own field does not take: pydantic checks only what is given."""
    name = str(error["loc"][0]) if error["loc"] else "params"
    message = (
        f"stage {stage!r}: the default of param {name!r} is none of its values: {error['msg']} ({place})"
    )
    hint = "give another default, or another type"
    if name in type(params).model_fields and getattr(params, name, ...) is None:
        hint = f"annotate it: {name}: … | None = None, or leave the default out"
    return DefinitionError(message, hint)
