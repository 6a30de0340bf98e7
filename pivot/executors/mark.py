"""Whether somebody has begun with a task: a file of its own, which whoever is first makes.

A cluster may give a task that it was handed to another worker when it has lost the first. Where a stage has begun,
nobody may begin with it again; where it only waited, somebody must, unless the driver took it back meanwhile.
"""

import os

from pivot.executors.carrier import cancelled, gone
from pivot.model.task import Failure


def began(mark: str) -> Failure | None:
    """Begin with a task; gives why it must not be, if it must not."""
    try:
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except FileExistsError:
        return cancelled() if os.path.islink(mark) else gone("it was tried once, and must not be twice")
    return None


def has_begun(mark: str) -> bool:
    """Whether somebody has begun with a task, or has taken it back."""
    return os.path.lexists(mark)


def take_back(mark: str) -> bool:
    """See to it that nobody begins with a task; ``False`` if somebody has."""
    try:
        os.symlink("taken-back", mark)
    except OSError:  # it is there; or there can be no links here, and so it is left alone
        return False
    return True
