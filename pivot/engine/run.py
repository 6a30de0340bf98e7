"""One run from its plan to its end: events to every sink, history on disk, Ctrl-C kept out of the bookkeeping."""

import contextlib
import difflib
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pivot.core.graph import Graph
from pivot.core.schedule import Scheduler
from pivot.engine.attempt import Attempt, Conditions, begin
from pivot.engine.capacity import Capacity, capacity_for, require_capacity
from pivot.engine.drive import Driver
from pivot.engine.observe import Observer, made_by
from pivot.engine.sinks import EventLog
from pivot.errors import DefinitionErrors, PivotError
from pivot.executors.base import Executor
from pivot.executors.machine import machine_capacity
from pivot.model.decision import Decision
from pivot.model.event import Event, Notice, Outcome, RunFinished, RunStarted, StageFinished
from pivot.model.run import Run
from pivot.model.upstream import shown_path
from pivot.paths import ROOT, ProjectPath, absolute
from pivot.store.guard import Guard
from pivot.store.history import is_asked_to_stop
from pivot.store.store import Store

if TYPE_CHECKING:
    from pivot.executors.clusters import ClusterLoan
    from pivot.executors.warm import Loan

NOTICE = 0.2
"""Seconds after which an interrupt is noticed at the latest."""
MOST_GUESSES = 10
"""Deps that are nowhere for which a name like theirs is looked for: each is compared with all files and outs."""

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


def require_inputs(plan: Plan, observer: Observer, root: str) -> None:
    """Find everything that would stop the run before anything runs.

    Args:
        root: of the project, absolute.

    Raises:
        DefinitionErrors: code that cannot be read, and deps that are nowhere: all at once.
    """
    stages = [plan.graph.stage(name) for name in plan.chosen]
    errors: list[PivotError] = []
    try:
        observer.require_readable(stages)
    except DefinitionErrors as error:
        errors.extend(error.errors)
    feeders = plan.graph.among(plan.chosen)
    guesses = 0
    for stage in stages:
        names = {dep.path: dep.name for dep in stage.deps}
        for path in observer.missing(stage, made_by(plan.graph, feeders[stage.name], stage)):
            if os.path.exists(absolute(path, root).rstrip("/")):
                continue  # a file where a folder is declared, which was told
            maker = plan.graph.producer(path)
            guesses += not maker
            is_link = os.path.islink(absolute(path, root).rstrip("/"))
            what = "is a symbolic link that leads nowhere" if is_link else "does not exist"
            errors.append(
                PivotError(
                    f"stage '{stage.name}': dep '{names[path]}': {shown_path(path)} {what} ({stage.place})",
                    f"run '{maker}' first, or leave out --single-stage"
                    if maker
                    else _way_to(path, plan.graph, root, guess=guesses <= MOST_GUESSES),
                )
            )
    if not errors:
        errors.extend(require_capacity(plan.graph, plan.chosen, limits_of(plan), observer, force=plan.force))
    if errors:
        raise DefinitionErrors(errors)


def taking(loan: "Loan | ClusterLoan", plan: Plan, observer: Observer) -> Callable[[], Executor]:
    """Takes the executor of a run from what is lent, when it is first called; its size is that of the plan."""
    stages = [plan.graph.stage(name) for name in plan.chosen]
    libraries = {library for stage in stages for library in observer.fingerprint(stage).libraries}
    needs = {stage.name: stage.resources for stage in stages}
    return lambda: loan.executor(plan.jobs, libraries, needs)


def limits_of(plan: Plan) -> Mapping[str, float]:
    """How much there is here of what the stages of a plan ask for; a cluster knows that of itself.

    Of one that is started here nobody knows more than what the project declares.
    """
    if plan.conditions.executor.address is not None:
        return {}
    if not plan.conditions.executor.is_local:
        return plan.conditions.capacity
    stages = [plan.graph.stage(name) for name in plan.chosen]
    return capacity_for(stages, plan.conditions.capacity, lambda: machine_capacity(os.environ))


def _way_to(path: ProjectPath, graph: Graph, root: str, *, guess: bool) -> str:
    """What to do about a dep that neither lies there nor is made: perhaps it is misspelt."""
    near = _near(path, graph, root) if guess else []
    meant = f"did you mean {near[0]!r}? Else " if near else ""
    return f"{meant}put the file there, or name the stage that makes it (with include:, if another folder's)"


def _near(path: ProjectPath, graph: Graph, root: str) -> list[str]:
    """The out or the file whose name is most like that of a dep which is nowhere."""
    folder = os.path.dirname(path.rstrip("/"))
    try:
        names = os.listdir(absolute(ProjectPath(folder or ROOT), root))
    except OSError:
        names = []
    there = [os.path.join(folder, name) for name in sorted(names)]
    outs = [out for stage in graph.stages for out in stage.out_paths()]
    others = (name for name in [*outs, *there] if name != path.rstrip("/"))
    return difflib.get_close_matches(path, others, n=1, cutoff=0.8)


def execute(
    plan: Plan,
    observer: Observer,
    store: Store,
    executor: Callable[[], Executor],
    sinks: Sequence[Sink],
    stopped: Callable[[], bool] = lambda: False,
) -> Run:
    """Bring the chosen stages up to date.

    The driver works on a thread of its own; the caller's thread waits, so that a KeyboardInterrupt can only reach
    the waiting: the first one interrupts the running stages, the second one kills them.

    Args:
        executor: gives the executor; called when the first stage needs one.
        sinks: get every event, in the driver's thread; an exception in one of them ends the run.
        stopped: whether the run shall end early, as after an interrupt; asked a few times a second, in the caller's
            thread, to the run's end. An exception in it ends the run, too.
    """
    with store.in_use(), EventLog(store.layout, plan.id) as log:
        run = _execute(plan, observer, store, executor, (log, *sinks), stopped)
        if log.problem is not None:
            store.tell(f"the history lacks (part of) this run: {log.problem.message}")
        return run


def _execute(
    plan: Plan,
    observer: Observer,
    store: Store,
    executor: Callable[[], Executor],
    sinks: Sequence[Sink],
    stopped: Callable[[], bool],
) -> Run:
    ends: dict[str, StageFinished] = {}
    started = time.monotonic()

    def emit(event: Event) -> None:
        if isinstance(event, StageFinished):
            ends[event.stage] = event
        for sink in sinks:
            sink(event)

    stages = {name: plan.graph.stage(name) for name in plan.chosen}
    limits = limits_of(plan)
    is_here = plan.conditions.executor.address is None
    capacity = Capacity(limits, stages.values() if is_here else (), lambda text: emit(Notice(text)))

    def start(decision: Decision, guard: Guard, number: int) -> Attempt:
        stage = stages[decision.stage]
        capacity.require(stage)
        return begin(store, observer, stage, decision, guard, plan.conditions, number)

    driver = Driver(
        graph=plan.graph,
        scheduler=Scheduler(
            plan.graph.among(plan.chosen),
            jobs=plan.jobs,
            mutex={name: stage.mutex for name, stage in stages.items()},
            resources={name: stage.resources for name, stage in stages.items()},
            capacity=limits,
            durations=_durations(plan, store),
            keep_going=plan.keep_going,
        ),
        observer=observer,
        store=store,
        executor=executor,
        begin=start,
        emit=emit,
        unwanted=lambda stage: is_asked_to_stop(store.layout, plan.id, stage),
        force=plan.force,
    )
    emit(RunStarted(plan.id, plan.chosen, plan.jobs, plan.targets, plan.conditions.executor.kind))
    for text in store.take_notices():
        emit(Notice(text))
    cancelled = _wait(driver, lambda: stopped() or is_asked_to_stop(store.layout, plan.id))
    seconds = time.monotonic() - started
    outcomes = [end.outcome for end in ends.values()]
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    emit(RunFinished(plan.id, counts, seconds, cancelled))
    return Run(plan.id, ends, seconds, cancelled)


def _durations(plan: Plan, store: Store) -> dict[str, float]:
    """How long each stage ran the last time, in seconds, as far as that is known."""
    found = ((name, store.duration(plan.graph.stage(name).key)) for name in plan.chosen)
    return {name: seconds for name, seconds in found if seconds is not None}


def _wait(driver: Driver, stopped: Callable[[], bool]) -> bool:
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
            if not ended and stopped() and not interrupts:
                interrupts = 1
        except KeyboardInterrupt:
            interrupts += 1
        except BaseException as error:  # noqa: BLE001 - of `stopped`: the driver must not be left alone
            errors.append(error)
            interrupts = max(interrupts, 1)
    if errors:
        raise errors[0]
    return interrupts > 0
