"""An annotated (or marked) function → a Stage: the one way in which every door makes stages."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pivot.config.params import ParamLayer, params_text, resolve_params
from pivot.config.pivotfile import PathEntry
from pivot.config.spelling import did_you_mean
from pivot.define.declared import Declared, declared_by
from pivot.define.decorator import Mark, mark_of
from pivot.define.functions import check_function, reference
from pivot.define.loader_ref import check_reader, check_writer, loader_ref
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.loaders import PathOnly, infer_loader
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind, Returns, Stage, StageDep, StageOut, StageParameters
from pivot.outputs import Dep, Metric, Out, Plot
from pivot.paths import ProjectPath, project_path

_STAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_SECTION = {OutKind.OUT: "outs", OutKind.METRIC: "metrics", OutKind.PLOT: "plots"}


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a door says over a function's own declarations.

    Attributes:
        deps: parameter → path.
        outs: the kind of output they were given for (``None``: any) → output → path.
        params: layers over the model's defaults, the weakest first.
        mutex: ``None`` where the door says nothing.
    """

    deps: Mapping[str, PathEntry] = field(default_factory=dict)
    outs: Mapping[OutKind | None, Mapping[str, PathEntry]] = field(default_factory=dict)
    params: tuple[ParamLayer, ...] = ()
    mutex: tuple[str, ...] | None = None


def stage_from_function(
    function: Callable[..., Any],
    *,
    folder: ProjectPath,
    roots: tuple[ProjectPath, ...],
    place: Place,
    name: str | None = None,
    code: Place | None = None,
    ref: ObjectRef | None = None,
    overrides: Overrides | None = None,
) -> Stage:
    """The stage that a function makes.

    Args:
        function: at module level, in a module that is imported now.
        folder: paths are read relative to it.
        roots: folders from which workers import the function's module.
        place: where the stage is defined.
        name: of the stage; else the name given to ``@stage``, else the function's.
        code: where the function is written; ``place`` by default.
        ref: the name under which it was found; else its own.
        overrides: what is said over its declarations.

    Raises:
        DefinitionErrors: everything that is wrong with it.
    """
    mark = mark_of(function)
    name = str(name or (mark.name if mark else None) or getattr(function, "__name__", repr(function)))
    code = code or place
    problem = check_function(function, name, code)
    if problem is not None:
        raise DefinitionErrors([problem])
    found = ref or reference(function, name, code)
    if isinstance(found, PivotError):
        raise DefinitionErrors([found])
    overrides = overrides or Overrides()
    draft = _Draft(name, found, folder, place, code, declared_by(function, mark))
    if not _STAGE_NAME.match(name):
        hint = "begin with a letter; then letters, digits, - and _, at most 64"
        draft.errors.append(DefinitionError(f"stage name {name!r} is not allowed ({place})", hint))
    draft.errors.extend(draft.error(message, code, hint) for message, hint in draft.declared.problems)
    deps = [*draft.deps(overrides.deps), *draft.plain_deps(mark)]
    outs = [*draft.outs(overrides.outs), *draft.plain_outs(mark)]
    params = draft.params(mark, overrides.params)
    mutex = draft.mutex(mark.mutex if mark and overrides.mutex is None else overrides.mutex or ())
    if draft.errors:
        raise DefinitionErrors(draft.errors)
    returns = draft.declared.returns
    return Stage(name, found, tuple(deps), tuple(outs), returns, params, mutex, folder, place, roots)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A stage in the making: what its parts are read with, and what was found wrong."""

    stage: str
    function: ObjectRef
    folder: ProjectPath
    place: Place
    code: Place
    declared: Declared
    errors: list[PivotError] = field(default_factory=list)

    def error(self, message: str, place: Place, hint: str | None = None) -> DefinitionError:
        return DefinitionError(f"stage {self.stage!r}: {message} ({place})", hint)

    def wrong(self, message: str, place: Place, hint: str | None = None) -> None:
        self.errors.append(self.error(message, place, hint))

    def path(self, raw: Any, what: str, place: Place) -> ProjectPath | None:
        """A path as a person wrote it; ``None`` after an error."""
        if isinstance(raw, (list, tuple)):
            self.wrong(f"{what}: several paths come in a later version", place, "name each file on its own")
            return None
        if not isinstance(raw, (str, os.PathLike)):
            self.wrong(f"{what}: {raw!r} is no path", place)
            return None
        text = os.fspath(raw)
        if str(text).endswith("/"):
            self.wrong(f"{what}: folders such as {text!r} come in a later version", place, "name a file")
            return None
        try:
            found = project_path(str(text), self.folder)
        except PivotError as error:
            self.wrong(f"{what}: {error.message}", place, error.hint)
            return None
        if found == "." or found.split("/", 1)[0] == ".pivot":
            self.wrong(f"{what}: {text!r} is Pivot's own", place, "choose another path")
            return None
        return found

    def deps(self, given: Mapping[str, PathEntry]) -> list[StageDep]:
        known = self.declared.deps
        for key, entry in given.items():
            if key not in known:
                is_parameter = key in self.declared.parameters
                what = "is not annotated with Dep in" if is_parameter else "is not a parameter of"
                self.wrong(f"dep {key!r} {what} {self.function}", entry.place, did_you_mean(key, known))
        found = []
        for key, (dep, kind) in known.items():
            raw, place = (given[key].path, given[key].place) if key in given else (dep.path, self.code)
            path = self.path(raw, f"dep {key!r}", place)
            if path is not None:
                found.append(self._dep(key, dep, kind, path))
        return [dep for dep in found if dep is not None]

    def _dep(self, key: str, dep: Dep[Any], kind: Any, path: ProjectPath) -> StageDep | None:
        try:
            loader = dep.loader if dep.loader is not None else infer_loader(path, kind)
            check_reader(loader)
            return StageDep(key, path, loader_ref(loader), key)
        except PivotError as error:
            self.wrong(f"dep {key!r}: {error.message}", self.code, error.hint)
            return None

    def plain_deps(self, mark: Mark | None) -> list[StageDep]:
        raws = mark.deps if mark else ()
        paths = [(raw, self.path(raw, f"dep {raw!r}", self.code)) for raw in raws]
        return [StageDep(raw, path, loader_ref(PathOnly()), None) for raw, path in paths if path is not None]

    def outs(self, given: Mapping[OutKind | None, Mapping[str, PathEntry]]) -> list[StageOut]:
        names = self._named_outs(given)
        found = []
        for key, (out, kind) in self.declared.outs.items():
            name, entry = names.get(key, (key, None))
            place = entry.place if entry else self.code
            path = self.path(entry.path if entry else out.path, f"out {name!r}", place)
            cache = out.cache if entry is None or entry.cache is None else entry.cache
            if path is not None:
                found.append(self._out(name, out, kind, path, cache=cache))
        return [out for out in found if out is not None]

    def _named_outs(
        self, given: Mapping[OutKind | None, Mapping[str, PathEntry]]
    ) -> dict[str, tuple[str, PathEntry]]:
        """Declared out → the name and path given to it; errors for those that nobody declares."""
        known = self.declared.outs
        entries = [(section, key, entry) for section, table in given.items() for key, entry in table.items()]
        is_single = self.declared.returns is Returns.SINGLE
        names: dict[str, tuple[str, PathEntry]] = {}
        for section, key, entry in entries:
            target = next(iter(known)) if is_single else key
            if target not in known:
                self.wrong(
                    f"out {key!r} is not an output of {self.function}", entry.place, did_you_mean(key, known)
                )
                continue
            kind = _kind(known[target][0])
            if section not in (None, kind):
                message = f"{key!r} is declared as {kind.name.capitalize()} in {self.function}"
                self.wrong(message, entry.place, f"give its path under {_SECTION[kind]}")
            elif target in names:
                twice = (
                    f"{key!r} and {names[target][0]!r} both name"
                    if is_single
                    else f"{key!r} is given twice for"
                )
                self.wrong(f"{twice} the one output of {self.function}", entry.place, "keep one")
            else:
                names[target] = (key, entry)
        return names

    def _out(self, name: str, out: Out[Any], kind: Any, path: ProjectPath, *, cache: bool) -> StageOut | None:
        try:
            loader = out.loader if out.loader is not None else infer_loader(path, kind)
            check_writer(loader)
            ref = loader_ref(loader)
        except PivotError as error:
            self.wrong(f"out {name!r}: {error.message}", self.code, error.hint)
            return None
        return StageOut(name, path, _kind(out), ref, cache, isinstance(loader, PathOnly))

    def plain_outs(self, mark: Mark | None) -> list[StageOut]:
        raws = mark.outs if mark else ()
        paths = [(raw, self.path(raw, f"out {raw!r}", self.code)) for raw in raws]
        ref = loader_ref(PathOnly())
        return [StageOut(raw, path, OutKind.OUT, ref, True, True) for raw, path in paths if path is not None]

    def params(self, mark: Mark | None, layers: tuple[ParamLayer, ...]) -> StageParameters | None:
        if self.declared.params is None:
            for layer in layers:
                hint = "annotate a parameter with a StageParams class"
                self.wrong(f"{self.function} takes no params", layer.place, hint)
            return None
        argument, model = self.declared.params
        if "<locals>" in model.__qualname__ or model.__module__ == "__main__":
            self.wrong(
                f"params model {model.__name__} cannot be imported", self.code, "move it to module level"
            )
            return None
        if mark is not None and mark.params is not None and not isinstance(mark.params, type):
            layers = (ParamLayer(json.loads(params_text(mark.params)), self.code), *layers)
        try:
            values = resolve_params(self.stage, model, layers, self.code)
        except DefinitionErrors as error:
            self.errors.extend(error.errors)
            return None
        except DefinitionError as error:
            self.errors.append(error)
            return None
        return StageParameters(argument, ObjectRef(model.__module__, model.__qualname__), values)

    def mutex(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(str(group).strip() for group in groups))
        if not all(names):
            self.wrong("a mutex group has no name", self.place)
        return names


def _kind(out: Out[Any]) -> OutKind:
    if isinstance(out, Metric):
        return OutKind.METRIC
    return OutKind.PLOT if isinstance(out, Plot) else OutKind.OUT
