"""The cores that this process may use, and the environment that gives each stage its share of them."""

import os
from collections.abc import Mapping

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def stage_environment(environment: Mapping[str, str], jobs: int) -> dict[str, str]:
    """What a stage gets: the caller's environment, no window for plots, no more BLAS threads than its share.

    Args:
        jobs: how many stages run at once.
    """
    return {"MPLBACKEND": "Agg", **threads(environment, jobs), **environment, "PYTHONHASHSEED": "0"}


def threads(environment: Mapping[str, str], jobs: int) -> dict[str, str]:
    """How many threads BLAS may start in each of `jobs` processes, unless the environment says so."""
    share = str(max(1, cores() // jobs))
    return {name: environment.get(name, share) for name in _THREADS}
