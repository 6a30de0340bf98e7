"""The magics: ``%%pivot_stage``, ``%%pivot_module`` and ``%pivot``; words in, words out."""

# mypy: disable-error-code="no-untyped-call,untyped-decorator"

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

from IPython.core.error import UsageError as ShellUsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from pivot.errors import CodeError, DefinitionErrors, PivotError, UsageError
from pivot.model.place import Place
from pivot_jupyter import shown
from pivot_jupyter.background import Background
from pivot_jupyter.cells import Cell, Role, lines_of, read_cell
from pivot_jupyter.commands import Commands
from pivot_jupyter.execution import execute, last_line
from pivot_jupyter.naming import DEFAULT_MODULE, notebook_file
from pivot_jupyter.options import Options, read_options
from pivot_jupyter.session import Session
from pivot_jupyter.words import SUBCOMMANDS, as_magics, split, unknown_stage


class PivotRunError(ShellUsageError):
    """Something the user can mend, told in one line; it stops Run All like any error."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def one_line(error: PivotError, root: str = "") -> PivotRunError:
    """The error as a notebook shows it: message and way out in one line, one line for each if there are several.

    Args:
        root: of the project; no path of a machine belongs into a notebook.
    """
    errors = error.errors if isinstance(error, DefinitionErrors) else (error,)
    told = "\n".join(f"{e.message}: {as_magics(e.hint)}" if e.hint else e.message for e in errors)
    return PivotRunError(told.replace(root, "") if root else told)


@magics_class
class PivotMagics(Magics):
    """The magics of one shell; they speak with its `Session`."""

    shell: Any

    def __init__(self, shell: InteractiveShell, session: Session, background: Background) -> None:
        super().__init__(shell)
        self.session = session
        self.commands = Commands(shell, session, background)
        self._current: Cell | None = None
        self._name_told = False
        self._executed = 0

    # events of the shell

    def before_cell(self, info: Any) -> None:
        """``pre_run_cell``: which cell is being executed."""
        number = len(self.shell.history_manager.input_hist_raw)  # execution_count counts up sooner or later
        self._executed += 1
        # where the front end names no cells, every execution is a cell of its own
        own = getattr(info, "cell_id", None) or f"#{self._executed}"
        self._current = Cell(number, info.raw_cell, own)

    def after_cell(self, result: Any) -> None:
        """``post_run_cell``: what a plain cell defines counts, as far as it ran."""
        cell, self._current = self._current, None
        if cell is None or result.info.silent or read_cell(cell.text).role is not Role.PLAIN:
            return
        try:
            if result.success:
                self.session.ran(cell)
            elif result.error_in_exec is not None:
                self.session.stopped(cell, last_line(result.error_in_exec, self.shell.user_ns))
        except PivotError as error:
            # an event can stop nothing; the next %pivot tells it again, as an error
            print(one_line(error), file=sys.stderr)  # noqa: T201

    def look_back(self, parent: Mapping[str, Any]) -> None:
        """Takes down the cells that were executed before the extension was loaded, and that which loads it.

        Args:
            parent: the kernel's message with that cell; empty where there is no kernel.
        """
        *earlier, last = enumerate(self.shell.history_manager.input_hist_raw)
        texts = {n: text for n, text in (*earlier, last) if read_cell(text).role is Role.PLAIN}
        self.session.executed.record_earlier(texts, self.shell.user_ns)
        self._executed, text = last
        own = parent.get("metadata", {}).get("cellId") or f"#{self._executed}"
        asked = parent.get("content", {}).get("code", "")
        if asked.rstrip("\n") == text:
            text = asked  # the history has no empty lines at the end
        self._current = Cell(self._executed, text, own)

    # magics

    @magic_arguments()
    @argument("--name", help="name of the stage; the function's by default")
    @argument(
        "--dep",
        action="append",
        metavar="NAME=PATH",
        help="read a parameter from another path; repeat for several",
    )
    @argument(
        "--out",
        action="append",
        metavar="NAME=PATH",
        help="write an output to another path; repeat for several",
    )
    @argument(
        "--param", action="append", metavar="NAME=VALUE", help="another value for a field of the params"
    )
    @argument("--mutex", action="append", metavar="GROUP", help="never at once with others of this group")
    @argument(
        "--resources", action="append", metavar="cpus=2,memory=8GB", help="what it takes of the machine"
    )
    @argument("--depends-on", nargs="+", metavar="STAGE", help="take what these stages return")
    @argument(
        "--map", metavar="STAGE", help="run for each item of it; or over=STAGE,on_error=drop,max_parallel=4"
    )
    @argument("--always", action="store_true", help="run it in every run, whatever has changed")
    @argument("--retries", metavar="N", help="further attempts after a failure; or times=3,delay=10s")
    @argument("--timeout", metavar="10m", help="end an attempt that takes longer")
    @argument("--cwd", help="the folder that paths are relative to")
    @argument(
        "--matrix", action="append", metavar="NAME=A,B", help="a stage of each value; paths may hold ${NAME}"
    )
    @argument("--run", action="store_true", help="run the cell's stages at once")
    @no_var_expand
    @cell_magic
    def pivot_stage(self, line: str, body: str) -> object:
        """Define stages: the annotated functions of this cell, which otherwise runs as usual."""
        return self._told(lambda: self._stage(line, body))

    @no_var_expand
    @cell_magic
    def pivot_module(self, line: str, body: str) -> object:
        """A cell that belongs to the stages' module as it stands: helpers, constants, imports."""

        def run() -> object:
            if line.strip():
                raise UsageError(
                    f"%%pivot_module: unknown option {line.split(maxsplit=1)[0]}", "it takes none"
                )
            cell = self._cell(line, body, "pivot_module")
            self._refuse_commands(cell)
            value = self._execute(cell)
            self.session.ran(cell)
            return value

        return self._told(run)

    @no_var_expand
    @line_magic
    def pivot(self, line: str) -> object:
        """``%pivot help`` lists what there is."""
        return self._told(lambda: self._command(line))

    def _told(self, act: Callable[[], object]) -> object:
        __tracebackhide__ = True
        try:
            return act()
        except PivotError as error:
            shown_error = one_line(error, self.session.ground.root + os.sep)
        raise shown_error

    # cells

    def _stage(self, line: str, body: str) -> object:
        options, run = read_options(line, self.pivot_stage.parser)
        cell = self._cell(line, body, "pivot_stage")
        self._refuse_commands(cell)
        value = self._execute(cell, options)
        stages = self.session.stage_cell(cell, options)
        names = [stage.name for stage in stages]
        self._tell_name()
        missing = self.session.missing(cell)
        note = f"not defined yet: {', '.join(missing)}" if missing else ""
        states = {}
        try:
            states = shown.states_of(self.session.status_of(names))
        except PivotError as error:
            errors = error.errors if isinstance(error, DefinitionErrors) else (error,)
            if not all(isinstance(one, CodeError) for one in errors):
                raise
            note = note or f"a stage before it is not ready: {errors[0].message}"
        self.commands.show_card([(stage, states.get(stage.name), note) for stage in stages])
        if run:
            self.commands.run(names)
        return value

    def _cell(self, line: str, body: str, magic: str) -> Cell:
        """The cell that the magic heads, as it was sent."""
        current = self._current
        if current is not None and read_cell(current.text).role in {Role.STAGE, Role.MODULE}:
            return current
        # called in some other way: under another magic, or from code
        number = len(self.shell.history_manager.input_hist_raw) - 1
        return Cell(number, f"%%{magic} {line}\n{body}")

    def _tell_name(self) -> None:
        """Says once that nobody told the notebook's name, since pickles and export rest on the module's."""
        if self.session.module_name == DEFAULT_MODULE and not self._name_told:
            self._name_told = True
            if notebook_file(self.shell.user_ns, os.environ):
                return  # it happens to have that name
            print(  # noqa: T201
                f"note: the notebook's file is not known here, so its module is called {DEFAULT_MODULE}; "
                "%pivot module NAME gives it another name",
                file=sys.stderr,
            )

    def _refuse_commands(self, cell: Cell) -> None:
        commands = read_cell(cell.text).commands
        if commands:
            raise UsageError(
                f"{cell.name}, line {commands[0].line}: `{commands[0].text}` works in a notebook only, "
                "and this cell goes to workers and to a module",
                "move it to a cell of its own",
            )

    def _execute(self, cell: Cell, options: Options | None = None) -> object:
        """Runs a cell once; what stands above an error that ends it counts."""
        __tracebackhide__ = True
        try:
            return execute(self.shell, cell)
        except BaseException as error:
            line = last_line(error, self.shell.user_ns)
            self.session.stopped(cell, line, options)
            if isinstance(error, PivotError) and not isinstance(error, DefinitionErrors):
                raise type(error)(f"{error.message} ({Place(cell.name, line)})", error.hint) from None
            raise

    def _catch_up(self) -> None:
        """Takes down what the running cell did above its ``%pivot`` line."""
        cell = self._current
        if cell is None or read_cell(cell.text).role is not Role.PLAIN:
            return
        frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the line that is being executed
        while frame is not None and frame.f_globals is not self.shell.user_ns:
            frame = frame.f_back
        above = lines_of(cell.text)[: frame.f_lineno - 1] if frame is not None else []
        if any(text.strip() for text in above):
            self.session.ran(replace(cell, text="\n".join(above)))

    # %pivot

    def _command(self, line: str) -> object:
        words = split(line)
        name, rest = (words[0], words[1:]) if words else ("help", [])
        if name not in SUBCOMMANDS:
            error = unknown_stage(name, SUBCOMMANDS)
            raise UsageError(f"%pivot: unknown command {name!r}", error.hint)
        self._catch_up()
        return self.commands.do(name, rest)
