"""Functions of cells → Stages: which ones, and what the head of a cell says over their annotations."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType

from pivot.define.annotations import Overrides, ParamLayer, PathEntry, stage_from_function  # type: ignore[attr-defined]
from pivot.define.declared import declared_by
from pivot.define.decorator import mark_of
from pivot.errors import DefinitionError, PivotError, UsageError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, Stage
from pivot.paths import ProjectPath, absolute, project_path
from pivot.yamlio import YamlDocument, read_yaml
from pivot_jupyter.cells import lines_of
from pivot_jupyter.compile import Page
from pivot_jupyter.units import Kind


@dataclass(frozen=True, slots=True)
class Options:
    """What the head of a ``%%pivot_stage`` cell says.

    Attributes:
        deps, outs: annotated name → path.
        params: field → value as YAML text; ``a.b`` reaches into a nested model.
        mutex: ``None`` where nothing was said.
        cwd: the folder that paths are relative to, relative to the notebook's.
    """

    name: str | None = None
    deps: Mapping[str, str] = field(default_factory=dict)
    outs: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    mutex: tuple[str, ...] | None = None
    cwd: str | None = None

    @property
    def say_something(self) -> bool:
        """Whether any was given."""
        return self != Options()


@dataclass(frozen=True, slots=True)
class Draft:
    """A function that is a stage.

    Attributes:
        name: of the stage.
        function: its name in the cells.
        place: the cell and the line of the function.
    """

    name: str
    function: str
    place: Place
    options: Options


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a notebook's stages stand.

    Attributes:
        root: absolute project root.
        folder: of the notebook.
        roots: import roots.
    """

    root: str
    folder: ProjectPath
    roots: tuple[ProjectPath, ...]


def drafts_in(page: Page, namespace: Mapping[str, object], options: Options) -> tuple[Draft, ...]:
    """The stages of a ``%%pivot_stage`` cell that was just executed.

    Raises:
        UsageError: it has no stage function, or options were given for several.
    """
    functions = _functions(page, namespace)
    chosen = [name for name in functions if _declares(namespace.get(name))]
    if not chosen and options.say_something and len(functions) == 1:
        chosen = list(functions)
    if not chosen:
        raise UsageError(
            f"{page.cell.name}: no function here is a stage",
            "annotate a parameter with Annotated[T, Dep(path)] or the return type with Out(path), "
            "or head the cell %%pivot_module",
        )
    if options.say_something and len(chosen) > 1:
        raise UsageError(
            f"{page.cell.name}: options need exactly one stage function in the cell, here are "
            f"{', '.join(chosen)}",
            "give each stage a cell of its own",
        )
    return tuple(_draft(page, name, functions[name], namespace[name], options) for name in chosen)


def marked_in(page: Page, namespace: Mapping[str, object]) -> tuple[Draft, ...]:
    """The functions of a plain cell that are marked by ``@pivot.stage``."""
    marked = {
        n: line for n, line in _functions(page, namespace).items() if mark_of(namespace.get(n)) is not None
    }
    return tuple(_draft(page, name, line, namespace[name], Options()) for name, line in marked.items())


def _draft(page: Page, function: str, line: int, value: object, options: Options) -> Draft:
    mark = mark_of(value)
    name = options.name or (mark.name if mark is not None else None) or function
    return Draft(name, function, Place(page.cell.name, line), options)


def _functions(page: Page, namespace: Mapping[str, object]) -> dict[str, int]:
    """The functions that a cell binds at top level, and the line of each.

    Closures and lambdas under a name are among them: no worker can import one, which must be told.
    """
    found: dict[str, int] = {}
    for unit in page.units:
        if unit.kind is Kind.FUNCTION:
            lines = lines_of(unit.text)
            at = next((i for i, text in enumerate(lines) if text.startswith(("def ", "async def "))), 0)
            found[unit.names[0]] = unit.start + at
        elif unit.kind is Kind.VALUE:
            values = {name: namespace.get(name) for name in unit.names}
            inner = [n for n, v in values.items() if isinstance(v, FunctionType) and "<" in v.__qualname__]
            found.update(dict.fromkeys(inner, unit.start))
    return found


def _declares(value: object) -> bool:
    if mark_of(value) is not None:
        return True
    if not callable(value):
        return False
    try:
        declared = declared_by(value, None)
    except (TypeError, ValueError):
        return False  # a callable without a signature
    return bool(declared.deps or declared.outs)


def define(draft: Draft, module: ModuleType, ground: Ground) -> Stage:
    """The Stage that a draft makes.

    Args:
        module: holds the function, under its name.

    Raises:
        DefinitionErrors, PivotError: everything that is wrong with it.
    """
    options, place = draft.options, draft.place
    function = getattr(module, draft.function, None)
    if function is None:
        raise DefinitionError(
            f"stage {draft.name!r}: {draft.function} is not defined any more ({place})",
            f"run {place.file} again",
        )
    layers = [ParamLayer(_nested(options.params), place)] if options.params else []
    layers += _params_file(ground, draft.name)
    stage = stage_from_function(
        function,
        folder=_folder(draft, ground),
        roots=ground.roots,
        place=place,
        name=draft.name,
        ref=ObjectRef(module.__name__, draft.function),
        overrides=Overrides(
            deps={key: PathEntry(path, None, place) for key, path in options.deps.items()},
            outs={None: {key: PathEntry(path, None, place) for key, path in options.outs.items()}},
            params=tuple(layers),
            mutex=options.mutex,
        ),
    )
    return replace(stage, home=ground.folder)


def _folder(draft: Draft, ground: Ground) -> ProjectPath:
    if draft.options.cwd is None:
        return ground.folder
    try:
        return ProjectPath(project_path(draft.options.cwd, ground.folder).rstrip("/"))
    except PivotError as error:
        message = f"stage {draft.name!r}: --cwd: {error.message} ({draft.place})"
        raise DefinitionError(message, error.hint) from None


def _nested(params: Mapping[str, str]) -> dict[str, object]:
    """``{"model.depth": "3"}`` → ``{"model": {"depth": 3}}``."""
    values: dict[str, object] = {}
    for key, text in params.items():
        inner: dict[str, object] = values
        *outer, last = key.split(".")
        for word in outer:
            deeper = inner.setdefault(word, {})
            assert isinstance(deeper, dict)
            inner = deeper
        inner[last] = read_yaml(text, "--param").data
    return values


def _params_file(ground: Ground, stage: str) -> list[ParamLayer]:
    """What the ``params.yaml`` beside the notebook says about a stage: it wins, as over ``pivot.yaml``."""
    file = os.path.join(absolute(ground.folder, ground.root), "params.yaml")
    if not os.path.isfile(file):
        return []
    name = project_path("params.yaml", ground.folder)
    with open(file, encoding="utf-8") as stream:
        document: YamlDocument = read_yaml(stream.read(), name)
    values = document.data.get(stage) if isinstance(document.data, dict) else None
    if not isinstance(values, dict):
        return []
    return [ParamLayer(values, Place(name, document.line((stage,))), document, (stage,))]


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """``["k=path"]`` → ``{"k": "path"}``.

    Raises:
        UsageError: one is no pair.
    """
    found: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise UsageError(f"{option} {text}: write {option} name=value")
        found[key] = value
    return found
