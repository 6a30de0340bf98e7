"""The variants that a matrix makes: the cross product of its dimensions, their names, and ``${name}`` in texts."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

Scalar = str | int | float | bool
"""What a dimension or a var may hold."""

_DIMENSION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LABEL = re.compile(r"[A-Za-z0-9_.+-]+")
_LONGEST = 64
_FIELD = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


@dataclass(frozen=True, slots=True)
class Variant:
    """One cell of a matrix.

    Attributes:
        name: of its stage: ``train@bert_swe``.
        values: dimension → value, in the order of the dimensions.
    """

    name: str
    values: Mapping[str, Scalar]

    @property
    def argument(self) -> Scalar | dict[str, Scalar]:
        """What a stage function's parameter ``variant`` gets: the only value, else all by dimension."""
        values = dict(self.values)
        return next(iter(values.values())) if len(values) == 1 else values


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a matrix.

    Attributes:
        message: without stage and place.
        dimension, position: what it is about; ``None``: the matrix as a whole, a dimension as a whole.
    """

    message: str
    hint: str | None = None
    dimension: str | None = None
    position: int | None = None


def label(value: Scalar) -> str:
    """A value as it stands in names and paths: ``bert``, ``3``, ``0.5``, ``true``."""
    return value if isinstance(value, str) else json.dumps(value, default=repr)


def variants(stage: str, dimensions: Mapping[str, Sequence[Scalar]]) -> tuple[Variant, ...]:
    """The cross product, the last dimension turning fastest.

    Args:
        stage: its name (``train`` gives ``train@bert_swe``), or a template with every dimension in it
            (``train@{model}-{data}``).
        dimensions: name → values; `problems` must find nothing wrong with them.
    """
    template = stage if "{" in stage else f"{stage}@{'_'.join(f'{{{name}}}' for name in dimensions)}"
    cells = [dict(zip(dimensions, values, strict=True)) for values in product(*dimensions.values())]
    return tuple(
        Variant(_FIELD.sub(lambda m, cell=cell: label(cell[m[1]]), template), cell)  # type: ignore[misc]
        for cell in cells
    )


def problems(stage: str, dimensions: Mapping[str, Sequence[Scalar]]) -> tuple[Problem, ...]:
    """All that is wrong with a matrix and its stage's name."""
    if not dimensions:
        return (Problem("matrix has no dimensions", "write one such as model: [small, big]"),)
    found = [*_wrong_template(stage, dimensions), *_wrong_dimensions(dimensions)]
    return tuple(found or _wrong_names(stage, dimensions))


def unfinished(name: str) -> bool:
    """Whether a stage's name is a template, which needs a matrix."""
    return "{" in name or "}" in name


def _wrong_template(stage: str, dimensions: Mapping[str, Sequence[Scalar]]) -> Iterator[Problem]:
    base, at, rest = stage.partition("@")
    whole = "_".join(f"{{{name}}}" for name in dimensions)
    if not unfinished(stage):
        if at:
            yield Problem(f"name {stage!r} does not say which variant", f"write {base}, or {base}@{whole}")
        return
    if not at or unfinished(base):
        start = stage.partition("{")[0].rstrip("_-@") or "train"
        yield Problem("a template's dimensions stand behind an @", f"write {start}@{whole}")
        return
    fields = _FIELD.findall(rest)
    for name in fields:
        if name not in dimensions:
            known = ", ".join(dimensions)
            yield Problem(f"{{{name}}} in its name is no dimension", f"dimensions are: {known}")
    for name in dimensions:
        if name not in fields:
            yield Problem(f"its name leaves dimension {name!r} out", f"write {base}@{whole}", name)
    if unfinished(_FIELD.sub("", rest)):
        yield Problem(f"name {stage!r} has a brace that is not closed", f"write {base}@{whole}")


def _wrong_dimensions(dimensions: Mapping[str, Sequence[Scalar]]) -> Iterator[Problem]:
    for name, values in dimensions.items():
        if not _DIMENSION.fullmatch(name):
            yield Problem(f"dimension {name!r} is no name", "use letters, digits, _ and -", name)
        if not values:
            yield Problem(f"dimension {name!r} has no values", "give one, or take the dimension out", name)
        seen: set[str] = set()
        for position, value in enumerate(values):
            if isinstance(value, float) and not math.isfinite(value):
                yield Problem(f"{value} is no value for dimension {name!r}", None, name, position)
            elif not _LABEL.fullmatch(label(value)):
                hint = (
                    "use letters, digits and _ . + -; to give another value, name it: "
                    f"{name}: {{low: {{params: {{{name}: {label(value)}}}}}, …}}"
                )
                yield Problem(f"value {label(value)!r} cannot be part of a name", hint, name, position)
            elif label(value) in seen:
                message = f"dimension {name!r} has {label(value)!r} twice"
                yield Problem(message, "keep one", name, position)
            seen.add(label(value))


def _wrong_names(stage: str, dimensions: Mapping[str, Sequence[Scalar]]) -> Iterator[Problem]:
    seen: dict[str, Variant] = {}
    for variant in variants(stage, dimensions):
        ending = variant.name.partition("@")[2]
        if not _LABEL.fullmatch(ending) or len(ending) > _LONGEST:
            hint = f"after the @, letters, digits and _ . + -, at most {_LONGEST}: shorten the values"
            yield Problem(f"variant name {ending!r} is not allowed", hint)
        first = seen.setdefault(variant.name, variant)
        if first is not variant:
            hint = f"set them apart by a name such as {stage.partition('@')[0]}@"
            hint += "-".join(f"{{{name}}}" for name in dimensions)
            yield Problem(f"two variants are called {variant.name!r}", hint)


def placeholders(text: str) -> tuple[str | None, ...]:
    """The names in the ``${name}`` of a text; ``None`` for one that is not closed."""
    return tuple(
        match[1].strip() if match[1] is not None else None
        for match in _PLACEHOLDER.finditer(text)
        if match[0] != "$${"
    )


def substituted(text: str, values: Mapping[str, Scalar]) -> Scalar:
    """A text with each ``${name}`` replaced; one that is nothing else becomes the value itself, of its own type.

    ``$${`` stands for ``${``.

    Raises:
        KeyError: a name has no value.
    """
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None and whole[1] is not None:
        return values[whole[1].strip()]

    def one(match: re.Match[str]) -> str:
        return "${" if match[1] is None else label(values[match[1].strip()])

    return _PLACEHOLDER.sub(one, text)
