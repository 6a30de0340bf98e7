"""The notebook's stages in one kernel: the cells that were executed, their module, and the project they run in."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from types import ModuleType
from typing import Any

from pivot.core.explain import Explanation
from pivot.core.inventory import Inventory
from pivot.define.locate import find_pipeline_file
from pivot.errors import DefinitionErrors, PivotError, UsageError
from pivot.model.decision import Decision
from pivot.model.event import Event
from pivot.model.run import Run
from pivot.model.stage import Stage, stage_key
from pivot.model.task import TrialResult
from pivot.paths import absolute, project_path, relative_to_root
from pivot.project import Project
from pivot_jupyter.acting import Acting
from pivot_jupyter.adopt import adopt, release, replaced, strangers
from pivot_jupyter.awaited import Awaited
from pivot_jupyter.background import Submitted
from pivot_jupyter.cells import Cell
from pivot_jupyter.compile import (
    Notebook,
    NotebookModule,
    Page,
    compile_module,
    part_of_module,
    refused_commands,
)
from pivot_jupyter.defined import Defined, Made, defined_by, raise_all
from pivot_jupyter.drafts import Drafts
from pivot_jupyter.executed import Executed, is_unnamed, key_of
from pivot_jupyter.missing import lost_names, unexplained
from pivot_jupyter.naming import DEFAULT_MODULE, check_module_name
from pivot_jupyter.opening import Opened
from pivot_jupyter.options import Options
from pivot_jupyter.outdated import outdated
from pivot_jupyter.places import decisions_in_cells, explanations_in_cells, in_cells, inventory_in_cells
from pivot_jupyter.renewed import declaring
from pivot_jupyter.slices import Slice
from pivot_jupyter.stages import Draft, Ground, define, drafts_in, marked_in, params_of, unclaimed
from pivot_jupyter.trials import Trials
from pivot_jupyter.units import Kind
from pivot_jupyter.usage import Use, uses
from pivot_jupyter.values import refusals
from pivot_jupyter.words import no_stage


class Session:
    """What a kernel knows about its notebook's stages.

    Args:
        namespace: of the cells.
        folder: of the notebook, absolute.
        module_name: of the notebook module.
        warn: shows a line to the user.
    """

    def __init__(
        self,
        namespace: Mapping[str, object],
        folder: str,
        module_name: str = DEFAULT_MODULE,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._own = Project(folder)
        self.opened: Opened | None = None
        here = relative_to_root(os.path.abspath(folder), self._own.root)
        roots = self._own.roots if here == self._own.folder else (here, *self._own.roots)
        self.ground = Ground(self._own.root, here, roots)
        self.module_name = module_name
        self._namespace = namespace
        self._warn = warn
        self.executed = Executed()
        self._drafts = Drafts()
        self._adopted: ModuleType | None = None
        self.former_names: tuple[str, ...] = ()
        self._patched: dict[str, str] = {}
        self._acts: dict[object, Acting] = {}  # for one state of the files
        self._trials = Trials(self._own)
        self.awaited = Awaited()

    def close(self) -> None:
        """Ends the workers and takes the notebook module out of this process."""
        self._own.close()
        if self.opened is not None:
            self.opened.project.close()
        release(self.module_name)

    @property
    def project(self) -> Project:
        """In which the stages are: those of the cells, and of the file that is open."""
        return self._own if self.opened is None or self._drafts else self.opened.project

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages that cells define, in the order in which they appeared, and those of the file that is open."""
        return tuple(dict.fromkeys([*self._drafts.stages, *(self.opened.names if self.opened else ())]))

    def rename(self, name: str) -> bool:
        """Gives the notebook module another name, now and for export.

        Returns:
            whether classes of stages were known under the former name, which pickles of their objects hold.
        """
        check_module_name(name)
        if name == self.module_name:
            return False
        self.former_names = (*self.former_names, self.module_name)
        self.module_name = name
        self._refresh()
        return bool(self._drafts) and any(unit.kind is Kind.CLASS for unit in self.module().slice.units)

    def ran(self, cell: Cell) -> None:
        """A plain cell was executed: its definitions count from now on, marked functions are stages.

        Raises:
            PivotError: something is wrong with a stage that it marks.
        """
        page = self.executed.record(cell)
        drafts = marked_in(page, self._namespace)
        self._replace(key_of(cell), drafts)
        if drafts:
            self.define(drafts)
        else:
            self._refresh(page)

    def stage_cell(self, cell: Cell, options: Options) -> tuple[Stage, ...]:
        """A ``%%pivot_stage`` cell was executed.

        Returns:
            the stages that it defines.

        Raises:
            PivotError: something is wrong with them.
        """
        page = self.executed.record(cell)
        drafts = drafts_in(page, self._namespace, options)
        self._replace(key_of(cell), drafts)
        return self.define(drafts).own

    def stopped(self, cell: Cell, line: int, options: Options | None = None) -> None:
        """An error ended a cell at a line: what stands above it counts, as it does in the kernel.

        Args:
            options: of a ``%%pivot_stage`` cell.
        """
        page = self.executed.record_stopped(cell, line)
        try:
            drafts = (
                marked_in(page, self._namespace)
                if options is None
                else drafts_in(page, self._namespace, options)
            )
        except UsageError:
            drafts = ()  # what ended the cell is told, not what its part lacks
        if drafts:
            self._replace(key_of(cell), drafts)
        self._refresh(page)

    def _replace(self, key: str, drafts: Sequence[Draft]) -> None:
        for known in self._drafts.replace(key, drafts):
            draft = next(one for one in drafts if one.name == known.draft.name)
            if not is_unnamed(known.cell):
                self._warn(
                    f"stage '{draft.name}' of {known.draft.place.file} is replaced by the one of {draft.place.file}"
                )
            elif is_unnamed(key):
                self.executed.replace_by_newest(known.cell)

    def define(self, drafts: Sequence[Draft] | None = None, *, waiting: bool = False) -> Defined:
        """The module and the stages as they are now, handed to the project.

        Args:
            drafts: judge only these strictly, and let names that are still missing pass, since a later
                cell may define them; left out, everything must be right.
            waiting: let names of stages pass that no cell defines yet, for a look: nothing can be run then.

        Raises:
            PivotError: something cannot become part of a module.
        """
        if not self._drafts:
            raise no_stage()
        self._acts.clear()
        notebook = self.executed.notebook()
        module = self.module()
        adopted = self._adopt(module)
        found = module.slice if drafts is None else self._slice_of(notebook, drafts)
        commands = refused_commands(found)
        lost = unexplained(lost_names(found, self._namespace), self._namespace)
        errors: list[PivotError] = [*commands, *lost]
        if drafts is None:
            errors.extend(replaced(adopted, self._patched))
        # without the lost names a trial could only tell once more that they are lost
        trial = None if lost or commands else lambda wanted: self._trial(notebook, wanted)
        errors.extend(refusals(found, self._namespace, trial))
        errors.extend(outdated(found, self._namespace))
        holding = declaring(module, adopted, self._drafts.functions, self._namespace)
        params = params_of(self.ground, errors)
        made: list[Made] = []
        for draft in self._drafts:
            try:
                made.append(Made(draft, define(draft, holding, self.ground, params)))
                self._drafts.made(*made[-1])
            except PivotError as error:
                if drafts is None or draft in drafts:
                    errors.extend(error.errors if isinstance(error, DefinitionErrors) else [error])
        raise_all(errors)
        defined = defined_by(module, self.ground, holding, made, drafts)
        stages = defined.stages
        if self.opened is not None:
            stages = self.opened.beside(stages, self.ground.folder, (self.module_name, *self.former_names))
        self.awaited = Awaited.of(stages) if waiting or drafts is not None else Awaited(stages)
        self._own.use_module(defined.text, self.awaited.stages)
        return defined

    def missing(self, cell: Cell | None = None) -> tuple[str, ...]:
        """The names that the stages of a cell, or all, may look up and that nothing defines yet."""
        drafts = tuple(self._drafts) if cell is None else self._drafts.of_cell(key_of(cell))
        lost = lost_names(self._slice_of(self.executed.notebook(), drafts), self._namespace)
        return tuple(item.name for item in lost if item.name not in self._namespace)

    def cells_in_use(self) -> tuple[Use, ...]:
        """The cells that define stages, and those whose definitions stages rest on."""
        notebook = self.executed.notebook()
        return uses(notebook.cells, self._drafts, lambda draft: self._slice_of(notebook, [draft]))

    @property
    def folder(self) -> str:
        """The notebook's, absolute."""
        return absolute(self.ground.folder, self.ground.root)

    @property
    def module_path(self) -> str:
        """Where export writes the module, as a project path."""
        return project_path(f"{self.module_name}.py", self.ground.folder)

    def _slice_of(self, notebook: Notebook, drafts: Iterable[Draft]) -> Slice:
        functions = [draft.function for draft in drafts]
        return part_of_module(notebook, self.module_name, functions, self._acting(notebook)).slice

    def module(self) -> NotebookModule:
        """The stages and all they reach, as one module."""
        return self._compiled(self.executed.notebook())

    def _compiled(self, notebook: Notebook) -> NotebookModule:
        return compile_module(notebook, self.module_name, self._drafts.functions, self._acting(notebook))

    def _acting(self, notebook: Notebook) -> Acting:
        functions = frozenset(self._drafts.functions)
        key = tuple(map(id, notebook.units)), self.module_name, functions
        if key not in self._acts:
            # it keeps the units alive, so that what has their ids is they
            self._acts[key] = Acting(notebook.units, *key[1:], self.ground, self.project)
        return self._acts[key]

    def _adopt(self, module: NotebookModule) -> ModuleType:
        text = module.module_text(self.module_path)
        former = self._adopted.__name__ if self._adopted is not None else ""
        self._adopted = adopt(text, module.names, self._namespace, former)
        return self._adopted

    def _refresh(self, page: Page | None = None) -> None:
        """Takes new definitions over at once, so that pickles and `isinstance` are right in the next cell."""
        if not self._drafts:
            return
        if self._adopted is not None and page is not None:
            bound = {name for unit in page.units for name in unit.names}
            for name in strangers(self._adopted, self._namespace):
                if name not in bound:
                    self._patched[name] = page.cell.name
            for name in bound:
                self._patched.pop(name, None)
        self._acts.clear()
        self._adopt(self.module())

    def _trial(self, notebook: Notebook, names: tuple[str, ...]) -> TrialResult:
        part = part_of_module(notebook, self.module_name, names, self._acting(notebook))
        return self._trials.result(part, part.module_text(self.module_path), names)

    # what can be asked and done: the project's words, in terms of cells

    def submitted(self) -> Submitted:
        """The stages as they are now, for a run that no cell waits for."""
        if self._drafts:
            defined = self.define()
            return Submitted(self.folder, defined.text, self.project.stages(), defined.module.in_cells)
        self._ready()
        return Submitted(absolute(self.project.folder, self.ground.root))

    def handed_over(self, *, strictly: bool, waiting: bool = False) -> Project:
        """The project, with the stages of the cells as they are now; `strictly`: all must be right with them."""
        if strictly:
            self._ready(waiting=waiting)
        return self.project

    def status(self, targets: Sequence[str] = (), **how: bool) -> tuple[Decision, ...]:
        """What a run would do, and why; places are those of cells. As for `how`, see `Project.status`."""
        return self._status(self._ready(waiting=True), targets, **how)

    def status_of(self, stages: Sequence[str]) -> tuple[Decision, ...]:
        """What a run would do with stages that were just defined, whatever is wrong with others.

        Raises:
            CodeError: something that they rest on is no whole code yet.
        """
        return self._status(self.module(), stages)

    def _status(
        self, module: NotebookModule | None, targets: Sequence[str], **how: bool
    ) -> tuple[Decision, ...]:
        decisions = in_cells(module, lambda: self.project.status(targets, **how))
        return decisions_in_cells(module, self.module_path, self.awaited.decided(decisions))

    def explain(self, targets: Sequence[str] = ()) -> tuple[Explanation, ...]:
        """What `status` gives, with the ways to what changed and the diffs."""
        module = self._ready(waiting=True)
        found = in_cells(module, lambda: self.project.explain(targets))
        return explanations_in_cells(module, self.module_path, self.awaited.explained(found))

    def inventory(self, stage: str) -> Inventory:
        """All code that a stage rests on, and what was observed when it last ran."""
        module = self._ready(waiting=True)
        found = in_cells(module, lambda: self.project.inventory(stage))
        return found if module is None else inventory_in_cells(module, self.module_path, found)

    def repro(
        self, targets: Sequence[str] = (), *, sink: Callable[[Event], None] = lambda _: None, **how: Any
    ) -> Run:
        """Runs what has changed; blocks until it is done. As for `how`, see `Project.repro`."""
        module = self._ready()
        if lost := self.missing():
            self._warn(f"defined nowhere, so code that comes to read it fails: {', '.join(lost)}")
        for error in unclaimed(self.ground, self.project.stages()) if module else ():
            self._warn(error.message + (f": {error.hint}" if error.hint else ""))
        return in_cells(module, lambda: self.project.repro(targets, sinks=[sink], **how))

    def project_of(self, stage: str) -> AbstractContextManager[Project]:
        """The project in which a stage is ready: this one, or for a stage that no cell defines the files' own."""
        draft = self._drafts.find(stage)
        if draft is not None:
            self.define([draft])
            return nullcontext(self.project)
        if self.opened is None and find_pipeline_file(self.folder) is None:
            self._drafts.require(stage)
        return nullcontext(self.opened.project) if self.opened is not None else Project(self.folder)

    def log(self, stage: str) -> str:
        """What the stage wrote when it last ran; also told while something else is wrong with the notebook."""
        if stage in self._drafts.stages:
            return self.project.store.last_log(stage_key(stage, self.ground.folder))
        if self._drafts.find(stage) is not None:
            return self.project.log(stage)
        with self.project_of(stage) as project:
            return project.log(stage)

    def code(self, stage: str | None = None) -> str:
        """The notebook module's text, or the part of it that one stage reaches; whatever is wrong with it."""
        notebook = self.executed.notebook()
        if stage is None and self._drafts:
            return self.module().text
        if stage is None:
            raise no_stage()
        wanted = [self._drafts.require(stage).function]
        return part_of_module(notebook, self.module_name, wanted, self._acting(notebook)).text

    def forget(self, stage: str) -> None:
        """Takes a stage out, whose cell was deleted; running its cell brings it back."""
        self._drafts.forget(stage)
        self._refresh()

    def out_of_order(self) -> tuple[Cell, ...]:
        """The cells whose late execution gave another module than a run from top to bottom would give."""
        module = self.module()
        if self._compiled(self.executed.in_place()).text == module.text:
            return ()
        used = {unit.cell for unit in module.slice.units}
        cells = self.executed.in_place().cells
        return tuple(cell for cell, after in pairwise(cells) if cell.number > after.number and cell in used)

    def told(self, text: str) -> str:
        """A message or traceback for the notebook: lines of cells, and no path of this machine."""
        if self._drafts:
            text = self.module().in_cells(text)
        return text.replace(self.ground.root + os.sep, "")

    def _ready(self, *, waiting: bool = False) -> NotebookModule | None:
        if self._drafts:
            return self.define(waiting=waiting).module
        if self.opened is None and find_pipeline_file(self.folder) is None:
            raise no_stage()
        self.awaited = Awaited()
        return None
