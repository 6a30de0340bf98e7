"""A project: the one face that the command line, the notebook and Python scripts use."""

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from pivot.config.settings import Settings, load_settings
from pivot.core.explain import Explanation
from pivot.core.graph import Graph
from pivot.core.interest import Interest, interest
from pivot.core.inventory import Inventory
from pivot.core.query import select, select_one
from pivot.define.locate import find_home
from pivot.engine.attempt import conditions_for
from pivot.engine.define import define, no_pipeline_file
from pivot.engine.explain import explain, take_inventory
from pivot.engine.history import PastRun, last_traceback, past_run, past_runs, stop_runs
from pivot.engine.observe import Observer, assess
from pivot.engine.run import Plan, Sink, execute, require_inputs, taking
from pivot.executors.base import Executor
from pivot.executors.cores import cores, stage_environment
from pivot.executors.warm import Workers, given
from pivot.model.decision import Decision
from pivot.model.event import Event
from pivot.model.fingerprint import ModuleText
from pivot.model.run import Run
from pivot.model.stage import Stage, stage_key
from pivot.model.task import TrialResult
from pivot.paths import ProjectPath, relative_to_root
from pivot.store.history import pruning, run_name
from pivot.store.layout import initialize
from pivot.store.store import Store

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pivot.engine.accept import Accepted
    from pivot.engine.along import Along
    from pivot.engine.checkout import CheckedOut
    from pivot.engine.exchange import Exchange
    from pivot.engine.side import Side
    from pivot.engine.upkeep import Verified
    from pivot.engine.value import Loaded
    from pivot.store.collection import Collected
    from pivot.worker.rehearsal import Placed, Rehearsal

__all__ = ["Project", "Workers", "initialize"]


class Project:
    """The stages that a folder defines, and all one can ask of them or do with them.

    Nothing on disk is touched until something runs. May be used as a context manager; `close` ends the workers.

    Args:
        path: a ``pivot.yaml`` or ``pipeline.py``, or a folder: the nearest such file at or above it counts.
        executor: where stages run; the caller closes it. ``None``: workers of the project's own.
        workers: those of another project, which closes them.
        params: values over those of the files: ``n`` of all stages that have it, ``train.n``, ``config.key``.

    Attributes:
        root: the project root, absolute: the topmost folder with ``.pivot/``, else the git root, else `folder`.
        folder: of the pipeline file (or of `path`, where there is none), relative to the root.
        roots: folders from which its modules are imported.
        workers: where stages run.
        module: the one whose stages count, as of `use_module`; ``None``: those of a file.
    """

    def __init__(
        self,
        path: str = ".",
        executor: Executor | None = None,
        *,
        workers: Workers | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        start = os.path.abspath(path)
        self._file, home = find_home(start)
        self.root = home.root
        self._here = relative_to_root(start if os.path.isdir(start) else os.path.dirname(start), self.root)
        self._params = dict(params or {})
        # where a question is asked that another command may ask as well
        self._asked_in = start if os.path.isdir(start) and not self._params else None
        self.folder: ProjectPath = home.folder
        self.roots: tuple[ProjectPath, ...] = home.roots
        self._settings: Settings | None = None
        self._store: Store | None = None
        self.module: ModuleText | None = None
        self._module_stages: tuple[Stage, ...] = ()
        self.workers = workers or (given(executor) if executor else Workers())
        self._owns_workers = workers is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and give back what is open. The project can be used again afterwards."""
        if self._owns_workers:
            self.workers.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    def use_module(self, module: ModuleText, stages: Sequence[Stage]) -> None:
        """From now on the stages are those of one module that exists as text (a notebook's)."""
        self.module, self._module_stages, self._file = module, tuple(stages), None

    def stages(self) -> tuple[Stage, ...]:
        """All stages as they are defined now, in that order; all that is wrong with them is told at once."""
        return self._module_stages if self.module else self._define()

    def graph(self, targets: Sequence[str] = ()) -> Graph:
        """The stages and how they feed each other; with targets only these and what they need."""
        graph = Graph(self.stages())
        return Graph([graph.stage(name) for name in self._select(graph, targets)]) if targets else graph

    def named(self, targets: Sequence[str]) -> tuple[str, ...]:
        """The stages that targets stand for, without what those rest on; none for no targets."""
        return self._select(self.graph(), targets, single=True) if targets else ()

    def status(
        self,
        targets: Sequence[str] = (),
        *,
        force: bool = False,
        single_stage: bool = False,
        allow_missing: bool = False,
    ) -> tuple[Decision, ...]:
        """What a run would do with each stage, and why; nothing runs. Arguments as of `repro`.

        With `allow_missing`, deps and outs that are not there count as they were in the last run.
        """
        graph = self.graph()
        chosen = self._select(graph, targets, single_stage)
        observer = self._observer()
        observer.require_readable(graph.stage(name) for name in chosen)
        decisions = assess(observer, graph, chosen, force=force, allow_missing=allow_missing)
        self.store.flush()
        return decisions

    def explain(self, targets: Sequence[str] = (), *, allow_missing: bool = False) -> tuple[Explanation, ...]:
        """What `status` gives, each with the ways to the definitions that changed and the diffs of their texts."""
        graph = self.graph()
        chosen = self._select(graph, targets)
        observer = self._observer()
        observer.require_readable(graph.stage(name) for name in chosen)
        decisions = assess(observer, graph, chosen, allow_missing=allow_missing)
        found = tuple(explain(observer, self.store, graph.stage(d.stage), d) for d in decisions)
        self.store.flush()
        return found

    def inventory(self, stage: str) -> Inventory:
        """All code that a stage rests on, and what was observed when it last ran."""
        found = take_inventory(self._observer(), self.store, self._stage(stage))
        self.store.flush()
        return found

    def interest(self, targets: Sequence[str] = (), *, single_stage: bool = False) -> Interest:
        """Which files a run of these targets rests on: what one waits for before the next."""
        stages = self._only(self.graph(), targets) if single_stage else self.graph(targets).stages
        return interest(stages, {s.name: record for s in stages if (record := self.store.lock(s.key))})

    def repro(
        self,
        targets: Sequence[str] = (),
        *,
        force: bool = False,
        jobs: int | None = None,
        keep_going: bool = False,
        single_stage: bool = False,
        frozen: bool = False,
        executor: str | None = None,
        sinks: Sequence[Sink] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Run what has changed, and only that; a KeyboardInterrupt ends it in order, and shows in `Run.cancelled`.

        Args:
            targets: names or globs of stages, or paths of outs; none means all.
            force: run them even if nothing has changed.
            jobs: how many stages run at once; default: the setting ``jobs``, or the cores this process may use.
            keep_going: after a failure go on with all that does not rest on it.
            single_stage: leave out what the targets need.
            frozen: read all code before the first event: what is edited after that is for the next run.
            executor: ``local``, ``dask`` or ``ray``; default: what the pipeline file or the settings say.
            sinks: called with every `Event`.
            stopped: whether the run shall end early; asked a few times a second, in the thread that called.

        Raises:
            PivotError: definitions, code, inputs or the executor are wrong; nothing has run.
        """
        from pivot.config.executor import executor_for  # lazy: start-up time
        from pivot.engine.footing import inquire  # lazy: start-up time

        now, here = datetime.now(UTC), None if force or executor or self.module else self._asked_in
        inquiry = inquire(self.root, here, targets, single_stage) if here else None
        if inquiry and (known := inquiry.known(targets, jobs or self.settings.jobs or cores(), now, sinks)):
            return known
        inquiry = inquiry and inquiry.begin()
        spec, jobs = executor_for(executor, self._file, self.settings, jobs, cores())
        with self.workers.lend(spec, self.store, self.settings) as loan:
            graph, environment = self.graph(), stage_environment(os.environ, jobs)
            chosen, run_id = self._select(graph, targets, single_stage), run_name(self.store.layout, now)
            conditions = conditions_for(self.settings, graph, environment, run_id, spec)
            plan = Plan(chosen, jobs, force, keep_going, conditions, tuple(targets))
            self.store.create()
            observer = self._observer(kind=spec.kind)
            require_inputs(plan, observer, self.root)
            if frozen:
                observer.freeze()
            try:
                with pruning(self.store.layout, self.settings.kept_runs, now.timestamp(), run_id):
                    run = execute(plan, observer, self.store, taking(loan, plan, observer), sinks, stopped)
            finally:
                self.store.flush()
            loan.spoilt = run.cancelled  # a second Ctrl-C has ended it
            if inquiry:
                inquiry.keep(run, plan, observer, self.store, self.settings)
            return run

    def checkout(self, targets: Sequence[str] = (), *, force: bool = False) -> "tuple[CheckedOut, ...]":
        """Put the outputs of the last results in place; nothing runs.

        Args:
            targets: without what they need; none means all.
            force: replace what a person wrote over them without keeping it.
        """
        from pivot.engine.checkout import check_out  # lazy: start-up time

        return check_out(self.store, self._only(self.graph(), targets), force=force)

    def commit(self, targets: Sequence[str] = ()) -> "tuple[Accepted, ...]":
        """Take what is on disk as the results of stages (targets: without what they need); nothing runs."""
        from pivot.engine.accept import accept  # lazy: start-up time

        return accept(self.store, self._observer(), graph := self.graph(), self._only(graph, targets))

    def verify(self, *, everything: bool = False) -> "Verified":
        """Hash the objects that the lock files need, or all there are; wrong ones are put aside."""
        from pivot.engine.upkeep import verify  # lazy: start-up time

        return verify(self.store, everything=everything)

    def collect(
        self, *, keep_runs: int | None = None, dry_run: bool = False, force: bool = False, kept: bool = False
    ) -> "Collected":
        """Take away what no lock file, no recent run and no name needs; see `pivot.engine.upkeep.collect`."""
        from pivot.engine.upkeep import collect  # lazy: start-up time

        return collect(self.store, keep_runs=keep_runs, dry_run=dry_run, force=force, kept=kept)

    def push(self, targets: Sequence[str] = (), *, remote: str | None = None, jobs: int = 8) -> "Exchange":
        """Bring the last results of these targets to a remote; gives what was moved, and what could not be."""
        from pivot.engine.exchange import push_to  # lazy: start-up time

        return push_to(self.store, self.settings, self._observer(), self.graph(targets), remote, jobs)

    def pull(
        self, targets: Sequence[str] = (), *, remote: str | None = None, jobs: int = 8, place: bool = True
    ) -> "Exchange":
        """Bring the results of these targets from a remote, and put them in place if asked to."""
        from pivot.engine.exchange import pull_from  # lazy: start-up time

        graph = self.graph(targets)
        return pull_from(self.store, self.settings, self._observer(), graph, remote, jobs, place)

    def take_along(self, folder: str, stages: Sequence[Stage], *, data: bool) -> "Along":
        """Bring modules, results and, if asked to, inputs into another folder; see `pivot.engine.along`."""
        from pivot.engine.along import take_along  # lazy: start-up time

        return take_along(self.store, self._observer(), stages, os.path.abspath(folder), data=data)

    def load(self, stage: str, out: str | None = None, run: Run | None = None) -> object:
        """The value of an output, or of all by their keys; see `pivot.engine.value.load_output`."""
        return self.loaded(stage, out, run).value

    def loaded(self, stage: str, out: str | None = None, run: Run | None = None) -> "Loaded":
        """What `load` gives, and where it came from."""
        from pivot.engine.value import load_output  # lazy: start-up time

        return load_output(self.store, self._stage(stage), out, run)

    def recorded(self, stage: str, out: str | None = None) -> "Loaded | None":
        """What `loaded` gives of a stage that nothing defines now, by its last record; ``None``: it has none."""
        from pivot.engine.value import load_recorded  # lazy: start-up time

        return load_recorded(self.store, stage_key(stage, self.folder), self.roots, out)

    def rehearse(self, stage: str, placed: "Placed") -> "AbstractContextManager[Rehearsal]":
        """Call a stage's function in this process, with what a run would give it; see `pivot.engine.rehearse`."""
        from pivot.engine.rehearse import rehearse  # lazy: start-up time

        graph, found = self.graph(), self._stage(stage)
        self.store.create()
        environment = stage_environment(os.environ, self.settings.jobs or cores())
        conditions = conditions_for(self.settings, graph, environment, "")
        return rehearse(self.store, self._observer(), found, conditions, placed)

    def log(self, stage: str, *, traceback: bool = False) -> str:
        """What the stage wrote to stdout and stderr when it last ran; on request with how it failed, if it did."""
        key = self._stage(stage).key
        return self.store.last_log(key) + (last_traceback(self.store.layout, key) if traceback else "")

    def past_runs(self, most: int | None = None) -> tuple[PastRun, ...]:
        """The runs that the history keeps, newest first; at most so many."""
        return past_runs(self.store.layout, most)

    def stop(self, stages: Sequence[str] = (), run: str = "") -> tuple[str, ...]:
        """Ask the runs that go on here (or one) in whatever process to end, or `stages` of them; gives short ids."""
        return stop_runs(self.store.layout, stages, run)

    def follow(
        self, is_ours: Callable[[str], bool], heard: Callable[[str, Event], None], over: threading.Event
    ) -> None:
        """Tell ids and events of runs that by their ids are not ours; blocks the thread until `over` is set."""
        from pivot.engine.follow import follow  # lazy: start-up time

        follow(self.store.layout, is_ours, heard, over)

    def past_run(self, word: str) -> PastRun:
        """A run of the history: ``last``, ``-2`` (the one before), its id, or how it begins; else a UsageError."""
        return past_run(self.store.layout, word)

    def side(self, word: str) -> "Side":
        """One side of a comparison: ``workspace``, a run as in `past_run`, or a revision that git knows."""
        from pivot.engine.side import side_of  # lazy: start-up time

        return side_of(word, self.store, self.stages, self._observer())

    def notices(self) -> list[str]:
        """What a person should know of what was found or mended on disk and no event has told; each once."""
        return self._store.take_notices() if self._store else []

    def trial(self, module: ModuleText, names: Sequence[str], timeout: float) -> TrialResult:
        """Evaluate a module's text in a worker and give back some of its values."""
        from pivot.engine.trial import trial_task  # lazy: start-up time

        task = trial_task(module, names, timeout, root=self.root, folder=self.folder, roots=self.roots)
        texts = {module.name: module}
        with self._visit(self._observer(texts), texts) as executor:
            return executor.trial(task)

    @property
    def settings(self) -> Settings:
        """``.pivot/config.yaml`` and what the environment says over it."""
        if self._settings is None:
            self._settings = load_settings(self.root, os.environ)
        return self._settings

    @property
    def store(self) -> Store:
        """Everything under ``.pivot/``."""
        if self._store is None:
            self._store = Store(self.root, self.settings.cache_dir, self.settings.checkout_mode)
        return self._store

    def _stage(self, name: str) -> Stage:
        return (graph := self.graph()).stage(select_one(graph, name, self._here))

    def _select(self, graph: Graph, targets: Sequence[str], single: bool = False) -> tuple[str, ...]:
        return select(graph, targets, single, self._here)

    def _only(self, graph: Graph, targets: Sequence[str]) -> list[Stage]:
        return [graph.stage(name) for name in self._select(graph, targets, single=True)]

    def _observer(self, texts: Mapping[str, ModuleText] | None = None, kind: str = "") -> Observer:
        if texts is None:
            texts = {self.module.name: self.module} if self.module else {}

        def executor() -> str:
            from pivot.config.executor import executor_for  # lazy: start-up time

            return kind or executor_for(None, self._file, self.settings, None, 1)[0].kind

        return Observer(self.store, texts, stage_environment(os.environ, 1), self.settings.seed, executor)

    def _define(self) -> tuple[Stage, ...]:
        if (file := self._file) is None:
            raise no_pipeline_file(self.store)
        return define(self.store, lambda modules: self._visit(self._observer(), modules), file, self._params)

    def _visit(self, observer: Observer, modules: Collection[str]) -> "AbstractContextManager[Executor]":
        """A process for a moment, with the libraries that modules import loaded."""
        libraries = observer.libraries(self.roots, modules)
        return self.workers.visit(self.settings.jobs or cores(), libraries)
