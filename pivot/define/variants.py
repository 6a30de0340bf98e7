"""The entries of a ``pivot.yaml`` → one for each stage: matrices are expanded, ``${name}`` is replaced."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pivot.config.mapping import ValueEntry
from pivot.config.params import ParamLayer
from pivot.config.pivotfile import SECTIONS, GivenEntry, PathEntry, Scalar, StageEntry, Vars, read_vars
from pivot.config.spelling import did_you_mean
from pivot.core.matrix import (
    Problem,
    Variant,
    label,
    placeholders,
    problems,
    substituted,
    unfinished,
    variants,
)
from pivot.define.rules import Rule
from pivot.errors import DefinitionError, PivotError
from pivot.model.place import Place
from pivot.model.stage import StageVariant
from pivot.paths import ProjectPath, absolute, project_path
from pivot.yamlio import yaml_text


@dataclass(frozen=True, slots=True)
class Made:
    """What an entry says about one stage.

    Attributes:
        paths: for each section of the file: name → path.
        params: the weakest first.
        rules: how it is run, the weakest first.
        variant: which one it is; ``None`` without a matrix.
        values: what it takes from other stages.
    """

    name: str
    paths: Mapping[str, Mapping[str, PathEntry]]
    params: tuple[ParamLayer, ...]
    mutex: tuple[str, ...] | None
    rules: tuple[Mapping[str, Rule], ...]
    cwd: str | None
    variant: Variant | None
    values: ValueEntry = field(default_factory=ValueEntry)


def made_by(entry: StageEntry, values: Mapping[str, Scalar], errors: list[PivotError]) -> Iterator[Made]:
    """The stages that an entry makes; what is wrong with it is added to ``errors``.

    Args:
        values: the file's vars.
    """
    before = len(errors)
    substitution = _Substitution(f"stage {entry.name!r}", values, errors)
    if entry.matrix is None:
        if unfinished(entry.name):
            message = f"stage {entry.name!r} has braces in its name but no matrix ({entry.place()})"
            errors.append(DefinitionError(message, "add a matrix, or take the braces out"))
            return
        cells = [Variant(entry.name, {})]
    else:
        dimensions = {
            name: tuple(
                substitution.value(one.value, one.place) if isinstance(one.value, str) else one.value
                for one in listed
            )
            for name, listed in entry.matrix.items()
        }
        if len(errors) > before:
            return
        errors.extend(_placed(problem, entry) for problem in problems(entry.name, dimensions))
        if len(errors) > before:
            return
        cells = list(variants(entry.name, dimensions))
        positions = {
            name: {label(value): number for number, value in enumerate(listed)}
            for name, listed in dimensions.items()
        }
    for cell in cells:
        given = [entry.given]
        for name, value in cell.values.items():
            over = (entry.matrix or {})[name][positions[name][label(value)]].given
            given += [over] if over is not None else []
        told = len(errors)
        own = replace(substitution, values={**values, **cell.values}) if cell.values else substitution
        made = _made(entry, cell, given, own)
        if len(errors) == told and not substitution.told:
            yield made


def stage_variant(variant: Variant | None) -> StageVariant | None:
    """A variant as its stage holds it, for a function that takes it as its argument."""
    if variant is None:
        return None
    values = tuple((name, json.dumps(value)) for name, value in variant.values.items())
    return StageVariant(values, json.dumps(variant.argument))


def _made(
    entry: StageEntry, cell: Variant, given: Iterable[GivenEntry], substitution: "_Substitution"
) -> Made:
    """One cell: what its values give wins over what the stage gives."""
    paths: dict[str, dict[str, PathEntry]] = {section: {} for section in SECTIONS}
    layers: list[ParamLayer] = []
    rules: list[Mapping[str, Rule]] = []
    mutex: tuple[str, ...] | None = None
    for part in given:
        for section, table in part.paths.items():
            for name, path in table.items():
                paths[section][name] = _over(path, paths[section].get(name))
        if part.params:
            values = substitution.tree(part.params, part, ("params",))
            layers.append(ParamLayer(values, part.place("params"), part.document, (*part.at, "params")))
        mutex = mutex if part.mutex is None else part.mutex
        rules.append({name: _rule(name, part, substitution) for name in part.rules})
    done = {
        section: {name: substitution.path(path) for name, path in table.items()}
        for section, table in paths.items()
    }
    cwd = None if entry.cwd is None else substitution.text(entry.cwd, entry.place("cwd"))
    groups = (
        None if mutex is None else tuple(substitution.text(group, entry.place("mutex")) for group in mutex)
    )
    variant = None if entry.matrix is None else cell
    passed = _values(entry.values, substitution)
    return Made(cell.name, done, tuple(layers), groups, tuple(rules), cwd, variant, passed)


def _rule(name: str, part: GivenEntry, substitution: "_Substitution") -> Rule:
    value = substitution.tree(part.rules[name], part, (name,))
    return Rule(value, lambda *keys: part.place(name, *keys))


def _values(said: ValueEntry, substitution: "_Substitution") -> ValueEntry:
    """What is said of other stages, with the names in it replaced."""
    names = said.depends_on
    if names is not None:
        names = tuple((substitution.text(name, place), place) for name, place in names)
    fanout = said.map
    if fanout is not None and fanout.over is not None:
        fanout = replace(fanout, over=substitution.text(fanout.over, fanout.place))
    return ValueEntry(names, fanout)


def _over(above: PathEntry, below: PathEntry | None) -> PathEntry:
    """A path given again: what it leaves out stays."""
    if below is None:
        return above
    kept = {
        name: getattr(below, name) for name in ("cache", "x", "y", "template") if getattr(above, name) is None
    }
    return replace(above, **kept)


def _placed(problem: Problem, entry: StageEntry) -> DefinitionError:
    place = entry.place("matrix")
    if problem.dimension is not None:
        place = entry.place("matrix", problem.dimension)
        if problem.position is not None and entry.matrix is not None:
            place = entry.matrix[problem.dimension][problem.position].place
    return DefinitionError(f"stage {entry.name!r}: {problem.message} ({place})", problem.hint)


@dataclass(frozen=True, slots=True)
class _Substitution:
    """Replaces ``${name}``; a name without a value is an error, once for each place.

    Attributes:
        who: whose texts they are, for messages.
    """

    who: str
    values: Mapping[str, Scalar]
    errors: list[PivotError]
    told: set[tuple[str | None, Place]] = field(default_factory=set)

    def value(self, text: str, place: Place) -> Scalar:
        """A text with its names replaced; one that is a single name becomes the value itself."""
        missing = [name for name in placeholders(text) if name is None or name not in self.values]
        for name in missing:
            if (name, place) not in self.told:
                self.told.add((name, place))
                self.errors.append(self._missing(name, text, place))
        return text if missing else substituted(text, self.values)

    def text(self, text: str, place: Place) -> str:
        """A text with its names replaced."""
        # the space keeps a single name from becoming a value of its own type
        return str(self.value(f"{text} ", place))[:-1]

    def path(self, entry: PathEntry) -> PathEntry:
        """A path with its names replaced."""
        if isinstance(entry.path, str):
            # a file may hold thousands, and few have names in them
            return replace(entry, path=self.text(entry.path, entry.place)) if "$" in entry.path else entry
        return replace(entry, path=tuple(self.text(path, entry.place) for path in entry.path))

    def tree(self, value: Any, given: GivenEntry, at: tuple[str | int, ...]) -> Any:
        """Params with the names in all texts replaced."""
        if isinstance(value, str):
            return self.value(value, given.place(*at))
        if isinstance(value, Mapping):
            return {key: self.tree(inner, given, (*at, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.tree(inner, given, (*at, number)) for number, inner in enumerate(value)]
        return value

    def _missing(self, name: str | None, text: str, place: Place) -> DefinitionError:
        if name is None:
            message = f"{self.who}: ${{ is not closed in {text.strip()!r} ({place})"
            return DefinitionError(message, "write ${name}, or $${ for the characters ${")
        message = f"{self.who}: ${{{name}}} has no value ({place})"
        hint = did_you_mean(name, self.values) or "give it under vars:, or as a dimension of the matrix"
        return DefinitionError(message, hint)


def shared_params(
    given: GivenEntry, values: Mapping[str, Scalar], errors: list[PivotError]
) -> Mapping[str, Any]:
    """The params that a file gives to all its stages, with ``${name}`` replaced."""
    table: dict[str, Any] = _Substitution("params", values, errors).tree(given.params, given, ("params",))
    return table


def vars_of(
    parts: Iterable[Vars], folder: ProjectPath, root: str, errors: list[PivotError], read: list[str]
) -> dict[str, Scalar]:
    """The values for ``${name}`` that a file gives; what is wrong with them is added to ``errors``.

    Args:
        folder: of the file; the YAML files that it names are relative to it.
        root: of the project, absolute.
        read: absolute paths of the files that were looked at are added to it.
    """
    found: dict[str, tuple[Scalar, Place]] = {}
    known: dict[str, Scalar] = {}
    for part in parts:
        values = part.values
        if part.file is not None:
            try:
                path = project_path(part.file, folder)
                file = absolute(path, root)
                read.append(file)
                values = read_vars(yaml_text(file, path), path)
            except PivotError as error:
                # an error in the file names its own line
                named = error.message if "(" in error.message else f"{error.message} ({part.place})"
                errors.append(DefinitionError(f"vars: {named}", error.hint))
                continue
            except OSError as error:
                errors.append(
                    DefinitionError(f"vars: cannot read {part.file}: {error.strerror} ({part.place})")
                )
                continue
        for name, (value, place) in values.items():
            if name in found:
                message = f"var {name!r} is given twice: at {found[name][1]} and at {place}"
                errors.append(DefinitionError(message, "keep one of them"))
            own = (
                _Substitution("vars", known, errors).value(value, place) if isinstance(value, str) else value
            )
            found.setdefault(name, (own, place))
            known.setdefault(name, own)
    return known
