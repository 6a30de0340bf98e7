"""A module's text evaluated in a worker, for its values and its errors."""

import os
from collections.abc import Sequence

from pivot.executors.cores import stage_environment
from pivot.model.fingerprint import ModuleText
from pivot.model.task import TrialTask
from pivot.paths import ProjectPath, absolute


def trial_task(
    module: ModuleText,
    names: Sequence[str],
    timeout: float,
    *,
    root: str,
    folder: ProjectPath,
    roots: Sequence[ProjectPath],
) -> TrialTask:
    """What a worker needs to evaluate a module in the project at `root`, as of its `folder` and import `roots`."""
    return TrialTask(
        module=module,
        modules=(),
        roots=tuple(absolute(one, root) for one in roots),
        cwd=absolute(folder, root),
        environment=stage_environment(os.environ, 1),
        names=tuple(names),
        timeout=timeout,
    )
