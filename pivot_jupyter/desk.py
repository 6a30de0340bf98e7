"""Answers the browser: the kernel's end of the comm."""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol

from pivot.errors import DefinitionErrors, PivotError, UsageError
from pivot.model.event import Event, RunFinished, RunStarted
from pivot.model.run import Run
from pivot_jupyter.background import Background
from pivot_jupyter.board import EVERYBODY, Board
from pivot_jupyter.cards import Cards
from pivot_jupyter.details import detail_of
from pivot_jupyter.drift import stale_cells
from pivot_jupyter.elsewhere import Elsewhere
from pivot_jupyter.export import export
from pivot_jupyter.failures import Failures
from pivot_jupyter.naming import notebook_file
from pivot_jupyter.protocol import (
    PROTOCOL,
    TARGET,
    CellView,
    Detail,
    Done,
    Failed,
    FromKernel,
    Log,
    Told,
    to_json,
)
from pivot_jupyter.session import Session
from pivot_jupyter.turns import Turns
from pivot_jupyter.views import end_text, whys

PATIENCE = 0.3
"""Seconds that a question waits for a cell to end; then it is answered without the session, or refused."""

_TURN = 2.0  # seconds that an order waits for a cell to end; after them it is refused

_LULL = 0.03  # seconds without a new cell until it is worth looking


class Viewer(Protocol):
    """Somebody who looks: a comm, or a widget."""

    comm_id: str

    def send(self, data: dict[str, Any]) -> object:
        """Tells it a message."""


def answer_at_once(comm: Any) -> None:
    """Lets questions that come over a comm not wait for the cell that is running."""
    if hasattr(comm, "_reply_subshell_for"):
        # ipykernel 7.4 sends a question where the last answer came from, which may be a busy thread
        comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001


class Desk:
    """Takes what browsers ask, one after the other, on a thread of its own; the comm's handlers only hand over.

    Args:
        session: of the notebook.
        turns: say when the session may be touched.
        background: runs what the browser wants to be run.
        version: of Pivot.
        manager: of the kernel's comms.
    """

    def __init__(
        self, session: Session, turns: Turns, background: Background, version: str, manager: Any
    ) -> None:
        self._session = session
        self._turns = turns
        self._manager = manager
        self._version = version
        self.board = Board(version, session.project.root, self._tell)
        self._failures = Failures()
        self.cards = Cards()
        self._background = background
        background.heard, background.ended = self.heard, self._run_ended
        self._elsewhere = Elsewhere(session.project, self._concerned, self._heard_of)
        self.stopped = threading.Event()  # for the run that a cell waits for
        self._comms: dict[str, Viewer] = {}
        self._inbox: queue.SimpleQueue[tuple[Viewer | None, Mapping[str, Any]] | None] = queue.SimpleQueue()
        self._look = threading.Event()
        self._beacon: Any = None
        self._in_cells: Callable[[str], str] = str  # puts lines of cells into what the last run writes
        manager.register_target(TARGET, self._opened)
        self._thread = threading.Thread(target=self._work, name="pivot-desk", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answers nobody any more."""
        self._manager.unregister_target(TARGET, self._opened)
        if self._beacon is not None:
            self._beacon.close()
        self._inbox.put(None)
        self._thread.join(timeout=5)
        self._elsewhere.close()
        self.board.close()

    def refresh(self) -> None:
        """A cell ended: what is shown may be another thing now."""
        if not self._comms:
            self._failures.missed()
            return
        self._look.set()
        self._inbox.put((None, {"kind": "Look"}))

    def knock(self, create: Callable[..., Any]) -> None:
        """Lets browsers know that there is somebody to talk to, and those that come later find it."""
        self._beacon = create(target_name=TARGET, data={"kind": "Knock"})

    def begin(self) -> Callable[[], bool]:
        """A cell begins a run; gives what says whether somebody stopped it."""
        self.stopped.clear()
        self.prepare()
        return self.stopped.is_set

    def prepare(self) -> None:
        """A run begins, perhaps before anybody had time to look at the cells above it."""
        with suppress(PivotError):  # what is wrong is told by what begins the run
            self._in_cells = self._session.module().in_cells
        if self._comms:
            self._lay_out()

    def _lay_out(self) -> None:
        """The graph and the cells, without states: a run tells these."""
        project = self._session.handed_over(strictly=True, waiting=True)
        self.board.lay_out(project.graph(), self._cells())

    def heard(self, event: Event) -> None:
        """Something happened in a run of this process."""
        if isinstance(event, RunStarted):
            self._elsewhere.ours(event.run)
        self._take(event)

    def _concerned(self, start: RunStarted) -> bool:
        return any(map(self.board.shows, start.stages))  # else it is about another pipeline of the project

    def _heard_of(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            event = replace(event, stages=tuple(filter(self.board.shows, event.stages)))
        elif not isinstance(event, RunFinished) and not self.board.shows(event.stage):
            return
        self._take(event)
        if isinstance(event, RunFinished):
            self.refresh()

    def _take(self, event: Event) -> None:
        self._failures.heard(event)
        self.board.heard(event)

    # the comm

    def _opened(self, comm: Any, message: Mapping[str, Any]) -> None:
        answer_at_once(comm)
        comm.on_msg(lambda asked: self.hear(comm, asked["content"]["data"]))
        comm.on_close(lambda _: self.leave(comm))
        self.hear(comm, message["content"]["data"])

    def hear(self, viewer: Viewer, asked: Mapping[str, Any]) -> None:
        """Somebody asks; who says Hello is told of what happens until they leave."""
        if asked.get("kind") == "Hello":
            self._comms[viewer.comm_id] = viewer
        self._inbox.put((viewer, asked))

    def leave(self, viewer: Viewer) -> None:
        """Somebody looks no more."""
        self._left(viewer.comm_id)

    def _left(self, who: str) -> None:
        self._comms.pop(who, None)
        self.board.leave(who)

    def _tell(self, message: FromKernel, who: str) -> None:
        if isinstance(message, Log):
            message = replace(message, log=self._in_cells(message.log))
        data = to_json(message)
        comms = tuple(self._comms.items())
        for name, comm in comms:
            if who in (EVERYBODY, name):
                comm.send(data)

    # questions

    def _work(self) -> None:
        while (asked := self._inbox.get()) is not None:
            comm, data = asked
            try:
                answer = self._look_around() if comm is None else self._answer(comm.comm_id, data)
            except PivotError as error:
                answer = Failed(_number(data), *_told(error))
            except Exception as error:  # noqa: BLE001 - one question must not end all answers
                answer = Failed(_number(data), f"{type(error).__name__}: {error}", "")
            if comm is not None and answer is not None:
                comm.send(to_json(answer))
            elif isinstance(answer, Failed):
                self.board.show_problem("\n".join(filter(None, (answer.message, answer.hint))))

    def _look_around(self) -> FromKernel | None:
        self._recall()
        self._show()
        return None

    def _recall(self) -> None:
        """What failed before this kernel was there, and what runs elsewhere; once."""
        if not self._elsewhere.followed:
            self._failures.recall(self._session.project)
            self._elsewhere.follow()

    def _answer(self, who: str, data: Mapping[str, Any]) -> FromKernel | None:
        number = _number(data)
        match data.get("kind"):
            case "Hello":
                return self._welcome(who, number, data)
            case "AskDetail":
                return self._detail(who, number, str(data["stage"]))
            case "Start":
                targets = [str(target) for target in data["targets"]]
                return self._start(number, targets, force=bool(data["force"]), single=bool(data["single"]))
            case "Stop":
                self._stop(str(data["run"]), [str(stage) for stage in data["stages"]])
                return Done(number, "")
            case "Export":
                return self._export(number)
            case kind:
                return Failed(
                    number, f"nothing is known of {kind!r}", "install the same version on both sides"
                )

    def _welcome(self, who: str, number: int, data: Mapping[str, Any]) -> Failed | None:
        if data.get("protocol") != PROTOCOL:
            self._left(who)  # it would misunderstand what is told
            return Failed(
                number,
                f"JupyterLab's Pivot is version {data.get('version')}, the kernel's is {self._version}",
                "install the same version in both environments, restart the kernel, and reload the page",
            )
        self.board.ask()
        self._look.set()
        self._inbox.put((None, {"kind": "Look"}))
        return None

    def _stop(self, run: str, stages: list[str]) -> None:
        if not run or run != self.board.going:
            return  # it is over: the order had to wait for a cell
        if stages or run == self._elsewhere.run:
            self._session.project.stop(stages, run)
        else:
            self.stopped.set()
            self._background.stop()

    def _show(self) -> None:
        """Tells what a run would do now, if a cell came to its end since that was told last."""
        if not self._look.is_set():
            return
        if self._inbox.empty():
            threading.Event().wait(_LULL)  # in a Run All the next cell begins meanwhile
        with self._turns.look(0) as free:
            if not free:  # the end of the cell that runs now asks again
                self._failures.missed()
                return
            try:
                if self._background.going or self._elsewhere.going:
                    # the rest is looked at when the run is over
                    self._lay_out()
                else:
                    self._show_states()
            except PivotError as error:
                self.board.show_problem("\n".join(filter(None, _told(error))))

    def _show_states(self) -> None:
        self._look.clear()
        if not self._session.stage_names:
            self.board.show_nothing()
            return
        states = self._failures.states(self._session.status())
        self.board.show(self._session.project.graph(), states, self._cells())

    def _cells(self) -> list[CellView]:
        return [
            CellView(use.cell.id, use.stages, use.used_by, use.cell.text)
            for use in self._session.cells_in_use()
        ]

    def _detail(self, who: str, number: int, name: str) -> Detail:
        session = self._session
        self.board.watch(who, name)
        with self._turns.look(PATIENCE) as free:
            is_quiet = free and not self._background.going
            why = whys(session.explain([name])[-1]) if is_quiet else ()
            traceback = session.told(self._failures.traceback(name))
            return detail_of(session, number, name, why, traceback)

    def _start(self, number: int, targets: list[str], *, force: bool, single: bool) -> Done:
        with self._turn():
            submitted = self._session.submitted()
            if self._look.is_set() and not self._elsewhere.going:
                self._show_states()  # a look after the run would say "cached" of what has just run
            self.prepare()
        self._background.start(submitted, targets, force=force, single=single)
        return Done(number, "")

    def _export(self, number: int) -> Done:
        session = self._session
        with self._turn():
            done = export(session.define(), session.ground, force=False, former=session.former_names)
            notes = stale_cells(session, notebook_file({}, os.environ))
        return Done(number, "; ".join([f"Written: {', '.join(done.files)}", *notes]))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A block that needs the session. It does not wait long: what is asked next may be to stop what runs."""
        with self._turns.look(_TURN) as free:
            if not free:
                raise UsageError("a cell is running in this kernel", "wait for its end, then ask again")
            yield

    def _run_ended(self, end: Run | PivotError) -> None:
        if isinstance(end, PivotError):
            self.board.show_problem("\n".join(filter(None, _told(end))))
        else:
            severity, text = end_text(end)
            with self._turns.look(PATIENCE) as free:
                told = self._session.told(text) if free else text  # lines of cells instead of the module's
            self._tell(Told(severity, told), EVERYBODY)
            self.cards.ended(end, self._in_cells)
        if self._look.is_set():  # a cell ended meanwhile
            self.refresh()


def _number(data: Mapping[str, Any]) -> int:
    number = data.get("request")
    return number if isinstance(number, int) else 0


def _told(error: PivotError) -> tuple[str, str]:
    errors = error.errors if isinstance(error, DefinitionErrors) else (error,)
    return "\n".join(one.message for one in errors), errors[0].hint or ""
