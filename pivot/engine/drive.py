"""Carries out the scheduler's commands: one thread, one inbox, every effect in order.

The scheduler says what (`Check`, `Execute`, `Conclude`, `Interrupt`, `Done`); the driver does it and answers with
what came of it. Workers answer through the inbox, and so does a person who wants the run to stop.
"""

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from pivot.core.explain import headline
from pivot.core.graph import Graph
from pivot.core.orders import (
    CancelRequested,
    Check,
    Command,
    Conclude,
    Decided,
    Done,
    Ended,
    Execute,
    Gather,
    Interrupt,
    Paused,
    Recall,
    Resumed,
    Spread,
    Staffed,
)
from pivot.core.schedule import Scheduler
from pivot.engine.attempt import Attempt
from pivot.engine.fans import Fans
from pivot.engine.inbox import INTERRUPTED, Returned, Stop
from pivot.engine.keys import require_own_keys
from pivot.engine.observe import Observer
from pivot.engine.tries import Tries
from pivot.errors import PivotError
from pivot.executors.base import Executor
from pivot.model.decision import Decision, Verdict
from pivot.model.event import Event, Notice, Outcome, StageDecided, StageFinished, StageOutput, StageStarted
from pivot.model.record import OutputState, StageRecord
from pivot.model.task import Failure, Success, Task, TaskResult
from pivot.paths import ProjectPath
from pivot.store.guard import Guard
from pivot.store.objects import MissingObjectError
from pivot.store.store import Store

TICK = 0.1
"""Seconds between two looks at running stages' logs and at guards that other runs hold."""
PATIENCE = 1.0
"""Seconds after an interrupt in which stages may end without a word."""
_Step = Callable[[str], Sequence[Command]]


class Driver:
    """One run, from the first check to the last stage's end.

    Args:
        graph: all stages.
        scheduler: says what is next.
        observer: says what stages rest on.
        executor: gives the executor; called when the first stage needs one.
        begin: prepares the execution of a decided stage whose guard is held; is told which attempt it is.
        emit: takes every event, in this thread.
        unwanted: whether a person wants the run to go on without a stage, which is asked while that is at work.
        force: run stages that have not changed, too.
    """

    def __init__(
        self,
        *,
        graph: Graph,
        scheduler: Scheduler,
        observer: Observer,
        store: Store,
        executor: Callable[[], Executor],
        begin: Callable[[Decision, Guard, int], Attempt],
        emit: Callable[[Event], None],
        unwanted: Callable[[str], bool],
        force: bool,
    ) -> None:
        self._graph = graph
        self._scheduler = scheduler
        self._observer = observer
        self._store = store
        self._executor = executor
        self._begin = begin
        self._emit = emit
        self._unwanted = unwanted
        self._force = force
        self._inbox: queue.SimpleQueue[Returned | Stop] = queue.SimpleQueue()
        self._decisions: dict[str, Decision] = {}
        self._stamps: dict[str, object] = {}  # of the lock file that a decision was made with
        self._known: dict[ProjectPath, OutputState] = {}
        self._keyed: dict[str, StageRecord] = {}  # results that have to do with the object store
        self._running: dict[str, Attempt] = {}
        self._tries = Tries()
        self._fans = Fans(emit)
        self._waiting: dict[str, _Step] = {}  # for a guard that another run holds; what to try again
        self._waited: set[str] = set()  # those that are or were waiting
        self._dropped: set[str] = set()  # those that a person did not want
        self._open = True
        self._halted: float | None = None  # since when it has been told to stop, until that has been said

    def stop(self, *, hard: bool = False) -> None:
        """End the run early; may be called from any thread."""
        self._inbox.put(Stop(hard))

    def run(self) -> None:
        """Work until every stage has ended.

        An exception (of `emit`, say) ends it early: then no stage runs any more, and what ran is undone.
        """
        try:
            self._obey(self._scheduler.start())
            self._work()
        except BaseException:
            self._abandon()
            raise

    def _work(self) -> None:
        looked = time.monotonic()
        while self._open:
            with contextlib.suppress(queue.Empty):
                is_busy = self._running or self._waiting or self._tries.paused
                match self._inbox.get(timeout=TICK if is_busy else None):
                    case Returned(stage, result):
                        self._obey(self._take(stage, result))
                    case Stop(hard):
                        self._halt(hard=hard)
            # also while messages come thick and fast
            if time.monotonic() - looked >= TICK:
                self._tick()
                looked = time.monotonic()

    def _abandon(self) -> None:
        if self._running:
            self._executor().close()  # what is undone must not be written to any more
        for attempt in self._running.values():
            # what cannot be undone now, the next command undoes
            with attempt.guard, contextlib.suppress(PivotError):
                attempt.undo()
            attempt.progress.discard()
        self._running.clear()

    def _obey(self, commands: Sequence[Command]) -> None:
        orders = deque(commands)
        while orders:
            match orders.popleft():
                case Check(stage):
                    orders += self._check(stage)
                case Execute(stage):
                    orders += self._execute(stage)
                case Conclude(stage, outcome, cause):
                    self._conclude(stage, outcome, cause)
                case Gather(stage):
                    self._running[stage], result = self._fans.gather(
                        stage, self._scheduler.stop_cause or INTERRUPTED
                    )
                    orders += self._take(stage, result)
                case Interrupt(stage):
                    orders += self._interrupt(stage)
                case Recall(item):
                    self._executor().recall(item)
                case Done():
                    self._open = False

    def _tick(self) -> None:
        if self._halted is not None and self._running and time.monotonic() - self._halted > PATIENCE:
            self._halted = None
            self._emit(
                Notice(f"interrupted: waits for {', '.join(self._running)} to end; interrupt again to kill")
            )
        now = time.monotonic()
        for name, attempt in self._running.items():
            self._tell_output(name, attempt)
        for name in {*self._running, *self._waiting, *self._tries.paused} - self._dropped:
            if self._unwanted(name):
                self._dropped.add(name)
                self._obey(self._interrupt(name))
        waiting, self._waiting = self._waiting, {}
        for name, again in waiting.items():
            self._obey(again(name))
        for name in self._tries.take_due(now):
            self._obey(self._scheduler.handle(Resumed(name)))

    def _halt(self, *, hard: bool) -> None:
        self._halted = None if hard else time.monotonic()
        if hard and self._running:
            self._executor().close()  # kills; what ran comes back as cancelled
        self._obey(self._scheduler.handle(CancelRequested()))
        for name in tuple(self._waiting):  # to be checked: nothing that the scheduler could interrupt
            del self._waiting[name]
            self._obey(self._end(name, Outcome.CANCELLED))

    def _decide(self, stage: str) -> Decision:
        self._stamps[stage] = self._store.lock_stamp(self._key(stage))
        decision = self._observer.decide(
            self._graph.stage(stage), graph=self._graph, known=self._known, force=self._force
        )
        self._decisions[stage] = decision
        self._tell(stage, self._store.take_notices())
        return decision

    def _check(self, stage: str) -> Sequence[Command]:
        try:
            decision = self._decide(stage)
            if decision.verdict is Verdict.RESTORE:
                guard = self._guard(stage, self._check)
                if guard is None:
                    return ()
                with guard:
                    ended = self._settle(stage, self._decide(stage))
            else:
                ended = self._settle(stage, decision)
        except PivotError as error:
            return self._fail(stage, error)
        if ended is not None:
            return ended
        decision = self._decisions[stage]
        executor = self._executor()  # which loads libraries while other stages are checked
        self._emit(StageDecided(stage, decision.verdict, decision.changes))
        staffed = self._scheduler.handle(Staffed(executor.slots, executor.ahead))
        return [*staffed, *self._scheduler.handle(Decided(stage, needs_run=True))]

    def _execute(self, stage: str) -> Sequence[Command]:
        if self._fans.has_item(stage):
            return self._submit(stage, self._fans.task(stage))
        if self._unwanted(stage):
            return self._end(stage, Outcome.CANCELLED, reason="interrupted")
        try:
            guard = self._guard(stage, self._execute)
        except PivotError as error:
            return self._fail(stage, error)
        if guard is None:
            return ()
        with contextlib.ExitStack() as held:
            held.enter_context(guard)
            try:
                if self._may_be_done(stage):
                    ended = self._settle(stage, self._decide(stage))
                    if ended is not None:
                        return ended
                number = self._tries.begin(stage)
                self._running[stage] = attempt = self._begin(self._decisions[stage], guard, number)
            except PivotError as error:
                return self._fail(stage, error)
            held.pop_all()  # the attempt has it now
        self._emit(StageStarted(stage, attempt.log, number))
        return self._submit(stage, self._fans.begin(attempt, self._decisions[stage]))

    def _submit(self, name: str, begun: Task | Spread | Failure) -> Sequence[Command]:
        if isinstance(begun, Spread):
            return self._scheduler.handle(begun)
        if isinstance(begun, Failure):
            return self._take(name, begun)
        future = self._executor().submit(begun)
        future.add_done_callback(lambda done: self._inbox.put(Returned(name, done.result())))
        return ()

    def _may_be_done(self, stage: str) -> bool:
        """Whether the verdict on a stage may be another by now: another run was here, or there was a pause."""
        is_new = self._store.lock_stamp(self._key(stage)) == self._stamps[stage]
        return stage in self._waited or not is_new or self._tries.number(stage) > 0

    def _settle(self, stage: str, decision: Decision) -> Sequence[Command] | None:
        """Bring a stage up to date without running it; ``None`` if it must run."""
        record = decision.record
        if record is None:
            return None
        if decision.verdict is Verdict.UNCHANGED:
            self._store.keep_objects(record)
            return self._end(stage, Outcome.UNCHANGED, record=record)
        require_own_keys(self._graph, self._graph.stage(stage), record, self._keyed)
        try:
            notices = self._store.restore(record)
        except MissingObjectError:
            again = self._decide(stage)  # the object is gone now, and a notice says so
            if again.record != record:
                return self._settle(stage, again)
            # a network file system may say for a while that it is still there
            self._decisions[stage] = replace(again, verdict=Verdict.RUN, record=None)
            return None
        self._tell(stage, notices)
        return self._end(stage, Outcome.RESTORED, reason=headline(decision), record=record)

    def _guard(self, stage: str, again: _Step) -> Guard | None:
        """The stage's guard, or ``None`` if another run holds it; `again` is then called a little later."""
        guard = self._store.guard(self._key(stage))
        if guard is not None:
            return guard
        self._waiting[stage] = again
        if stage not in self._waited:
            self._waited.add(stage)
            holder = self._store.guard_holder(self._key(stage))
            self._emit(Notice(f"waits for another run ({holder})", stage))
        return None

    def _key(self, stage: str) -> str:
        return self._graph.stage(stage).key

    def _take(self, stage: str, result: TaskResult) -> Sequence[Command]:
        if self._fans.has_item(stage):
            return self._scheduler.handle(self._fans.take(stage, result))
        if self._fans.is_split(stage):
            split = self._fans.take_split(stage, result)
            if isinstance(split, Spread):
                return self._scheduler.handle(split)
            result = split
        self._fans.close(stage)
        attempt = self._running[stage]
        result = self._tries.judged(attempt.stage, result)
        again = None
        if isinstance(result, Failure) and not self._scheduler.is_stopping:
            again = self._tries.again(attempt.stage, result, time.monotonic())
            attempt.say(f"{result.traceback.rstrip()}\n{again.text}" if again else "")
        for text in attempt.tail.rest():
            self._emit(StageOutput(stage, text))
        attempt.progress.discard()
        del self._running[stage]
        log, seconds = attempt.log, time.monotonic() - attempt.began
        try:
            with attempt.guard:
                if isinstance(result, Success):
                    record, notices = attempt.commit(result, self._keyed)
                else:
                    attempt.undo()
        except PivotError as error:
            self._tries.drop(stage)
            return self._fail(stage, error, seconds=seconds, log=log)
        if again:
            self._emit(again)
            return self._scheduler.handle(Paused(stage))
        if isinstance(result, Success):
            self._tell(stage, notices)
            self._store.keep_duration(self._key(stage), result.seconds)
            return self._end(stage, Outcome.RAN, seconds=result.seconds, log=log, record=record)
        assert isinstance(result, Failure)  # executors renew stale workers themselves
        if result.kind == "cancelled":
            reason = INTERRUPTED if attempt.stage.map is None else result.message
            return self._end(stage, Outcome.CANCELLED, reason=reason, log=log)
        failed, number = Outcome.FAILED, self._tries.number(stage)
        reason = f"{result.message}, attempt {number} of {number}" if number > 1 else result.message
        self._emit(StageFinished(stage, failed, reason, seconds, result.traceback, result.hint, log))
        return self._scheduler.handle(Ended(stage, failed))

    def _fail(
        self, stage: str, error: PivotError, *, seconds: float = 0.0, log: str = ""
    ) -> Sequence[Command]:
        self._emit(StageFinished(stage, Outcome.FAILED, error.message, seconds, hint=error.hint, log=log))
        return self._scheduler.handle(Ended(stage, Outcome.FAILED))

    def _end(
        self,
        stage: str,
        outcome: Outcome,
        *,
        reason: str = "",
        seconds: float = 0.0,
        log: str = "",
        record: StageRecord | None = None,
    ) -> Sequence[Command]:
        if record is not None:
            self._known.update(record.outputs)
            if record.puts or record.inputs.observed.keys:
                self._keyed[stage] = record
        kept = self._store.keep_record(record) if record is not None else None
        self._emit(StageFinished(stage, outcome, reason, seconds, log=log, record=kept))
        return self._scheduler.handle(Ended(stage, outcome))

    def _conclude(self, stage: str, outcome: Outcome, cause: str) -> None:
        self._tries.drop(stage)
        self._emit(StageFinished(stage, outcome, cause))

    def _interrupt(self, stage: str) -> Sequence[Command]:
        if stage in self._waiting:
            del self._waiting[stage]
            return self._end(stage, Outcome.CANCELLED)
        if self._tries.drop(stage):
            return self._end(stage, Outcome.CANCELLED, reason=INTERRUPTED)
        for name in (stage, *self._fans.at_work(stage)):
            self._executor().interrupt(name)
        return ()

    def _tell_output(self, stage: str, attempt: Attempt) -> None:
        text = attempt.tail.read()
        if text:
            self._emit(StageOutput(stage, text))
        standing = attempt.progress.newest()
        if standing is not None:
            self._emit(standing)

    def _tell(self, stage: str, notices: Sequence[str]) -> None:
        key = self._key(stage)
        for text in notices:  # the event says whose they are
            said = text.removeprefix(f"stage {stage!r}: ").removeprefix(f"stage {key!r}: ")
            self._emit(Notice(said, stage))
