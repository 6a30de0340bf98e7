"""Pivot: a notebook whose cells are a pipeline that knows what to run.

The public names. They are imported when first used, so that ``import pivot`` loads neither pandas nor pydantic.
"""

TYPE_CHECKING = False  # typing's own takes longer to import than all of this

if TYPE_CHECKING:
    from pivot import loaders as loaders
    from pivot import outputs as outputs
    from pivot import store as store
    from pivot.define.decorator import stage as stage
    from pivot.errors import PivotError as PivotError
    from pivot.outputs import Dep as Dep
    from pivot.outputs import DirectoryOut as DirectoryOut
    from pivot.outputs import IncrementalOut as IncrementalOut
    from pivot.outputs import Metric as Metric
    from pivot.outputs import Out as Out
    from pivot.outputs import Plot as Plot
    from pivot.pipeline import Pipeline as Pipeline
    from pivot.project import Project as Project
    from pivot.stage_def import StageParams as StageParams
    from pivot.worker.context import out_path as out_path
    from pivot.worker.progress import progress as progress
    from pivot.worker.runcontext import get_run_context as get_run_context
    from pivot.worker.runcontext import run_context as run_context

_HOMES = {
    "Dep": "pivot.outputs",
    "DirectoryOut": "pivot.outputs",
    "IncrementalOut": "pivot.outputs",
    "Metric": "pivot.outputs",
    "Out": "pivot.outputs",
    "Pipeline": "pivot.pipeline",
    "PivotError": "pivot.errors",
    "Plot": "pivot.outputs",
    "Project": "pivot.project",
    "StageParams": "pivot.stage_def",
    "get_run_context": "pivot.worker.runcontext",
    "out_path": "pivot.worker.context",
    "progress": "pivot.worker.progress",
    "run_context": "pivot.worker.runcontext",
    "stage": "pivot.define.decorator",
}
_MODULES = ("loaders", "outputs", "store")

__all__ = [  # noqa: PLE0604 - the tables above are the one list
    *_HOMES,
    *_MODULES,
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    from importlib import import_module  # lazy: start-up time

    if name in _MODULES:
        return import_module(f"pivot.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pivot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
