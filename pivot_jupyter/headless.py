"""A notebook's stages without a kernel: its cells in order, the module executed once in a fresh process.

Only what stages reach is executed, since annotations must be evaluated; the other cells are text.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from types import ModuleType

from pivot.errors import CodeError, DefinitionErrors, PivotError, UsageError
from pivot.paths import absolute, project_path, relative_to_root
from pivot.project import Project
from pivot_jupyter.acting import Acting
from pivot_jupyter.adopt import adopt
from pivot_jupyter.cells import Cell, Role
from pivot_jupyter.command import code_cells
from pivot_jupyter.compile import (
    NotebookModule,
    Page,
    compile_module,
    read_notebook,
    read_page,
    refused_commands,
)
from pivot_jupyter.defined import Defined, Made, defined_by, raise_all
from pivot_jupyter.missing import lost_names, unexplained
from pivot_jupyter.naming import module_name_for, told_module
from pivot_jupyter.options import read_options
from pivot_jupyter.stages import Draft, Ground, define, drafts_in, marked_in, params_of
from pivot_jupyter.units import Kind
from pivot_jupyter.values import refused_by_text


def defined_notebook(file: str, module: str | None = None) -> tuple[Defined, Ground]:
    """What the cells of a notebook file define, taken in their order, and where it stands.

    Args:
        module: the notebook module's name; ``None``: as the notebook says.

    Raises:
        PivotError: something in the notebook cannot become part of a module.
    """
    folder = os.path.dirname(os.path.abspath(file))
    cells = code_cells(file)
    with Project(folder) as project:
        here = relative_to_root(folder, project.root)
        roots = tuple(dict.fromkeys((here, *project.roots)))
        ground = Ground(project.root, here, roots)
    return define_in_fresh_process(
        cells, module or told_module(cells) or module_name_for(file), ground
    ), ground


def define_in_fresh_process(cells: Sequence[Cell], name: str, ground: Ground) -> Defined:
    """`define_cells` in another interpreter: executing the module touches nothing here."""
    with tempfile.NamedTemporaryFile(prefix="pivot-notebook-") as answer:
        task = pickle.dumps((tuple(cells), name, ground, answer.name))
        done = subprocess.run(
            [sys.executable, "-m", "pivot_jupyter.headless"],
            input=task,
            stdout=subprocess.DEVNULL,
            cwd=absolute(ground.folder, ground.root),
            check=False,
        )
        data = answer.read()
    if done.returncode or not data:
        raise CodeError(f"the notebook's module ended its process (exit code {done.returncode})")
    result = pickle.loads(data)
    if isinstance(result, PivotError):
        raise result
    assert isinstance(result, Defined)
    return result


def define_cells(cells: Sequence[Cell], name: str, ground: Ground) -> Defined:
    """The module and stages of cells that are taken in their order. Executes what the stages reach.

    Raises:
        PivotError: something cannot become part of a module.
    """
    pages = [read_page(cell) for cell in cells]
    notebook = read_notebook(pages)
    candidates = [unit for page in pages for unit in page.units if _may_be_stage(page, unit.text, unit.kind)]
    if not candidates:
        raise UsageError("the notebook defines no stages", "head a cell %%pivot_stage")
    possible = [unit.names[0] for unit in candidates]
    draft = compile_module(notebook, name, possible, Acting(notebook.units, name, possible, ground))
    raise_all(refused_commands(draft.slice))
    space = vars(_executed(draft, ground))
    drafts = _drafts(pages, space)
    functions = [one.function for one in drafts]
    module = compile_module(notebook, name, functions, Acting(notebook.units, name, functions, ground))
    errors: list[PivotError] = [
        *unexplained(lost_names(module.slice, space), {}),
        *refused_by_text(module.slice),
    ]
    adopted = adopt(module.module_text(project_path(f"{name}.py", ground.folder)), module.names, space)
    params = params_of(ground, errors)
    made: list[Made] = []
    for one in drafts:
        try:
            made.append(Made(one, define(one, adopted, ground, params)))
        except PivotError as error:
            errors.extend(error.errors if isinstance(error, DefinitionErrors) else [error])
    raise_all(errors)
    return defined_by(module, ground, adopted, made)


def _may_be_stage(page: Page, text: str, kind: Kind) -> bool:
    if kind is not Kind.FUNCTION:
        return False
    decorated = any(line.startswith("@") and "stage" in line for line in text.splitlines())
    return page.source.role is Role.STAGE or decorated


def _drafts(pages: Sequence[Page], space: dict[str, object]) -> list[Draft]:
    from pivot_jupyter.magics import PivotMagics

    drafts: dict[str, Draft] = {}
    for page in pages:
        if page.source.role is Role.STAGE:
            found = drafts_in(
                page, space, read_options(page.source.options, PivotMagics.pivot_stage.parser)[0]
            )
        else:
            found = marked_in(page, space)
        drafts.update({one.name: one for one in found})
    return list(drafts.values())


def _executed(module: NotebookModule, ground: Ground) -> ModuleType:
    made = ModuleType(module.name)
    sys.modules[module.name] = made
    sys.path[:0] = [absolute(root, ground.root) for root in ground.roots]
    try:
        exec(compile(module.text, module.filename, "exec", dont_inherit=True), vars(made))  # noqa: S102
    except Exception as error:  # noqa: BLE001 - it is the user's code
        trace = error.__traceback__
        lines = []
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == module.filename:
                lines.append(trace.tb_lineno)
            trace = trace.tb_next
        place = module.place(lines[-1]) if lines else None
        raise CodeError(
            f"the notebook's module cannot be executed: {type(error).__name__}: {error} ({place or module.name})",
            "Restart and Run All in the notebook shows whether its cells work in their order",
        ) from None
    return made


def main() -> None:
    """The other side of `define_in_fresh_process`: task on stdin, answer in the file that it names."""
    cells, name, ground, answer = pickle.loads(sys.stdin.buffer.read())
    result: Defined | PivotError
    try:
        result = define_cells(cells, name, ground)
    except PivotError as error:
        result = error
    with open(answer, "wb") as stream:
        pickle.dump(result, stream)


if __name__ == "__main__":
    # classes must be pickled under this module's real name
    from pivot_jupyter import headless  # noqa: PLW0406

    headless.main()
