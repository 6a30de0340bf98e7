"""An annotated (or marked) function → a Stage: the one way in which every door makes stages."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pivot.config.mapping import ValueEntry, depends_entry, map_entry
from pivot.config.params import ParamLayer
from pivot.config.pivotfile import PathEntry
from pivot.define.decorator import Mark, mark_of
from pivot.define.deps import annotated_deps, plain_deps
from pivot.define.draft import Draft
from pivot.define.functions import name_of, reference
from pivot.define.outs import Given, annotated_outs, plain_outs, value_out
from pivot.define.parameters import bound_params
from pivot.define.passed import passed_values
from pivot.define.rules import Rule, rules_said, running
from pivot.define.signatures import Signatures
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.context import NOTHING_SAID, FileContext
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, Returns, Stage, StageVariant
from pivot.paths import ProjectPath

_STAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}(@[A-Za-z0-9_.+-]{1,64})?\Z")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a door says over a function's own declarations.

    Attributes:
        deps: parameter → paths.
        outs: the kind of output they were given for (``None``: any) → output → paths and options.
        params: layers over the model's defaults, the weakest first.
        mutex: ``None`` where the door says nothing.
        rules: how the stage is run, the weakest first.
        variant: which of several variants the stage is.
        context: what the pipeline file says for all its stages.
        values: what the stage takes from others.
    """

    deps: Mapping[str, PathEntry] = field(default_factory=dict)
    outs: Given = field(default_factory=dict)
    params: tuple[ParamLayer, ...] = ()
    mutex: tuple[str, ...] | None = None
    rules: tuple[Mapping[str, Rule], ...] = ()
    variant: StageVariant | None = None
    context: FileContext = NOTHING_SAID
    values: ValueEntry = field(default_factory=ValueEntry)


def stage_from_function(
    function: Callable[..., Any],
    *,
    folder: ProjectPath,
    home: ProjectPath,
    roots: tuple[ProjectPath, ...],
    place: Place,
    name: str | None = None,
    code: Place | None = None,
    ref: ObjectRef | None = None,
    overrides: Overrides | None = None,
    signatures: Signatures | None = None,
) -> Stage:
    """The stage that a function makes.

    Args:
        function: at module level, in a module that is imported now.
        folder: paths are read relative to it.
        home: the folder of the file that defines it.
        roots: folders from which workers import the function's module.
        name: of the stage; else the name given to ``@stage``, else the function's.
        place, code: where the stage is defined, and where its function is written: there by default.
        ref: the name under which it was found; else its own.
        overrides: what is said over its declarations.
        signatures: what is known of functions and loaders, where other stages are made of them just now.

    Raises:
        DefinitionErrors: everything that is wrong with it.
    """
    mark, overrides, known = mark_of(function), overrides or Overrides(), signatures or Signatures()
    name = str(name or (mark.name if mark else None) or name_of(function))
    found = _importable(function, name, code or place, ref, known)
    declared = known.declared(function, mark, is_variant=overrides.variant is not None)
    draft = _checked(Draft(name, found, folder, place, code or place, declared, known))
    deps = [*annotated_deps(draft, overrides.deps), *plain_deps(draft, mark)]
    outs = [*annotated_outs(draft, overrides.outs), *plain_outs(draft, mark)]
    mutex = _mutex(draft, mark.mutex if mark and overrides.mutex is None else overrides.mutex or ())
    rules = running(draft, rules_said(mark.rules, draft.code) if mark else {}, *overrides.rules)
    values = overrides.values.over(_said(draft, mark))
    params, bound = bound_params(draft, mark, overrides.params, values)
    depends_on, fanout = passed_values(draft, values, bound)
    draft.require_sound()
    stage = Stage(
        name=draft.stage,
        function=draft.function,
        deps=tuple(deps),
        outs=tuple(outs) or (value_out(draft, home, mapped=fanout is not None),),
        returns=declared.returns if outs else Returns.SINGLE,
        params=params,
        mutex=mutex,
        folder=draft.folder,
        place=draft.place,
        roots=roots,
        home=home,
        variant=_variant(draft, overrides.variant),
        context=overrides.context,
        depends_on=depends_on,
        map=fanout,
    )
    return rules.of(stage)


def _importable(
    function: Callable[..., Any], stage: str, code: Place, ref: ObjectRef | None, known: Signatures
) -> ObjectRef:
    """The name under which workers import a function.

    Raises:
        DefinitionErrors: they cannot.
    """
    problem = known.check(function, stage, code)
    found = problem or ref or reference(function, stage, code)
    if isinstance(found, PivotError):
        raise DefinitionErrors([found])
    return found


def _said(draft: Draft, mark: Mark | None) -> ValueEntry:
    """What ``@stage`` says of other stages."""
    if mark is None:
        return ValueEntry()
    try:
        depends_on = None if mark.depends_on is None else depends_entry(mark.depends_on, draft.code)
        return ValueEntry(depends_on, None if mark.map is None else map_entry(mark.map, draft.code))
    except DefinitionError as error:
        draft.errors.append(DefinitionError(f"stage {draft.stage!r}: {error.message}", error.hint))
        return ValueEntry()


def _checked(draft: Draft) -> Draft:
    """A draft with what is wrong with the name and the signature."""
    if not _STAGE_NAME.match(draft.stage):
        hint = "begin with a letter; then letters, digits, - and _, at most 64"
        message = f"stage name {draft.stage!r} is not allowed ({draft.place})"
        draft.errors.append(DefinitionError(message, hint))
    draft.errors.extend(draft.error(message, draft.code, hint) for message, hint in draft.declared.problems)
    return draft


def _variant(draft: Draft, variant: StageVariant | None) -> StageVariant | None:
    if variant is None or draft.declared.takes_variant:
        return variant
    return replace(variant, argument=None)


def _mutex(draft: Draft, groups: tuple[str, ...]) -> tuple[str, ...]:
    if not groups:
        return ()
    names = tuple(dict.fromkeys(str(group).strip() for group in groups))
    if not all(names):
        draft.wrong("a mutex group has no name", draft.place)
    return names
