"""One run from its plan to its end: events to every sink, history on disk, Ctrl-C kept out of the bookkeeping."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pivot.core.graph import Graph
from pivot.core.schedule import Scheduler
from pivot.engine.attempt import Conditions, begin
from pivot.engine.drive import Driver
from pivot.engine.observe import Observer, made_by
from pivot.engine.sinks import EventLog
from pivot.errors import DefinitionErrors, PivotError
from pivot.executors.base import Executor
from pivot.model.event import Event, Notice, Outcome, RunFinished, RunStarted, StageFinished
from pivot.model.run import Run
from pivot.store.store import Store

NOTICE = 0.2
"""Seconds after which an interrupt is noticed at the latest."""

Sink = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run shall do.

    Attributes:
        chosen: the stages, in the graph's order.
        jobs: how many are executed at once.
        conditions: of every execution.
        targets: what was asked for, as written; empty where everything was.
    """

    chosen: tuple[str, ...]
    jobs: int
    force: bool
    keep_going: bool
    conditions: Conditions
    targets: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The run's; names its folder."""
        return self.conditions.run

    @property
    def graph(self) -> Graph:
        """All stages."""
        return self.conditions.graph


def require_inputs(plan: Plan, observer: Observer) -> None:
    """Find everything that would stop the run before anything runs.

    Raises:
        DefinitionErrors: code that cannot be read, and deps that are nowhere: all at once.
    """
    stages = [plan.graph.stage(name) for name in plan.chosen]
    observer.require_readable(stages)
    feeders = plan.graph.among(plan.chosen)
    errors: list[PivotError] = []
    for stage in stages:
        names = {dep.path: dep.name for dep in stage.deps}
        for path in observer.missing(stage, made_by(plan.graph, feeders[stage.name], stage)):
            maker = plan.graph.producer(path)
            errors.append(
                PivotError(
                    f"stage '{stage.name}': dep '{names[path]}': {path} does not exist ({stage.place})",
                    f"run '{maker}' first, or leave out --single-stage"
                    if maker
                    else "put the file there, or name the stage that makes it",
                )
            )
    if errors:
        raise DefinitionErrors(errors)


def execute(
    plan: Plan, observer: Observer, store: Store, executor: Callable[[], Executor], sinks: Sequence[Sink]
) -> Run:
    """Bring the chosen stages up to date.

    The driver works on a thread of its own; the caller's thread waits, so that a KeyboardInterrupt can only reach
    the waiting: the first one interrupts the running stages, the second one kills them.

    Args:
        executor: gives the executor; called when the first stage needs one.
        sinks: get every event, in the driver's thread; an exception in one of them ends the run.
    """
    with store.in_use(), EventLog(store.layout, plan.id) as log:
        return _execute(plan, observer, store, executor, (log, *sinks))


def _execute(
    plan: Plan, observer: Observer, store: Store, executor: Callable[[], Executor], sinks: Sequence[Sink]
) -> Run:
    ends: dict[str, StageFinished] = {}
    started = time.monotonic()

    def emit(event: Event) -> None:
        if isinstance(event, StageFinished):
            ends[event.stage] = event
        for sink in sinks:
            sink(event)

    driver = Driver(
        graph=plan.graph,
        scheduler=Scheduler(
            plan.graph.among(plan.chosen),
            jobs=plan.jobs,
            mutex={name: plan.graph.stage(name).mutex for name in plan.chosen},
            durations=_durations(plan, store),
            keep_going=plan.keep_going,
        ),
        observer=observer,
        store=store,
        executor=executor,
        begin=lambda decision, guard: begin(
            store, observer, plan.graph.stage(decision.stage), decision, guard, plan.conditions
        ),
        emit=emit,
        force=plan.force,
    )
    emit(RunStarted(plan.id, plan.chosen, plan.jobs, plan.targets))
    for text in store.take_notices():
        emit(Notice(text))
    cancelled = _wait(driver)
    seconds = time.monotonic() - started
    outcomes = [end.outcome for end in ends.values()]
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    emit(RunFinished(plan.id, counts, seconds, cancelled))
    return Run(plan.id, ends, seconds, cancelled)


def _durations(plan: Plan, store: Store) -> dict[str, float]:
    """How long each stage ran the last time, in seconds, as far as that is known."""
    found = ((name, store.duration(plan.graph.stage(name).key)) for name in plan.chosen)
    return {name: seconds for name, seconds in found if seconds is not None}


def _wait(driver: Driver) -> bool:
    """Let the driver work to its end; gives whether a person interrupted it.

    An interrupt may come between any two steps here: none is lost, and none gets out. The queue is one of C's, which
    an interrupt leaves whole; a `threading.Event` may be left locked. One that comes just before the wait begins
    would not be noticed before it ends, so the wait is short.
    """
    errors: list[BaseException] = []
    ended: list[bool] = []
    over: queue.SimpleQueue[None] = queue.SimpleQueue()

    def work() -> None:
        try:
            driver.run()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            errors.append(error)
        finally:
            ended.append(True)
            over.put(None)

    thread = threading.Thread(target=work, name="pivot-driver")
    interrupts = told = 0
    while not ended:
        try:
            if thread.ident is None:
                thread.start()
            while told < interrupts:
                told += 1
                driver.stop(hard=told > 1)
            with contextlib.suppress(queue.Empty):
                over.get(timeout=NOTICE)
        except KeyboardInterrupt:
            interrupts += 1
    if errors:
        raise errors[0]
    return interrupts > 0
