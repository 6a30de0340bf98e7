"""Runs that no cell waits for."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pivot.errors import PivotError, UsageError
from pivot.model.event import Event
from pivot.model.fingerprint import ModuleText
from pivot.model.run import Run
from pivot.model.stage import Stage
from pivot.project import Project, Workers
from pivot_jupyter.views import in_cells


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Submitted:
    """Stages as they are when a run begins.

    Attributes:
        folder: the notebook's, or that of the file that is open; absolute.
        module: ``None`` where the project's files define the stages.
        told: puts lines of cells into a text, for those of the module.
    """

    folder: str
    module: ModuleText | None = None
    stages: tuple[Stage, ...] = ()
    told: Callable[[str], str] = _as_it_is


class Background:
    """One run at a time, on a thread and with a `Project` of its own: code and params are those of its start.

    Args:
        workers: where stages run; the session's, which are warm and outlive this.

    Attributes:
        heard: takes the events of the run.
        ended: called when it is over, with its result or why there is none.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.heard: Callable[[Event], None] = lambda _: None
        self.ended: Callable[[Run | PivotError], None] = lambda _: None
        self._stop = threading.Event()
        self._going = False
        self._thread: threading.Thread | None = None
        self._project: Project | None = None
        self._home = ("", False)  # its folder, and whether files there define the stages

    @property
    def going(self) -> bool:
        """Whether a run is under way."""
        return self._going

    def start(
        self,
        submitted: Submitted,
        targets: Sequence[str],
        *,
        force: bool = False,
        single: bool = False,
        jobs: int | None = None,
        keep_going: bool = False,
        executor: str | None = None,
    ) -> None:
        """Begins a run; gives back as soon as everything that it rests on is known to be there.

        Args:
            submitted: what is run, whatever cells do meanwhile.
            single: leave out what the targets need.

        Raises:
            PivotError: one is under way, or definitions, code or inputs are wrong; nothing has run.
        """
        if self._going:
            raise UsageError("a run is under way already", "wait for its end, or stop it with %pivot stop")
        project = self._ready(submitted)
        self._stop.clear()
        begun = threading.Event()
        refused: list[PivotError] = []

        def sink(event: Event) -> None:
            begun.set()
            self.heard(in_cells(event, submitted.told))

        def work() -> None:
            end = _end_of(
                lambda: project.repro(
                    targets,
                    force=force,
                    jobs=jobs,
                    keep_going=keep_going,
                    single_stage=single,
                    executor=executor,
                    frozen=True,
                    sinks=[sink],
                    stopped=self._stop.is_set,
                )
            )
            self._going = False
            if isinstance(end, PivotError) and not begun.is_set():
                refused.append(end)
            else:
                self.ended(end)
            begun.set()

        # a daemon, and so is the thread of the driver: the end of the kernel does not wait for them, `close` does
        self._thread = threading.Thread(target=work, name="pivot-background", daemon=True)
        self._going = True
        self._thread.start()
        begun.wait()
        if refused:
            raise refused[0]

    def _ready(self, submitted: Submitted) -> Project:
        """The project with the submitted stages, which no run uses; it stays from run to run."""
        self.wait()
        home = (submitted.folder, submitted.module is None)
        if self._project is None or self._home != home:
            if self._project is not None:
                self._project.close()
            self._home, self._project = home, Project(submitted.folder, workers=self._workers)
        if submitted.module is not None:
            self._project.use_module(submitted.module, list(submitted.stages))
        return self._project

    def stop(self) -> None:
        """Ends the run early, in an orderly way."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Waits for the end of the run, if there is one.

        Args:
            timeout: in seconds; ``None`` for as long as it takes.
        """
        if self._thread is not None:
            self._thread.join(timeout)

    def close(self) -> None:
        """Ends everything."""
        self.stop()
        self.wait()
        if self._project is not None:
            self._project.close()
            self._project = None


def _end_of(run: Callable[[], Run]) -> Run | PivotError:
    """A run's result, or why there is none: no cell would show an exception."""
    try:
        return run()
    except PivotError as error:
        return error
    except Exception as error:  # noqa: BLE001 - see above
        return PivotError(f"Pivot itself failed: {type(error).__name__}: {error}")
