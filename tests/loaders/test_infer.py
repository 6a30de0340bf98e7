"""Which loader a path and a type ask for."""

import ast
import dataclasses
import pathlib
import subprocess
import sys
from typing import Any, Optional

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pivot import loaders
from pivot.errors import PivotError
from pivot.loaders import (
    CSV,
    JSON,
    JSONL,
    YAML,
    Bytes,
    Feather,
    MatplotlibFigure,
    NumPy,
    Parquet,
    PathOnly,
    Pickle,
    Text,
    infer_loader,
)


@pytest.mark.parametrize(
    ("path", "kind", "loader"),
    [
        ("a.csv", pd.DataFrame, CSV()),
        ("a.tsv", pd.DataFrame, CSV(sep="\t")),
        ("a.parquet", pd.DataFrame, Parquet()),
        ("a.PARQUET", pd.DataFrame, Parquet()),
        ("a.feather", pd.DataFrame, Feather()),
        ("a.pkl", pd.DataFrame, Pickle()),
        ("a.csv", pd.DataFrame | None, CSV()),
        ("a.json", dict, JSON()),
        ("a.jsonl", list[dict], JSONL()),
        ("a.ndjson", list, JSONL()),
        ("a.yaml", dict, YAML()),
        ("a.yml", dict[str, Any], YAML()),
        ("a.txt", str, Text()),
        ("a.md", str, Text()),
        ("a.log", str, Text()),
        ("a.bin", object, Bytes()),
        ("a.any", bytes, Bytes()),
        ("a", bytearray, Bytes()),
        ("a.png", bytes, Bytes()),
        ("a.pkl", object, Pickle()),
        ("a.pickle", object, Pickle()),
        ("a.npy", np.ndarray, NumPy()),
        ("a.npz", dict[str, np.ndarray], NumPy(empty_factory=dict)),
        ("a.json", np.ndarray, JSON()),
        ("a.csv", pathlib.Path, PathOnly()),
        ("a.csv", Optional[pathlib.Path], PathOnly()),  # noqa: UP045 - the old spelling
        ("a.anything", pathlib.Path, PathOnly()),
        ("a.png", Figure, MatplotlibFigure()),
        ("a.pdf", Figure, MatplotlibFigure()),
        ("a.svg", Figure | None, MatplotlibFigure()),
    ],
)
def test_a_loader_is_inferred_from_type_and_extension(path, kind, loader):
    assert infer_loader(path, kind) == loader


class Polars:
    DataFrame = type("DataFrame", (), {"__module__": "polars.dataframe.frame"})


@pytest.mark.parametrize(
    ("path", "kind", "message", "hint"),
    [
        ("a.xyz", dict, "no loader is known for 'a.xyz'", "loaders.Pickle()"),
        ("a", dict, "no loader is known for 'a'", "loaders.PathOnly()"),
        (".csv", dict, "no loader is known for '.csv'", "a loader of your own"),
        ("a.png", Any, "no loader is known for 'a.png'", "loaders.PathOnly()"),
        ("a.xyz", pd.DataFrame, "for a DataFrame in 'a.xyz'", "call the file .parquet, .feather, .csv"),
        ("a.json", pd.DataFrame, "for a DataFrame in 'a.json'", ".pkl"),
        ("a.jsonl", pd.DataFrame | None, "for a DataFrame in 'a.jsonl'", "loaders.Pickle()"),
        ("a.csv", Polars.DataFrame, "for a polars.DataFrame in 'a.csv'", "name a loader: loaders.Pickle()"),
        ("a.csv", np.ndarray, "for an array in 'a.csv'", "call the file .npy"),
        ("a.xyz", np.ndarray, "for an array in 'a.xyz'", "loaders.NumPy()"),
    ],
)
def test_where_nothing_can_be_inferred_the_ways_out_are_named(path, kind, message, hint):
    with pytest.raises(PivotError) as caught:
        infer_loader(path, kind)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_the_names_of_the_design_are_there():
    names = "CSV JSON JSONL YAML Text Bytes Pickle PathOnly Parquet Feather NumPy MatplotlibFigure"
    for name in names.split():
        loader = getattr(loaders, name)
        assert dataclasses.is_dataclass(loader)
        assert loader.__dataclass_params__.frozen
        assert loader() == loader()
    assert {"Reader", "Writer", "Loader", *names.split()} <= set(loaders.__all__)


def test_importing_loaders_imports_no_library():
    code = (
        "import sys, pivot.loaders as l; l.infer_loader('a.csv', dict); l.infer_loader('a.npy', object);"
        "print([n for n in ('numpy', 'pandas', 'pyarrow', 'matplotlib', 'yaml') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ast.literal_eval(found.stdout) == []
