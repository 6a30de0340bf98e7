"""A value ↔ a path: how the files that stages read and write become Python values and back.

Importing this package imports no pandas, NumPy, YAML or Matplotlib; each loader does so when it is used.
"""

from pivot.loaders.array import NumPy
from pivot.loaders.binary import Bytes, PathOnly, Pickle
from pivot.loaders.figure import MatplotlibFigure
from pivot.loaders.frame import CSV, Feather, Parquet
from pivot.loaders.infer import ByExtension, infer_loader, loader_by_type
from pivot.loaders.protocols import Loader, Reader, Writer
from pivot.loaders.text import JSON, JSONL, YAML, Text

__all__ = [
    "CSV",
    "JSON",
    "JSONL",
    "YAML",
    "ByExtension",
    "Bytes",
    "Feather",
    "Loader",
    "MatplotlibFigure",
    "NumPy",
    "Parquet",
    "PathOnly",
    "Pickle",
    "Reader",
    "Text",
    "Writer",
    "infer_loader",
    "loader_by_type",
]
