"""The subcommands of ``%pivot``: words in, words out."""

# mypy: disable-error-code="no-untyped-call"

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.display import display

from pivot.core.inventory import inventory_lines
from pivot.errors import PivotError, UsageError
from pivot.model.decision import Verdict
from pivot.model.event import Event
from pivot_jupyter import shown
from pivot_jupyter.background import Background
from pivot_jupyter.desk import Desk
from pivot_jupyter.drift import out_of_step, stale_cells
from pivot_jupyter.export import drifts, export, export_elsewhere, is_same, refuse_together
from pivot_jupyter.failures import Failures
from pivot_jupyter.loading import load
from pivot_jupyter.manual import help_of, help_text
from pivot_jupyter.naming import notebook_file
from pivot_jupyter.opening import open_file
from pivot_jupyter.protocol import Snapshot
from pivot_jupyter.report import Report
from pivot_jupyter.session import Session
from pivot_jupyter.views import in_cells, saved_view
from pivot_jupyter.words import FROM_THE_COMMAND_LINE, parser_for

if TYPE_CHECKING:
    from pivot_jupyter.sides import Told


class Commands:
    """What ``%pivot`` can do in one shell; a method for each subcommand that is not the command line's."""

    def __init__(self, shell: Any, session: Session, background: Background) -> None:
        self._shell = shell
        self._session = session
        self._background = background
        self.desk: Desk | None = None

    def do(self, name: str, words: list[str]) -> object:
        """Does what a subcommand and the words after it say.

        Raises:
            PivotError: it cannot be done.
        """
        if "--help" in words or words == ["-h"]:
            name, words = "help", [name]
        if name in {"metrics", "params", "plots"}:
            from pivot_jupyter.sides import read_asked, told  # lazy: start-up time

            if (asked := read_asked(words)) is not None:
                self._show_sides(told(self._session.handed_over(strictly=True), name, asked))
                return None
        if name in FROM_THE_COMMAND_LINE:
            implied = FROM_THE_COMMAND_LINE[name] if not words or words[0].startswith("-") else ()
            self._say([name, *implied, *words])
            return None
        act: Callable[[argparse.Namespace], object] = getattr(self, f"_{'run' if name == 'repro' else name}")
        return act(parser_for(name).read(words))

    def run(self, stages: list[str]) -> None:
        """Runs some stages and what they need."""
        self._run(parser_for("repro").read(stages))

    def show_card(self, rows: list[shown.CardRow]) -> None:
        """Shows the stages that a cell defines, below it."""
        if self.desk is not None:
            self.desk.cards.show(rows)
        else:
            display(shown.card(rows), raw=True)

    def _say(self, words: list[str]) -> None:
        from pivot_jupyter.terminal import say  # lazy: click and what it brings

        said = say(
            self._session.handed_over(
                strictly=words[0] not in {"history", "show", "doctor"} and "--help" not in words
            ),
            words,
        )
        print(self._session.told(said.out), end="")  # noqa: T201
        print(self._session.told(said.err), end="", file=sys.stderr)  # noqa: T201
        if words == ["doctor"] and self._session.stage_names:
            self._session.define()  # what is wrong with the cells stands below all else
        if said.code:
            raise UsageError(f"%pivot {words[0]}: not all of it was done; what it wrote says why")

    def _show_sides(self, found: "Told") -> None:
        if found.bundle["text/plain"]:
            self._shell.display_pub.publish(found.bundle)
        for notice in found.notices:
            print(self._session.told(notice), file=sys.stderr)  # noqa: T201

    def _run(self, given: argparse.Namespace) -> None:
        if given.dry_run:
            decisions = self._session.status(
                given.targets, force=given.force, single_stage=given.single_stage
            )
            print(shown.status_text(decisions))  # noqa: T201
            return

        if given.bg:
            self._run_in_background(given)
            return
        desk = self.desk
        report = Report(self._session, in_place=desk is not None)
        asked_to_stop = desk.begin() if desk is not None else lambda: False

        def sink(event: Event) -> None:
            event = in_cells(event, self._session.told)
            if desk is not None:
                desk.heard(event)
            report.heard(event)

        def stopped() -> bool:
            report.show()
            return asked_to_stop()

        run = self._session.repro(
            given.targets,
            force=given.force,
            jobs=given.jobs,
            keep_going=given.keep_going,
            single_stage=given.single_stage,
            executor=given.executor,
            sink=sink,
            stopped=stopped,
        )
        if desk is not None:
            desk.cards.ended(run, self._session.told)
        report.end(run)

    def _run_in_background(self, given: argparse.Namespace) -> None:
        if self.desk is not None:
            self.desk.prepare()
        self._background.start(
            self._session.submitted(),
            given.targets,
            force=given.force,
            single=given.single_stage,
            jobs=given.jobs,
            keep_going=given.keep_going,
            executor=given.executor,
        )
        print("the run goes on in the background; %pivot stop ends it, %pivot history tells of it")  # noqa: T201

    def _stop(self, given: argparse.Namespace) -> None:
        here = self._background.going and not given.stage and not given.run
        if here:
            self._background.stop()
        asked = self._session.project.stop(given.stage, given.run)
        idle = "that run is over" if given.run else "no run is going on in this project"
        print("asked to stop" if here or asked else idle)  # noqa: T201

    def _status(self, given: argparse.Namespace) -> None:
        if given.explain:
            self._why(given)
            return
        print(shown.status_text(self._session.status(given.targets)))  # noqa: T201

    def _why(self, given: argparse.Namespace) -> None:
        found = self._session.explain(given.targets)
        named = self._session.project.named(given.targets)
        # without names, all that are not up to date
        wanted = [
            one
            for one in found
            if (one.stage.name in named if named else one.decision.verdict is not Verdict.UNCHANGED)
        ]
        self._shell.display_pub.publish(shown.why(wanted, len(found)))

    def _fingerprint(self, given: argparse.Namespace) -> None:
        lines = inventory_lines(self._session.inventory(given.stage), everything=given.all)
        print("\n".join(lines))  # noqa: T201

    def _dag(self, given: argparse.Namespace) -> None:
        states = shown.states_of(self._session.status())
        graph = self._session.project.graph()
        if given.widget and self._show_widget(saved_view(graph, states)):
            display(
                shown.record_below(graph, states), raw=True
            )  # without an id: other cells keep what they show
        else:
            display(shown.record(graph, states), raw=True, display_id="pivot-dag")

    def _show_widget(self, snapshot: Snapshot) -> bool:
        missing = "widgets need the kernel of a notebook"
        if self.desk is not None:
            try:
                from pivot_jupyter.widget import DagWidget  # lazy: not everybody has anywidget

                display(DagWidget(self.desk, snapshot))
            except ImportError as error:
                missing = f"{error} (pip install anywidget, and restart the kernel)"
            except FileNotFoundError:
                missing = "the widget's files are not built (make front)"
            else:
                return True
        print(f"note: the graph stays as it is now: {missing}", file=sys.stderr)  # noqa: T201
        return False

    def _load(self, given: argparse.Namespace) -> object:
        return load(self._session, given.stage, given.out)

    def _debug(self, given: argparse.Namespace) -> None:
        from pivot_jupyter.debugging import debug  # lazy: start-up time

        debug(self._shell, self._session, given.stage, step=given.step)

    def _log(self, given: argparse.Namespace) -> None:
        failures = Failures()
        failures.recall(self._session.project)
        text = self._session.log(given.stage) + failures.traceback(given.stage)
        with contextlib.suppress(PivotError):  # the cells are wrong just now: lines of their module will do
            text = self._session.told(text)
        print(text, end="" if text.endswith("\n") or not text else "\n")  # noqa: T201

    def _code(self, given: argparse.Namespace) -> None:
        print(self._session.code(given.stage), end="")  # noqa: T201

    def _module(self, given: argparse.Namespace) -> None:
        former = self._session.module_name
        if given.name and self._session.rename(given.name):
            print(  # noqa: T201
                f"note: what was pickled so far names its classes {former}.*; "
                "%pivot run --force makes it anew",
                file=sys.stderr,
            )
        print(self._session.module_name)  # noqa: T201

    def _export(self, given: argparse.Namespace) -> None:
        session = self._session
        refuse_together(given.folder, check=given.check, data=given.with_data)
        defined, former = session.define(), session.former_names
        notes = stale_cells(session, notebook_file(self._shell.user_ns, os.environ))
        if given.check:
            found = drifts(defined, session.ground, former)
            for line in (line for drift in found for line in drift.diff):
                print(line)  # noqa: T201
        else:
            found = ()
            if given.folder and not is_same(given.folder, session.folder):
                done, told = export_elsewhere(
                    defined,
                    session.ground,
                    session.project,
                    given.folder,
                    data=given.with_data,
                    force=given.force,
                )
                notes = (*told, *notes)
            else:
                done = export(defined, session.ground, force=given.force, former=former)
            print("\n".join(done.files))  # noqa: T201
            notes = (
                *(f"{file} was edited: its text is kept in {at}" for file, at in done.kept.items()),
                *notes,
            )
        for note in notes:
            print(f"note: {note}", file=sys.stderr)  # noqa: T201
        if found:
            raise out_of_step(found)

    def _open(self, given: argparse.Namespace) -> None:
        session = self._session
        opened = open_file(given.path, session.folder, session.ground.root, session.project.workers)
        if session.opened is not None:
            session.opened.project.close()
        session.opened = opened
        print(f"open: {opened.shown} ({', '.join(opened.names) or 'it defines no stage yet'})")  # noqa: T201
        if own := opened.of_cells(session.ground.folder, (session.module_name, *session.former_names)):
            print(  # noqa: T201
                f"of these, {', '.join(own)} {'is' if len(own) == 1 else 'are'} of this notebook's module: "
                "what its cells say counts as soon as one of them ran"
            )

    def _forget(self, given: argparse.Namespace) -> None:
        self._session.forget(given.stage)

    def _help(self, given: argparse.Namespace) -> None:
        if given.command in FROM_THE_COMMAND_LINE:
            self._say([given.command, "--help"])
        else:
            print(help_of(given.command) if given.command else help_text())  # noqa: T201
