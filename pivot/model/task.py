"""One execution of a stage, as it travels to a worker and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pivot.model.context import RunContext
from pivot.model.fingerprint import ModuleText
from pivot.model.observation import Seen
from pivot.model.record import OutputState
from pivot.model.resources import Resources
from pivot.model.stage import LoaderRef, ObjectRef, Returns, StageParameters
from pivot.model.stored import Entry, KeyName, Stored
from pivot.paths import ProjectPath


@dataclass(frozen=True, slots=True)
class TaskDep:
    """A value to load. Absolute paths only: the worker knows no project.

    Attributes:
        path: with ``/`` at its end: a folder.
        index: the position of its value in the list that the argument gets; ``None``: the value itself.
        files: of a folder, the files in it that count, relative to it, sorted; ``None``: all.
        items: absolute paths of files of which each holds an item of the list that is the value; ``None``: the file
            at `path` holds the value.
    """

    name: str
    path: str
    loader: LoaderRef
    argument: str | None
    index: int | None = None
    files: tuple[str, ...] | None = None
    items: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaskOut:
    """A value to save.

    Attributes:
        declared: the path relative to the stage's folder, as the function may return it.
        target: the absolute path of the declared file.
        staging: the absolute path where the worker leaves the new file, in the target's file system; a file that
            the stage itself writes (``written_by_stage``) appears at ``target`` instead.
        inline: whether to give the bytes back in the result (small uncached outputs).
        directory: a folder; `target` and `staging` are folders then, without ``/`` at the end.
        index: its position in the list that the stage returns under `name`; ``None``: the value itself.
        argument: the parameter that gets the last value (an incremental output).
        token: of a value without a file in the workspace: what it says beside ``None``; else ``None``.
        previous: the absolute path of a file with the last bytes, which must not be written to; ``None``: there are
            none, the argument gets the loader's ``empty()``. Where the stage itself writes the file, a copy of
            them lies at `target` already.
    """

    name: str
    path: ProjectPath
    declared: str
    target: str
    staging: str
    loader: LoaderRef
    written_by_stage: bool
    inline: bool
    directory: bool = False
    index: int | None = None
    argument: str | None = None
    previous: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Afar:
    """What a stage has instead of the project's folder on a machine that does not see it.

    Attributes:
        remote: the address of the remote by which objects come and go.
        table: the object store's names.
    """

    remote: str
    table: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Everything that a worker needs to run a stage once.

    Attributes:
        modules: the texts that the worker must hold; one that has older ones answers `StaleWorker`.
        libraries: what those import; a stage may have changed a library's settings, so a worker that ran one with
            libraries serves no other.
        roots: absolute import roots.
        cwd: absolute.
        environment: the complete environment of the stage.
        log: absolute path of the file that takes stdout and stderr, appended to.
        seed: for ``random`` and NumPy's global generator; ``None`` leaves them.
        root: the project's, absolute: what the stage touches under it is observed. Empty: nothing is.
        unobserved: absolute paths of files that are left out: declared deps and outs.
        ignored_environment: patterns of variables that are left out.
        variant: what the parameter ``variant`` gets, as JSON text; ``None`` where the function takes none.
        key: what the stage is called on disk; empty: as here.
        cache: absolute path of the cache; empty: there is no object store.
        later: keys of the stages that rest on this one: it does not see what they put into the object store.
        last_puts: what it put there itself in its last run, for when it asks for its state.
        executor: where it runs: ``local``, ``dask`` or ``ray``.
        resources: what it takes of the machine, for executors that place it.
        timeout: seconds after which it is ended, from when a worker begins with it; ``None``: never.
        attempt: which one it is, from 1.
        context: what the stage's run context says.
        named: absolute paths of files that literals in its code name.
        afar: ``None``: it runs where the project is.
    """

    stage: str
    function: ObjectRef
    modules: tuple[ModuleText, ...]
    libraries: tuple[str, ...]
    roots: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    deps: tuple[TaskDep, ...]
    outs: tuple[TaskOut, ...]
    returns: Returns
    params: StageParameters | None
    log: str
    seed: int | None
    root: str = ""
    unobserved: tuple[str, ...] = ()
    ignored_environment: tuple[str, ...] = ()
    variant: str | None = None
    key: str = ""
    cache: str = ""
    later: frozenset[str] = frozenset()
    last_puts: Mapping[KeyName, Stored] = field(default_factory=dict)
    executor: str = "local"
    resources: Resources = field(default_factory=Resources)
    timeout: float | None = None
    attempt: int = 1
    context: RunContext = field(default_factory=RunContext)
    named: tuple[str, ...] = ()
    afar: Afar | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stage failed, said so that its author can mend it.

    Attributes:
        kind: ``exception`` (the stage raised), ``result`` (what it returned cannot be saved), ``load`` (a dep
            could not be read), ``import`` (its module could not be imported), ``died`` (the process ended),
            ``timeout`` (it was ended because it took too long), ``cancelled``, ``commit`` (its outputs could not be
            recorded).
        message: one line: ``ValueError: bad (stages.py:12)``.
        traceback: as the stage's author would see it, without frames of Pivot's own; may be empty.
        hint: the way out, where we know one.
        exceptions: dotted names of the class of what was raised and of its bases, where something was.
        seen: what the stage touched until then, if it ran afar.
    """

    kind: str
    message: str
    traceback: str = ""
    hint: str | None = None
    exceptions: tuple[str, ...] = ()
    seen: Seen | None = field(default=None, compare=False)

    @property
    def raised(self) -> tuple[str, ...]:
        """As `exceptions`; also for what ended without one, the name that stands for it."""
        standing = {"timeout": ("builtins.TimeoutError",), "died": ("pivot.errors.WorkerError",)}
        return self.exceptions or standing.get(self.kind, ())


@dataclass(frozen=True, slots=True)
class StaleWorker:
    """The worker holds an older text of a module in the task; nothing was run. A fresh one must take the task."""

    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Success:
    """The stage ran and all its outputs lie in staging (or at their targets, for files it wrote itself).

    Attributes:
        seconds: the wall time of load, call and save.
        seen: what the stage touched.
    """

    outputs: dict[ProjectPath, OutputState]
    seconds: float
    seen: Seen = field(default_factory=Seen)


TaskResult = Success | Failure | StaleWorker


@dataclass(frozen=True, slots=True)
class TrialTask:
    """Evaluates a notebook module's text in a worker and gives back the values of some of its names.

    Attributes:
        names: module-level names whose values are wanted, each pickled on its own.
        timeout: seconds of computing after which the trial is given up.
    """

    module: ModuleText
    modules: tuple[ModuleText, ...]
    roots: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    names: tuple[str, ...]
    timeout: float

    @property
    def too_slow(self) -> Failure:
        """What a trial that was given up gives."""
        return Failure("import", f"{self.module.place} took longer than {self.timeout:g} s to evaluate")


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial gave: pickled values by name, why others have none, or why the text did not run at all."""

    values: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None
