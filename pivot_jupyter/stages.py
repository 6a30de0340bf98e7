"""Functions of cells → Stages: which ones, and what the head of a cell says over their annotations."""

import ast
import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType

from pivot.define.declared import declared_by
from pivot.define.decorator import mark_of
from pivot.define.head import FileSaid, said_beside, stages_from_head, unclaimed_params
from pivot.define.locate import PipelineFile
from pivot.define.reading import params_beside
from pivot.errors import DefinitionError, PivotError, UsageError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, Stage
from pivot.paths import ProjectPath, project_path
from pivot_jupyter.cells import lines_of
from pivot_jupyter.compile import Page
from pivot_jupyter.options import Options
from pivot_jupyter.units import Kind

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Draft:
    """A function that is a stage.

    Attributes:
        name: of the stage; with a matrix, that or a template of its variants' names.
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

    @property
    def pipeline_file(self) -> PipelineFile:
        """The one into which export writes."""
        return PipelineFile(self.root, project_path("pivot.yaml", self.folder), self.folder, self.roots)


def drafts_in(page: Page, namespace: Mapping[str, object], options: Options) -> tuple[Draft, ...]:
    """The stages of a ``%%pivot_stage`` cell that was just executed.

    Raises:
        UsageError: it has no stage function, or options were given for several.
    """
    functions = _functions(page, namespace)
    chosen = [name for name in functions if _declares(namespace.get(name))]
    if not chosen and len(functions) == 1:
        chosen = [name for name in functions if options.say_something or _needs_nothing(namespace.get(name))]
    if not chosen:
        raise UsageError(
            f"{page.cell.name}: no function here is a stage",
            "annotate a parameter with Annotated[T, Dep(path)] or the return type with Out(path), "
            "take another stage's value with %%pivot_stage --depends-on STAGE, mark it with @pivot.stage, "
            "or head the cell %%pivot_module",
        )
    if options.say_something and len(chosen) > 1:
        raise UsageError(
            f"{page.cell.name}: options need exactly one stage function in the cell, here are "
            f"{', '.join(chosen)}",
            "give each stage a cell of its own",
        )
    _refuse_loops(page, chosen)
    return tuple(_draft(page, name, functions[name], namespace[name], options) for name in chosen)


def _needs_nothing(function: object) -> bool:
    """Whether it can be called as it is; what it returns is a value for other stages."""
    if not isinstance(function, FunctionType):
        return False
    parameters = inspect.signature(function).parameters.values()
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def marked_in(page: Page, namespace: Mapping[str, object]) -> tuple[Draft, ...]:
    """The functions of a plain cell that are marked by ``@pivot.stage``."""
    marked = {
        n: line for n, line in _functions(page, namespace).items() if mark_of(namespace.get(n)) is not None
    }
    _refuse_loops(page, marked)
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
        elif unit.kind is Kind.BLOCK:
            inside = (node for node in ast.walk(ast.parse(unit.text)) if isinstance(node, _FUNCTIONS))
            made = {node.name: unit.start + node.lineno - 1 for node in inside}
            found.update({name: line for name, line in made.items() if name in unit.names})
    return found


def _refuse_loops(page: Page, functions: Collection[str]) -> None:
    """A loop makes one function after the other under one name; only the last would be a stage."""
    for unit in page.units:
        if unit.kind is Kind.BLOCK and isinstance(ast.parse(unit.text).body[0], (ast.For, ast.While)):
            for name in set(functions).intersection(unit.names):
                raise UsageError(
                    f"{page.cell.name}: {name} is defined in a loop, and only the last one would be a stage",
                    "head a cell %%pivot_stage --matrix NAME=A,B for a stage of each, or define it outside loops",
                )


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


def params_of(ground: Ground, errors: list[PivotError]) -> FileSaid:
    """What the files beside the notebook say of params and config; what is wrong is added to ``errors``."""
    return said_beside(ground.pipeline_file, errors)


def unclaimed(ground: Ground, stages: Sequence[Stage]) -> tuple[PivotError, ...]:
    """What that file says of no stage: of the cells, or of the ``pivot.yaml`` beside them."""
    return unclaimed_params(params_beside(ground.pipeline_file, []), ground.pipeline_file, stages)


def define(
    draft: Draft, module: ModuleType, ground: Ground, said: FileSaid | None = None
) -> tuple[Stage, ...]:
    """The stages that a draft makes: one, or one for each variant of its matrix.

    Args:
        module: holds the function, under its name.
        said: by the files beside the notebook; ``None``: nothing.

    Raises:
        DefinitionErrors, PivotError: everything that is wrong with it.
    """
    function = getattr(module, draft.function, None)
    if function is None:
        raise DefinitionError(
            f"stage {draft.name!r}: {draft.function} is not defined any more ({draft.place})",
            f"run {draft.place.file} again",
        )
    return stages_from_head(
        function,
        draft.name,
        draft.options.table(),
        ref=ObjectRef(module.__name__, draft.function),
        place=draft.place,
        home=ground.pipeline_file,
        said=said or FileSaid(),
    )
