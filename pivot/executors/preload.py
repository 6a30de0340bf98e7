"""Imported by the fork server, for its effect: every worker forked from it starts with these modules loaded.

The libraries are named in the environment variable ``PIVOT_PRELOAD``. Only what is installed with the
interpreter is loaded, never a project's code, which each worker compiles from the text that its task names.
What cannot be imported is left out: the stage that needs it will say so.
"""

import atexit
import contextlib
import ctypes  # noqa: F401 - loaded for the workers
import gc
import importlib
import importlib.machinery
import mmap  # noqa: F401 - loaded for the workers
import os
import signal
import sys
import warnings

import yaml  # noqa: F401 - loaded for the workers that read a pivot.yaml

import pivot.config.validation  # loaded for the workers, like the next; with it pydantic
import pivot.executors.processes
import pivot.worker.definitions
import pivot.worker.main  # noqa: F401 - loaded for the workers
from pivot.worker.installed import library_folders

UNFIT = frozenset(
    {
        "dask",
        "distributed",
        "grpc",
        "jax",
        "jaxlib",
        "polars",
        "pyspark",
        "ray",
        "tensorflow",
        "torch_xla",
        "zmq",
    }
)
"""Libraries that start threads when imported, or whose locks do not survive a fork."""


def preload(names: list[str]) -> None:
    """Import what is fit to be forked and installed; warnings and failures are the stages' business."""
    own = library_folders()
    path, sys.path[:] = sys.path[:], own
    gc.disable()  # what libraries make while they are imported stays: to look it through takes a tenth of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                top = name.partition(".")[0]
                if top not in UNFIT and importlib.machinery.PathFinder.find_spec(top, own) is not None:
                    with contextlib.suppress(Exception):
                        importlib.import_module(name)
            if "numpy" in sys.modules:
                importlib.import_module("numpy.random")  # else the first stage that is seeded pays for it
    finally:
        sys.path[:] = path
        gc.freeze()  # nor do the workers look it through, each in a copy of its own
        gc.enable()


def end_workers(server: int) -> None:
    """Kill the workers that are left, and the programs that their stages started: the driver is gone.

    They do so themselves, unless a stage is in code of C's that lets no other thread of Python run.

    Args:
        server: the process that this is the business of; those forked from it come by here, too.
    """
    if os.getpid() != server:
        return
    with contextlib.suppress(OSError), open(f"/proc/self/task/{server}/children", encoding="ascii") as file:
        for worker in map(int, file.read().split()):
            for kill in (os.killpg, os.kill):  # one that was just forked leads no group yet
                with contextlib.suppress(OSError):
                    kill(worker, signal.SIGKILL)


with contextlib.suppress(OSError):
    os.setsid()  # away from the terminal's process group: Ctrl-C is for the driver alone
preload(os.environ.pop("PIVOT_PRELOAD", "").split())
atexit.register(end_workers, os.getpid())
