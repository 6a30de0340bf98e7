"""What the driver, the process that is a cluster's client, and the cluster's workers say to one another.

    driver ──Begin, Prepare, Carry, Stop, Verify──→ client ──Order──→ worker of the cluster
    driver ←──Ready, Refused, Carried, Verified── client ←──bytes── worker of the cluster

Stages cross it as bytes, so that nobody on the way needs their classes. Pickled; both ends are of one Pivot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pivot.model.digest import Digest
from pivot.model.executor import ExecutorSpec
from pivot.model.task import TaskResult

Amounts = Mapping[str, float]
"""What a stage takes, or a worker has: ``cpus``, ``gpus``, ``memory`` (bytes) and any label."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a worker of a cluster must have in common with the driver, or its results would be others.

    Attributes:
        token: absolute path of a file in the project that the driver has just written.
        word: what is in it.
        pivot, python: versions.
        libraries: modules that stages import, each with the distributions that it comes from and their versions.
        remote: the address of the remote by which files come and go, and `token` is a key there; empty: the worker
            sees the project's folder.
    """

    token: str
    word: str
    pivot: str
    python: str
    libraries: tuple[tuple[str, str], ...]
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Freight:
    """A file that goes to another machine or comes from there.

    Attributes:
        path: where it is at home, absolute.
        data: its bytes, where they are few; else they go by the remote.
        executable: whether its owner may execute it.
        own: whether the stage may write to it.
    """

    path: str
    digest: Digest
    data: bytes | None = None
    executable: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class Supplies:
    """What a worker needs of a project that it does not see, for one task.

    Attributes:
        root: of the project at home, absolute.
        folders: absolute paths at home of folders that are there.
    """

    root: str
    files: tuple[Freight, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of a task on such a worker, in the paths of home.

    Attributes:
        log: what the stage wrote to stdout and stderr; the object that holds it, if it is long.
        files: its outputs, where the worker would have left them.
        folders: outputs that are folders, likewise.
        objects: of the object store.
    """

    result: TaskResult
    log: bytes | Digest = b""
    files: tuple[Freight, ...] = ()
    folders: tuple[str, ...] = ()
    objects: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A task as it goes to a worker of a cluster.

    Attributes:
        session: of one driver on one cluster; what a worker keeps warm is kept for it alone.
        number: of the task in the session.
        task: a pickled `pivot.model.task.Task`.
        mark: see `pivot.executors.mark`; empty where worker and driver have no folder in common.
        preload: libraries that its stages use, by module name.
        expected: ``None`` where the worker is on the driver's own machine.
        supplies: ``None``: the worker sees the project's folder.
        texts: absolute path of a file with the pickled ``modules`` of the task, which has none; empty: it has them.
    """

    session: str
    number: int
    task: bytes
    mark: str
    preload: tuple[str, ...]
    expected: Expected | None
    supplies: Supplies | None = None
    texts: str = ""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first word of a driver: which cluster, and under what name.

    Attributes:
        cores: of its machine.
        folder: absolute, for what the cluster writes; whoever is left takes it away.
    """

    spec: ExecutorSpec
    session: str
    cores: int
    folder: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The cluster is there.

    Attributes:
        slots: how many stages it runs at once now.
        has: what each of its workers (Dask) or machines (Ray) has, as far as it says so.
    """

    slots: int
    has: tuple[Amounts, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no cluster to be had."""

    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class Prepare:
    """Tasks will come: workers may begin to load what they need. `preload` is that of the orders."""

    preload: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Carry:
    """A task to be run. `title` is what the cluster's own displays show, `mark` that of the order."""

    number: int
    title: str
    takes: Amounts
    mark: str
    order: bytes


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of a task: a pickled `pivot.model.task.TaskResult`, or `Delivered` of one with supplies."""

    number: int
    result: bytes


@dataclass(frozen=True, slots=True)
class Stop:
    """A task is to end; at once, if `hard`. It is still answered with `Carried`."""

    number: int
    hard: bool


@dataclass(frozen=True, slots=True)
class Verify:
    """All workers are to be compared with what is expected."""

    expected: Expected


@dataclass(frozen=True, slots=True)
class Verified:
    """What is wrong with workers, one phrase for each; none if all are as expected."""

    problems: tuple[str, ...]


WAY_OUT = (
    "results must not depend on where a stage runs: install the same versions on every worker, and mount the project "
    "at the same path there, or name a remote that all of them reach (pivot remote add NAME FOLDER --default); else "
    "run with --executor local"
)
"""What to do about workers that are not as the driver's machine is."""

ToClient = Begin | Prepare | Carry | Stop | Verify
ToDriver = Ready | Refused | Carried | Verified
