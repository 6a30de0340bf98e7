"""A value ↔ a path: how the files that stages read and write become Python values and back.

Importing this package imports no pandas, YAML or Matplotlib; each loader does so when it is used.
"""

from pivot.loaders.binary import PathOnly, Pickle
from pivot.loaders.figure import MatplotlibFigure
from pivot.loaders.frame import CSV, Parquet
from pivot.loaders.infer import infer_loader
from pivot.loaders.protocols import Loader, Reader, Writer
from pivot.loaders.text import JSON, YAML, Text

__all__ = [
    "CSV",
    "JSON",
    "YAML",
    "Loader",
    "MatplotlibFigure",
    "Parquet",
    "PathOnly",
    "Pickle",
    "Reader",
    "Text",
    "Writer",
    "infer_loader",
]
