"""What a driver and the workers of a cluster that it joins have in common, before anything runs there.

They share the project's folder, or else its remote, and have the same versions; or nothing runs.
"""

import contextlib
import glob
import io
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pivot.errors import PivotError, WorkerError
from pivot.executors.message import WAY_OUT, Expected
from pivot.executors.node import expectation
from pivot.remote.depot import Depot
from pivot.store import atomic


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found.

    Attributes:
        expected: what each worker has.
        depot: the remote by which files come and go; ``None``: all see the project's folder.
    """

    expected: Expected
    depot: Depot | None = None

    @property
    def marks(self) -> str:
        """With a number at its end, a task's mark; empty without a folder that all see."""
        return f"{self.expected.token}." if self.depot is None else ""

    def withdraw(self) -> None:
        """Take away all files that only served the exchange."""
        token = self.expected.token
        if self.depot is None:
            for path in glob.glob(f"{glob.escape(token)}*"):
                atomic.discard(path)
            return
        with contextlib.suppress(PivotError):
            backend = self.depot.backend
            for key in [key for key in backend.list("tmp/") if key.startswith(token)]:
                backend.discard(key)


def agree(
    title: str,
    verify: Callable[[Expected], tuple[str, ...]],
    libraries: Sequence[str],
    folder: str,
    depot: Callable[[], Depot] | None,
) -> Agreement:
    """Find out what workers have in common with this machine.

    Args:
        title: what errors call the cluster.
        verify: asks all workers what is wrong with them.
        libraries: that the stages use, by module name.
        folder: of the project, absolute, in which short-lived files may be made.
        depot: opens the project's remote, if it has one.

    Raises:
        PivotError: a worker would not give the results that this machine gives.
    """
    word = secrets.token_hex(16)
    found = Agreement(expectation(_written(folder, word), word, libraries))
    problems = verify(found.expected)
    if problems and depot is not None:
        found.withdraw()
        remote = depot()
        token = f"tmp/{secrets.token_hex(8)}"
        remote.backend.write(token, io.BytesIO(word.encode("ascii")))
        found = Agreement(replace(found.expected, token=token, remote=remote.address), remote)
        problems = verify(found.expected)
    if problems:
        found.withdraw()
        raise WorkerError(f"{title}: {'; '.join(problems)}", WAY_OUT)
    return found


def _written(folder: str, word: str) -> str:
    token = os.path.join(folder, f"cluster-{secrets.token_hex(8)}")
    os.makedirs(folder, exist_ok=True)
    with open(token, "w", encoding="ascii") as file:
        file.write(word)
    return token
