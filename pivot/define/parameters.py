"""Which parameters of a function the params of its stage are for, and their values, checked by annotation.

A name in ``params:`` is bound by name: to a field of the params model, or to a plain parameter of the function.
What is left of the free parameters is for values of other stages.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pivot.config.mapping import ValueEntry
from pivot.config.params import (
    ParamLayer,
    canonical_text,
    field_words,
    params_text,
    resolve_params,
)
from pivot.config.plain import plain_text
from pivot.config.spelling import did_you_mean
from pivot.config.tables import merge
from pivot.define.declared import unprovided
from pivot.define.decorator import Mark
from pivot.define.draft import Draft
from pivot.define.hints import UnknownName
from pivot.errors import DefinitionError, DefinitionErrors
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, StageParameters

_SELF_TOLD = (int, float, str, bool, type(None), dict, list, Any)
"""Types of which JSON text alone says what the value is."""


def _mapped_param(said: ValueEntry) -> str | None:
    """The param over whose list a stage is mapped, which is no parameter's: its items are one's."""
    over = said.map.over if said.map is not None and said.map.over is not None else ""
    return over.removeprefix("params.") if over.startswith("params.") else None


def _taken_by_values(draft: Draft, said: ValueEntry, layers: Sequence[ParamLayer]) -> frozenset[str]:
    """The parameters that the values of other stages are for, where these take them all.

    A param for all stages that happens to have the name of one must not take it: the stage would run on that instead
    of on what it depends on. (Flowdapt gives the input of a run only to stages that depend on none.)

    Args:
        layers: of the params; what is for this stage alone is bound before.
    """
    if not said.depends_on and said.map is None:
        return frozenset()
    own = {name for layer in layers if layer.uptake is None for name in layer.values}
    free = [one for one in draft.declared.free if one.name not in own]
    names = [name for name, _ in said.depends_on or ()]
    if said.map is not None and said.map.over in names and len(names) >= len(free):
        names.remove(said.map.over)  # beside the item, its list is not wanted
    values = len(names) + (said.map is not None and said.map.over is not None)
    for some in (free, [one for one in free if one.required]):
        if values and values == len(some):
            return frozenset(one.name for one in some)
    return frozenset()


def bound_params(
    draft: Draft,
    mark: Mark | None,
    layers: Sequence[ParamLayer],
    said: ValueEntry,
) -> tuple[StageParameters | None, tuple[str, ...]]:
    """The params of a stage, and which parameters they fill; what is wrong with them is told to the draft.

    Args:
        layers: over the defaults, the weakest first.
        said: of other stages' values.
    """
    mapped, taken = _mapped_param(said), _taken_by_values(draft, said, layers)
    given, model = mark.params if mark is not None else None, draft.declared.params
    if isinstance(given, Mapping):
        layers = (ParamLayer(given, draft.code), *layers)
    if model is None and not layers:
        return None, ()
    if model is not None and not _is_importable(model[1], draft):
        return None, ()
    plain, fields = _Split(draft, mapped, taken).layers(layers)
    values = _plain_values(draft, plain, mapped)
    free = _annotations(draft)
    kinds = tuple((name, type_words(free[name]) if name != mapped else None) for name in values)
    names = tuple({name for layer in plain for name in layer.values} - {mapped})
    if model is None:
        return (StageParameters(None, None, canonical_text(values), kinds) if plain else None), names
    text = _of_model(draft, model[1], given, fields)
    if text is None:
        return None, names
    ref = ObjectRef(model[1].__module__, model[1].__qualname__)
    whole = canonical_text(json.loads(text) | values) if values else text
    return StageParameters(model[0], ref, whole, kinds), names


def _annotations(draft: Draft) -> dict[str, Any]:
    """Parameters that may be given a value by name → annotation, ``Any`` without one."""
    return {one.name: Any if one.annotation is None else one.annotation for one in draft.declared.free}


class _Split:
    """Divides what is given between the model and the plain parameters."""

    def __init__(self, draft: Draft, mapped: str | None, taken: Collection[str]) -> None:
        model = draft.declared.params[1] if draft.declared.params else None
        self._draft = draft
        self._taken = {*taken} - {mapped}  # a list of items may have the name of the parameter that gets them
        self._fields = {} if model is None else field_words(model)
        # a field that is mapped over stays one
        self._plain = {*_annotations(draft), *({mapped} if mapped and mapped not in self._fields else ())}

    def layers(self, layers: Sequence[ParamLayer]) -> tuple[list[ParamLayer], list[ParamLayer]]:
        """The layers of the plain parameters, and those of the model."""
        plain, fields = [], []
        for layer in layers:
            values = self._own(layer)
            by_name = {name: value for name, value in values.items() if self._is_plain(name, layer)}
            rest = {name: value for name, value in values.items() if name not in by_name}
            if by_name:
                plain.append(replace(layer, values=by_name))
            if rest and not self._draft.declared.params:
                self._refuse(rest, layer)
            elif rest:
                fields.append(replace(layer, values=rest))
        return plain, fields

    def _own(self, layer: ParamLayer) -> Mapping[str, Any]:
        """The values that are the stage's to take."""
        if layer.uptake is None:
            return layer.values
        known = {*self._fields, *self._plain.difference(self._taken)}
        layer.uptake.known.update(known)
        found = {name: value for name, value in layer.values.items() if name in known}
        layer.uptake.taken.update(found)
        return found

    def _is_plain(self, name: str, layer: ParamLayer) -> bool:
        if name not in self._plain:
            return False
        if name in self._fields:
            what = f"param {name!r} is a field of the params model and a parameter of {self._draft.function}"
            self._draft.wrong(what, layer.where((name,)), "rename one of them")
        return name not in self._fields

    def _refuse(self, values: Mapping[str, Any], layer: ParamLayer) -> None:
        draft = self._draft
        if not self._plain:
            hint = "give its function a parameter so called, or one annotated with a StageParams class"
            if not draft.declared.problems:  # else its parameters may not be known
                draft.wrong(f"{draft.function} takes no params", layer.place, hint)
            return
        for name in values:
            draft.wrong(f"unknown param {name!r}", layer.where((name,)), did_you_mean(name, self._plain))


def _is_importable(model: Any, draft: Draft) -> bool:
    if "<locals>" not in model.__qualname__ and model.__module__ != "__main__":
        return True
    draft.wrong(f"params model {model.__name__} cannot be imported", draft.code, "move it to module level")
    return False


def _of_model(draft: Draft, model: Any, given: Any, layers: Sequence[ParamLayer]) -> str | None:
    """The values of the model's fields as JSON text; ``None`` after an error."""
    if given is not None and not isinstance(given, (type, Mapping)):
        layers = (ParamLayer(json.loads(params_text(given)), draft.code), *layers)
    elif draft.declared.default is not None:
        layers = (ParamLayer(json.loads(params_text(draft.declared.default)), draft.code), *layers)
    try:
        return resolve_params(draft.stage, model, layers, draft.code)
    except DefinitionErrors as error:
        draft.errors.extend(error.errors)
    except DefinitionError as error:
        draft.errors.append(error)
    return None


def _plain_values(draft: Draft, layers: Sequence[ParamLayer], mapped: str | None) -> dict[str, Any]:
    """Plain parameter → its value as JSON has it."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer.values)
    values = {}
    free = _annotations(draft)
    for name, value in merged.items():
        where = next(layer.where((name,)) for layer in reversed(layers) if name in layer.values)
        kind = Any if name == mapped else free[name]
        if isinstance(kind, UnknownName):
            draft.wrong(*_unread(name, kind, draft))
            continue
        try:
            values[name] = json.loads(plain_text(name, kind, value))
        except DefinitionError as error:
            draft.wrong(error.message, where, error.hint)
    return values


def _unread(name: str, kind: Any, draft: Draft) -> tuple[str, Place, str]:
    message, hint = unprovided(name, kind)
    return message, draft.code, hint


def type_words(kind: Any) -> str:
    """What an annotation makes of a JSON text, in words that name no module; empty where it makes nothing of it.

    Equal words, equal values: ``tuple[int, ...]`` of ``[1, 2]`` is not what ``list[int]`` is.
    """
    words = _words(kind)
    return "" if _is_self_told(kind) else words


def _is_self_told(kind: Any) -> bool:
    if kind in _SELF_TOLD if not get_origin(kind) else False:
        return True
    origin, inner = get_origin(kind), get_args(kind)
    return origin in (list, dict, Union, UnionType) and all(_is_self_told(one) for one in inner)


def _words(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is None:
        return kind.__qualname__ if isinstance(kind, type) else "..." if kind is ... else str(kind)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, inner))}]"
    if origin is Annotated:
        return f"Annotated[{_words(inner[0])}, {', '.join(map(repr, inner[1:]))}]"
    if origin in (Union, UnionType):
        return " | ".join(map(_words, inner))
    return f"{getattr(origin, '__qualname__', origin)}[{', '.join(map(_words, inner))}]"
