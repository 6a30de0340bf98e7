"""A project: the one face that the command line, the notebook and Python scripts use."""

import contextlib
import os
import pickle
import secrets
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from pivot.config.settings import Settings, load_settings
from pivot.core.explain import Explanation
from pivot.core.graph import Graph
from pivot.core.inventory import Inventory
from pivot.core.query import select
from pivot.define.locate import find_pipeline_file, pipeline_file
from pivot.engine.attempt import Conditions
from pivot.engine.define import define, named_modules
from pivot.engine.explain import explain, take_inventory
from pivot.engine.observe import Observer, assess
from pivot.engine.run import Plan, Sink, execute, require_inputs
from pivot.errors import UsageError
from pivot.executors.base import Executor
from pivot.model.decision import Decision
from pivot.model.fingerprint import ModuleText
from pivot.model.run import Run
from pivot.model.stage import Stage
from pivot.model.task import TrialResult, TrialTask
from pivot.paths import ProjectPath, absolute
from pivot.store.layout import create, find_root
from pivot.store.store import Store


def initialize(folder: str) -> bool:
    """Make ``.pivot/`` in a folder; gives whether it was not there before."""
    fresh = not os.path.isdir(os.path.join(folder, ".pivot"))
    create(folder)
    return fresh


class Project:
    """The stages that a folder defines, and all one can ask of them or do with them.

    Nothing on disk is touched until something runs. May be used as a context manager; `close` ends the workers.

    Args:
        path: a folder in or under the project; the nearest ``pivot.yaml`` or ``pipeline.py`` at or above it counts.

    Attributes:
        root: the project root, absolute: the topmost folder with ``.pivot/``, else the git root, else the pipeline
            file's folder.
        folder: of the pipeline file (or of `path`, where there is none), relative to the root.
        roots: folders from which its modules are imported.
    """

    def __init__(self, path: str = ".") -> None:
        start = os.path.abspath(path)
        self._file = find_pipeline_file(start)
        base = os.path.dirname(self._file) if self._file else start
        self.root = find_root(start) or _git_root(base) or base
        home = pipeline_file(self._file or os.path.join(base, "pivot.yaml"), self.root)
        self.folder: ProjectPath = home.folder
        self.roots: tuple[ProjectPath, ...] = home.roots
        self._settings: Settings | None = None
        self._store: Store | None = None
        self._module: ModuleText | None = None
        self._module_stages: tuple[Stage, ...] = ()
        self._executor: Executor | None = None
        self._preloaded: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and give back what is open. The project can be used again afterwards."""
        self._end_workers()
        if self._store is not None:
            self._store.close()
            self._store = None

    def use_module(self, module: ModuleText, stages: Sequence[Stage]) -> None:
        """From now on the stages are those of one module that exists as text (a notebook's)."""
        self._module = module
        self._module_stages = tuple(stages)

    def stages(self) -> tuple[Stage, ...]:
        """All stages as they are defined now, in the order of their definition.

        Raises:
            DefinitionErrors: everything that is wrong with them, at once.
        """
        return self._module_stages if self._module else self._define()

    def graph(self, targets: Sequence[str] = ()) -> Graph:
        """The stages and how they feed each other; with targets only these and what they need."""
        graph = Graph(self.stages())
        return Graph([graph.stage(name) for name in select(graph, targets)]) if targets else graph

    def named(self, targets: Sequence[str]) -> tuple[str, ...]:
        """The stages that targets stand for, without what those rest on; none for no targets."""
        return select(self.graph(), targets, single=True) if targets else ()

    def status(
        self, targets: Sequence[str] = (), *, force: bool = False, single_stage: bool = False
    ) -> tuple[Decision, ...]:
        """What a run would do with each stage, and why; nothing runs.

        Args:
            targets: names or globs of stages, or paths of outs; none means all.
            force: as if nothing were cached.
            single_stage: leave out what the targets need.
        """
        graph = self.graph()
        chosen = select(graph, targets, single_stage)
        observer = self._observer()
        observer.require_readable(graph.stage(name) for name in chosen)
        decisions = assess(observer, graph, chosen, force=force)
        self.store.flush()
        return decisions

    def explain(self, targets: Sequence[str] = ()) -> tuple[Explanation, ...]:
        """What `status` gives, each with the ways to the definitions that changed and the diffs of their texts."""
        graph = self.graph()
        chosen = select(graph, targets)
        observer = self._observer()
        observer.require_readable(graph.stage(name) for name in chosen)
        decisions = assess(observer, graph, chosen)
        found = tuple(explain(observer, self.store, graph.stage(d.stage), d) for d in decisions)
        self.store.flush()
        return found

    def inventory(self, stage: str) -> Inventory:
        """All code that a stage rests on, and what was observed when it last ran.

        Raises:
            UsageError: no such stage.
            CodeError: code that it reaches cannot be read.
        """
        found = take_inventory(self._observer(), self.store, self._stage(stage))
        self.store.flush()
        return found

    def repro(
        self,
        targets: Sequence[str] = (),
        *,
        force: bool = False,
        jobs: int | None = None,
        keep_going: bool = False,
        single_stage: bool = False,
        sinks: Sequence[Sink] = (),
    ) -> Run:
        """Run what has changed, and only that.

        A KeyboardInterrupt ends the run in an orderly way and shows in `Run.cancelled`.

        Args:
            targets: names or globs of stages, or paths of outs; none means all.
            force: run them even if nothing has changed.
            jobs: how many stages run at once; default: the setting ``jobs``, or the cores this process may use.
            keep_going: after a failure go on with all that does not rest on it.
            single_stage: leave out what the targets need.
            sinks: called with every `Event`.

        Raises:
            DefinitionErrors: definitions, code or inputs are wrong; nothing has run.
        """
        warm = self._executor
        graph = self.graph()
        chosen = select(graph, targets, single_stage)
        jobs = jobs or self.settings.jobs or cores()
        now = datetime.now(UTC)
        conditions = Conditions(
            run=f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}",  # sorts by time
            graph=graph,
            environment=_stage_environment(os.environ, jobs),
            seed=self.settings.seed,
            strict=self.settings.strict,
            ignored_environment=self.settings.ignore_env,
        )
        plan = Plan(chosen=chosen, jobs=jobs, force=force, keep_going=keep_going, conditions=conditions)
        self.store.create()
        observer = self._observer()
        require_inputs(plan, observer)
        libraries = {name for stage in chosen for name in observer.fingerprint(graph.stage(stage)).libraries}
        if warm is not None and not libraries <= self._preloaded:
            self._end_workers()  # of an earlier run: new ones start faster than each worker imports what is new
        try:
            run = execute(plan, observer, self.store, lambda: self._workers(jobs, libraries), sinks)
        except BaseException:
            self._end_workers()  # the run has closed them
            raise
        finally:
            self.store.flush()
        if run.cancelled:
            self._end_workers()  # a second Ctrl-C has closed them
        return run

    def load(self, stage: str, out: str | None = None) -> object:
        """The value of an output, as its loader reads it, from the workspace or the cache.

        Args:
            stage: its name.
            out: which output, by its key; may be left out where there is one only.

        Raises:
            UsageError: no such stage or output, or a loader that cannot read.
            StoreError: it has never been made, or its bytes are lost.
        """
        found = self._stage(stage)
        wanted = [o for o in found.outs if o.name == out or (out is None and len(found.outs) == 1)]
        if not wanted:
            keys = ", ".join(o.name for o in found.outs) or "none"
            raise UsageError(f"say which output of stage '{found.name}' to load", f"it has: {keys}")
        with self._importable(), self.store.output(found.name, wanted[0].path) as path:
            loader = pickle.loads(wanted[0].loader.payload)
            if not hasattr(loader, "load"):
                raise UsageError(f"the loader of '{wanted[0].path}' can only write", f"open {path} yourself")
            value: object = loader.load(path)
            return value

    def log(self, stage: str) -> str:
        """What the stage wrote to stdout and stderr when it last ran; empty if it never did."""
        return self.store.last_log(self._stage(stage).name)

    def notices(self) -> list[str]:
        """What a person should know of what was found or mended on disk and no event has told; each once."""
        return self._store.take_notices() if self._store else []

    def trial(self, module: ModuleText, names: Sequence[str], timeout: float) -> TrialResult:
        """Evaluate a module's text in a worker and give back some of its values."""
        task = TrialTask(
            module=module,
            modules=(),
            roots=tuple(absolute(root, self.root) for root in self.roots),
            cwd=absolute(self.folder, self.root),
            environment=_stage_environment(os.environ, 1),
            names=tuple(names),
            timeout=timeout,
        )
        texts = {module.name: module}
        libraries = self._observer(texts).libraries(self.roots, texts)
        return self._workers(self.settings.jobs or cores(), libraries).trial(task)

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
            self._store = Store(self.root, self.settings.cache_dir)
        return self._store

    def _stage(self, name: str) -> Stage:
        graph = self.graph()
        found = select(graph, [name], single=True)
        if len(found) > 1:
            raise UsageError(f"'{name}' stands for {len(found)} stages", f"say which: {', '.join(found)}")
        return graph.stage(found[0])

    def _observer(self, texts: Mapping[str, ModuleText] | None = None) -> Observer:
        if texts is None:
            texts = {self._module.name: self._module} if self._module else {}
        return Observer(self.store, texts, _stage_environment(os.environ, 1), self.settings.seed)

    def _define(self) -> tuple[Stage, ...]:
        if self._file is None:
            raise UsageError(
                "there is no pivot.yaml and no pipeline.py here or in a folder above",
                "write a pivot.yaml that names your functions",
            )
        file = self._file

        def workers() -> Executor:
            libraries = self._observer().libraries(self.roots, named_modules(file))
            return self._workers(self.settings.jobs or cores(), libraries)

        return define(self.store, workers, file)

    @contextlib.contextmanager
    def _importable(self) -> Iterator[None]:
        """Let this process import the project's modules: a pickled output may hold objects of their classes."""
        before = list(sys.path)
        sys.path[:0] = [absolute(root, self.root) for root in self.roots]
        try:
            yield
        finally:
            sys.path[:] = before

    def _end_workers(self) -> None:
        if self._executor is not None:
            self._executor.close()
            self._executor = None

    def _workers(self, slots: int, preload: Collection[str]) -> Executor:
        if self._executor is None or self._executor.slots < slots:
            from pivot.executors.forkserver import (
                ForkserverExecutor,  # lazy: start-up time of a run without work
            )

            self._end_workers()
            self._executor = ForkserverExecutor(slots, sorted(preload))
            self._preloaded = frozenset(preload)
        return self._executor


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _git_root(folder: str) -> str | None:
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _stage_environment(environment: Mapping[str, str], jobs: int) -> dict[str, str]:
    """What a stage gets: the caller's environment, no window for plots, no more BLAS threads than its share."""
    threads = str(max(1, cores() // jobs))
    defaults = {
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }
    return {**defaults, **environment, "PYTHONHASHSEED": "0"}
