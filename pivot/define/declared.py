"""What a function declares by its signature: deps, outs, params, and how it gives its outs back."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_origin, is_typeddict

from pivot.define.decorator import Mark
from pivot.define.hints import UnknownName, annotation_parts, hints_of, inner_annotations, without_none
from pivot.errors import PivotError
from pivot.model.stage import Returns
from pivot.outputs import Dep, IncrementalOut, Out

SINGLE_OUT = "output"
"""The name of a single output that nobody named."""
VARIANT = "variant"
"""The parameter that is told which variant the stage is, where nothing else provides it."""


@dataclass(frozen=True, slots=True)
class Free:
    """A parameter for which no annotation says where its value comes from.

    Attributes:
        annotation: evaluated; ``None`` without one.
        required: whether it has no default.
    """

    name: str
    annotation: Any
    required: bool


@dataclass(frozen=True, slots=True)
class Declared:
    """What a function's signature says.

    Attributes:
        deps: parameter → what it reads, and the annotated type.
        outs: name → what it writes, and the annotated type.
        params: the argument that takes the params and its model; ``None`` without params.
        incremental: parameter → the output whose last value it gets, and the annotated type.
        problems: what is wrong, without stage and place: (message, hint).
        takes_variant: whether a parameter ``variant`` is left for which variant the stage is.
        default: the instance of the params' model that is the parameter's default; ``None`` without one.
        free: what is left for values of other stages and of ``params:``; empty if annotations cannot be read.
        star: the name of ``*args``, which takes any number of values; ``None`` without it.
    """

    deps: dict[str, tuple[Dep[Any], Any]]
    outs: dict[str, tuple[Out[Any], Any]]
    returns: Returns
    params: tuple[str, Any] | None
    parameters: tuple[str, ...]
    incremental: dict[str, tuple[IncrementalOut[Any], Any]]
    problems: list[tuple[str, str | None]] = field(default_factory=list)
    takes_variant: bool = False
    default: Any = None
    free: tuple[Free, ...] = ()
    star: str | None = None


def declared_by(function: Callable[..., Any], mark: Mark | None, *, is_variant: bool = False) -> Declared:
    """Read a function's signature. Nothing is raised: all that is wrong is in ``problems``.

    Args:
        function: a Python function, perhaps wrapped by a decorator.
        mark: what ``@stage`` said about it.
        is_variant: whether the stage is one of several variants, which a parameter ``variant`` is told.
    """
    problems: list[tuple[str, str | None]] = []
    try:
        hints = hints_of(function)
    except PivotError as error:
        problems.append((error.message, error.hint))
        hints = {}
    parameters = inspect.signature(function).parameters
    deps: dict[str, tuple[Dep[Any], Any]] = {}
    incremental: dict[str, tuple[IncrementalOut[Any], Any]] = {}
    models: list[tuple[str, Any]] = []
    free: list[inspect.Parameter] = []
    star = None
    for name, parameter in parameters.items():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            problems.extend(_of_spare(parameter, hints.get(name)))
            star = name if parameter.kind is inspect.Parameter.VAR_POSITIONAL else star
            continue
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            problems.append(
                (f"parameter {name!r} is positional-only", "values are passed by name: drop the /")
            )
        kind, extras = annotation_parts(hints.get(name))
        word = _only(extras, (Dep, IncrementalOut), f"parameter {name!r}", problems)
        if isinstance(word, Dep):
            deps[name] = (word, kind)
        elif word is not None:
            incremental[name] = (word, kind)
        elif is_model(without_none(kind)):
            models.append((name, without_none(kind)))
        elif isinstance(parameter.default, (Dep, Out)):
            problems.append(_bare(parameter.default, f"the default of parameter {name!r}"))
        elif not _misplaced(hints.get(name), f"parameter {name!r}", problems):
            free.append(parameter)
    params = _params(models, free, mark, problems)
    left: tuple[Free, ...] = ()
    if _are_read(hints, parameters):
        taken = {params[0] if params is not None else None, VARIANT if is_variant else None}
        left = tuple(
            Free(p.name, hints.get(p.name), p.default is inspect.Parameter.empty)
            for p in free
            if p.name not in taken
        )
    outs, returns = _outs(hints.get("return"), mark, problems)
    takes_variant = any(p.name == VARIANT for p in free) and (params is None or params[0] != VARIANT)
    default = parameters[params[0]].default if params is not None else None
    default = default if params is not None and type(default) is params[1] else None
    names = tuple(parameters)
    return Declared(
        deps, outs, returns, params, names, incremental, problems, takes_variant, default, left, star
    )


def _are_read(hints: dict[str, Any], parameters: Any) -> bool:
    """Whether the annotations could be evaluated; if not, one error has said so for all of them."""
    return bool(hints) or all(p.annotation is inspect.Parameter.empty for p in parameters.values())


def unprovided(name: str, annotation: Any) -> tuple[str, str]:
    """What is wrong with a parameter that gets no value from anywhere: (message, hint)."""
    if isinstance(annotation, UnknownName):
        return (
            f"parameter {name!r}: name {str(annotation)!r} is not defined",
            "import it outside TYPE_CHECKING",
        )
    hint = "annotate it with Dep(…), name a stage in depends_on, or give it a value in params: or a default"
    if name == VARIANT:
        hint = "give the stage a matrix (or register it with variant=), or the parameter a default"
    elif name == "params":
        hint = "annotate it with a subclass of pivot.StageParams"
    return f"nothing provides parameter {name!r}", hint


def _of_spare(parameter: inspect.Parameter, annotation: Any) -> list[tuple[str, str | None]]:
    """``*args`` and ``**more`` get no files: what is wrong if they are annotated as if they did."""
    kind, extras = annotation_parts(annotation)
    if not any(isinstance(extra, (Dep, Out)) for extra in extras) and not is_model(kind):
        return []
    stars = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else "**"
    hint = "give it a parameter of its own; for several files Annotated[list[T], Dep([path, path])]"
    return [(f"{stars}{parameter.name} gets no files", hint)]


def is_model(kind: Any) -> bool:
    """Whether an annotation is a pydantic model (which pydantic alone need not be imported to know)."""
    return isinstance(kind, type) and any(
        base.__name__ == "BaseModel" and base.__module__ == "pydantic.main" for base in kind.__mro__
    )


def _params(
    models: list[tuple[str, Any]],
    free: Sequence[inspect.Parameter],
    mark: Mark | None,
    problems: list[tuple[str, str | None]],
) -> tuple[str, Any] | None:
    if len(models) > 1:
        names = ", ".join(repr(name) for name, _ in models)
        problems.append((f"parameters {names} each take a params model", "nest the models in one"))
    given = mark.params if mark is not None else None
    if given is not None and not isinstance(given, Mapping):
        model = given if isinstance(given, type) else type(given)
        if not is_model(model):
            problems.append(
                (f"params of @stage is {given!r}, no pydantic model", "subclass pivot.StageParams")
            )
            return None
        if not models:
            if any(parameter.name == "params" for parameter in free):
                return "params", model
            hint = f"add a parameter: params: {model.__name__}"
            problems.append((f"no parameter takes the params {model.__name__}", hint))
            return None
        if not issubclass(model, models[0][1]):
            message = f"params of @stage is {model.__name__}, but parameter {models[0][0]!r} takes "
            problems.append((message + models[0][1].__name__, None))
        return models[0][0], model
    return models[0] if models else None


def _outs(
    annotation: Any, mark: Mark | None, problems: list[tuple[str, str | None]]
) -> tuple[dict[str, tuple[Out[Any], Any]], Returns]:
    kind, extras = annotation_parts(annotation)
    out = _only(extras, (Out,), "the return type", problems)
    outs: dict[str, tuple[Out[Any], Any]] = {}
    returns = Returns.NOTHING
    if out is not None:
        outs, returns = {SINGLE_OUT: (out, kind)}, Returns.SINGLE
    elif is_typeddict(get_origin(kind) or kind):
        found = _fields(get_origin(kind) or kind, problems)
        if found:
            outs, returns = found, Returns.MAPPING
    elif annotation not in (None, type(None)) and not _misplaced(annotation, "the return type", problems):
        inner = without_none(kind)
        fields = getattr(inner, "__annotations__", {}) if isinstance(inner, type) else {}
        if any(map(_holds_out, fields.values())):
            hint = f"annotate a TypedDict instead of {inner.__name__}: a field for each output"
            if is_typeddict(inner):
                hint = f"every run returns all outputs: annotate {inner.__name__} alone"
            problems.append(("the return type declares no output", hint))
    if outs and mark is not None and mark.outs:
        problems.append(("outs are declared both in @stage and in the return type", "keep one of them"))
    return outs, returns


def _fields(kind: Any, problems: list[tuple[str, str | None]]) -> dict[str, tuple[Out[Any], Any]]:
    """The outs of a TypedDict; one that holds none is only a return type."""
    try:
        hints = hints_of(kind)
    except PivotError as error:
        problems.append((f"{kind.__name__}: {error.message}", error.hint))
        return {}
    outs: dict[str, tuple[Out[Any], Any]] = {}
    wrong: list[tuple[str, str | None]] = []
    for name, annotation in hints.items():
        what = f"field {name!r} of {kind.__name__}"
        inner, extras = annotation_parts(annotation)
        out = _only(extras, (Out,), what, problems)
        if out is not None:
            outs[name] = (out, inner)
        elif name not in kind.__optional_keys__ and not _misplaced(annotation, what, problems):
            wrong.append((f"{what} carries no output", "annotate it: Annotated[T, Out(path)]"))
        if name in kind.__optional_keys__:
            wrong.append((f"{what} may be left out", "every run writes every output"))
    problems.extend(wrong if outs or any(map(_holds_out, hints.values())) else [])
    return outs


def _holds_out(annotation: Any) -> bool:
    """Whether an Out stands in an annotation, at whatever depth."""
    every = [annotation, *inner_annotations(annotation)]
    return any(isinstance(extra, Out) for one in every for extra in annotation_parts(one)[1])


def _only(
    extras: tuple[Any, ...], wanted: tuple[type, ...], what: str, problems: list[tuple[str, str | None]]
) -> Any:
    """The one extra of some types; says what is wrong with the others."""
    found = [extra for extra in extras if isinstance(extra, wanted)]
    if len(found) > 1:
        problems.append((f"{what} has several {wanted[0].__name__}s", "keep one"))
    for extra in extras:
        if isinstance(extra, (Dep, Out)) and not isinstance(extra, wanted):
            place = "deps are parameters" if isinstance(extra, Dep) else "outs belong to the return type"
            problems.append((f"{what} is annotated with {type(extra).__name__}", place))
        elif isinstance(extra, UnknownName):
            problems.append(
                (f"{what}: name {extra.dotted!r} is not defined", "import it outside TYPE_CHECKING")
            )
        elif isinstance(extra, type) and issubclass(extra, (Dep, Out)):
            problems.append((f"{what} is annotated with the class {extra.__name__}", "call it with a path"))
    return found[0] if found else None


def _misplaced(annotation: Any, what: str, problems: list[tuple[str, str | None]]) -> bool:
    """Whether a Dep or Out hides inside a type, where it means nothing, or is one that could not be read."""
    kind, extras = annotation_parts(annotation)
    if any(isinstance(e, (Dep, Out, UnknownName)) or _is_word(e) for e in extras):
        return True
    if isinstance(kind, (Dep, Out)):
        problems.append(_bare(kind, what))
        return True
    if isinstance(kind, UnknownName) and str(kind) == "Annotated":
        problems.append((f"{what}: name 'Annotated' is not defined", "from typing import Annotated"))
        return True
    for inner in inner_annotations(annotation):
        for extra in annotation_parts(inner)[1]:
            if isinstance(extra, (Dep, Out)):
                word = type(extra).__name__
                problems.append((f"{word} stands inside another type in {what}", _way_out(kind, extra)))
                return True
    return False


def _bare(word: Dep[Any] | Out[Any], what: str) -> tuple[str, str]:
    name = type(word).__name__
    return (
        f"{name} stands alone in {what}",
        f"write Annotated[T, {name}({word.path!r})] behind the colon or arrow",
    )


def _way_out(kind: Any, word: Dep[Any] | Out[Any]) -> str:
    """Where a word belongs that stands inside a type."""
    name = type(word).__name__
    around = get_origin(kind)
    if around is tuple and isinstance(word, Out):
        return "return a TypedDict: a field for each output"
    if around in (list, tuple):
        return f"put it outside: Annotated[list[T], {name}([path, path])]"
    if around is dict:
        folder = "DirectoryOut" if isinstance(word, Out) else name
        return f"put it outside: Annotated[dict[str, T], {folder}('folder/')]"
    return f"put it outside: Annotated[T | None, {name}({word.path!r})]"


def _is_word(extra: Any) -> bool:
    return isinstance(extra, type) and issubclass(extra, (Dep, Out))
