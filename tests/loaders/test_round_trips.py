"""Every loader, with values that it keeps: they come back, and equal values give equal bytes."""

import contextlib
import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.errors import PivotError
from pivot.loaders import (
    CSV,
    JSON,
    JSONL,
    YAML,
    ByExtension,
    Bytes,
    Feather,
    NumPy,
    Parquet,
    Pickle,
    Text,
)

TABLE = {"n": [1, 2], "x": [0.1, 1e-300], "word": ["a,b", "é\n"]}


def table():
    return pd.DataFrame(TABLE)


# loader, name of the file, a function that makes the value anew each time
ROUND_TRIPS = {
    "csv": (CSV(), "f.csv", table),
    "tsv": (CSV(sep="\t"), "f.tsv", table),
    "csv with an index": (CSV(index_col="n"), "f.csv", lambda: table().set_index("n")),
    "parquet": (Parquet(), "f.parquet", lambda: table().set_index("word")),
    "parquet, zstd": (Parquet(compression="zstd"), "f.parquet", table),
    "feather": (Feather(), "f.feather", table),
    "feather, plain": (Feather(compression=None), "f.feather", table),
    "json": (JSON(), "f.json", lambda: {"a": [1, 2.5, None, True], "b": {"c": "é"}}),
    "json in a line": (JSON(indent=None), "f.json", lambda: [1, "x"]),
    "json, lone surrogate": (JSON(), "f.json", lambda: {"a": "\ud800"}),
    "jsonl": (JSONL(), "f.jsonl", lambda: [{"a": 1}, [2.5], None, "x\ny\u2028z\r", {}]),
    "jsonl, lone surrogate": (JSONL(), "f.jsonl", lambda: ["\ud800", "é"]),
    "jsonl of nothing": (JSONL(), "f.jsonl", list),
    "yaml": (YAML(), "f.yaml", lambda: {"a": dt.date(2024, 1, 31), "b": ["NO", 1.5, None]}),
    "text": (Text(), "f.txt", lambda: "a\r\nb\n\u2028"),
    "bytes": (Bytes(), "f.bin", lambda: bytes(range(256))),
    "pickle": (Pickle(), "f.pkl", lambda: {"a": (1, {2}), 3: b"x"}),
    "npy": (NumPy(), "f.npy", lambda: np.array([[1.5, np.inf], [-0.0, 3]])),
    "npy of text": (NumPy(), "f.npy", lambda: np.array(["a", "bc"])),
    "npy of dates": (NumPy(), "f.npy", lambda: np.array(["2024-01-31"], dtype="datetime64[D]")),
    "npy of one number": (NumPy(), "f.npy", lambda: np.array(3)),
    "npz": (NumPy(), "f.npz", lambda: {"file": np.arange(3), "arr_0": np.zeros((2, 0)), "a b": np.array(1)}),
    "npz, compressed": (NumPy(compressed=True), "f.npz", lambda: {"a": np.zeros(1000)}),
    "npz of nothing": (NumPy(), "f.npz", dict),
    "by extension, table": (ByExtension(), "f.csv", table),
    "by extension, numbers": (ByExtension(), "f.npy", lambda: np.arange(3)),
    "by extension, words": (ByExtension(), "f.yml", lambda: {"a": 1}),
}


def equal(one, other):
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, dict) and any(isinstance(value, np.ndarray) for value in one.values()):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("case", ROUND_TRIPS)
def test_a_value_comes_back_and_is_written_in_equal_bytes(tmp_path, case):
    loader, name, make = ROUND_TRIPS[case]
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        loader.save(make(), str(tmp_path / folder / name))
    one, two = tmp_path / "one" / name, tmp_path / "two" / name
    assert one.read_bytes() == two.read_bytes()
    assert equal(make(), loader.load(one))
    loader.save(loader.load(one), two)
    assert one.read_bytes() == two.read_bytes()


PROCESS = """
import sys
import numpy as np
import pandas as pd
from pivot.loaders import Feather, JSONL, NumPy, Parquet
folder = sys.argv[1]
frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
Parquet().save(frame, folder + "/f.parquet")
Feather().save(frame, folder + "/f.feather")
NumPy(compressed=True).save({"a": np.arange(9), "b": np.zeros(3)}, folder + "/f.npz")
NumPy().save(np.asfortranarray(np.arange(6).reshape(2, 3)), folder + "/f.npy")
JSONL().save([{"a": np.float32(0.5)}, np.arange(2)], folder + "/f.jsonl")
"""


def test_other_processes_write_equal_bytes(tmp_path):
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        subprocess.run(
            [sys.executable, "-c", PROCESS, str(tmp_path / number)],
            check=True,
            env={
                "PYTHONHASHSEED": number,
                "PATH": "",
                "HOME": str(tmp_path),
                "PYTHONPATH": ":".join(sys.path),
            },
        )
    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / number).iterdir()} for number in ("1", "2")
    )
    assert first == second
    assert len(first) == 5


EMPTY = [
    (CSV(), "f.csv", pd.DataFrame()),
    (Parquet(), "f.parquet", pd.DataFrame()),
    (Feather(), "f.feather", pd.DataFrame()),
    (JSON(), "f.json", {}),
    (JSON(empty_factory=list), "f.json", []),
    (JSONL(), "f.jsonl", []),
    (YAML(), "f.yaml", {}),
    (YAML(empty_factory=list), "f.yaml", []),
    (Text(), "f.txt", ""),
    (Bytes(), "f.bin", b""),
    (Pickle(), "f.pkl", None),
    (NumPy(), "f.npy", np.zeros(0)),
    (NumPy(empty_factory=dict), "f.npz", {}),
]


@pytest.mark.parametrize(("loader", "name", "value"), EMPTY, ids=[f"{row[0]}" for row in EMPTY])
def test_each_loader_knows_what_to_begin_with_and_can_write_it(tmp_path, loader, name, value):
    assert equal(loader.empty(), value)
    loader.save(loader.empty(), tmp_path / name)
    assert equal(loader.load(tmp_path / name), value)


def test_what_a_loader_begins_with_is_a_new_value_each_time():
    assert JSON().empty() is not JSON().empty()


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: [value])
)
def test_jsonl_gives_back_what_it_saved(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    JSONL().save(values, path)
    assert JSONL().load(path) == values
    assert len(path.read_bytes().split(b"\n")) == len(values) + 1


def test_jsonl_writes_numpy_values_and_iterators_as_lines(tmp_path):
    path = tmp_path / "f.jsonl"
    JSONL().save(iter([{"a": np.float64(0.5)}, np.bool_(True), np.arange(2)]), path)
    assert path.read_text() == '{"a": 0.5}\ntrue\n[0, 1]\n'
    JSONL().save(np.arange(2), path)
    assert path.read_text() == "0\n1\n"


def test_jsonl_skips_empty_lines_and_names_a_broken_one(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_text('1\n\n  \n{"a": 2}')
    assert JSONL().load(path) == [1, {"a": 2}]
    path.write_text("1\n\n{broken}\n")
    with pytest.raises(ValueError, match=r"line 3, column 2: Expecting property name"):
        JSONL().load(path)


def test_an_array_is_written_in_one_order_whatever_its_layout(tmp_path):
    array = np.arange(6).reshape(2, 3)
    for name, value in (("c", array), ("f", np.asfortranarray(array)), ("t", array.T.copy().T)):
        NumPy().save(value, tmp_path / f"{name}.npy")
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


def test_numpy_never_unpickles(tmp_path):
    np.save(tmp_path / "f.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        NumPy().load(tmp_path / "f.npy")


def test_feather_never_loses_an_index(tmp_path):
    indexed = table().set_index("n")
    with contextlib.suppress(ValueError):  # before pandas 3
        Feather().save(indexed, tmp_path / "f.feather")
        pd.testing.assert_frame_equal(Feather().load(tmp_path / "f.feather"), indexed)


def test_by_extension_says_what_it_cannot_do(tmp_path):
    with pytest.raises(PivotError, match=r"no loader is known for '.*f\.xyz'"):
        ByExtension().save({}, tmp_path / "f.xyz")
    with pytest.raises(PivotError, match="no loader is known for a DataFrame in"):
        ByExtension().save(table(), tmp_path / "f.json")
    with pytest.raises(TypeError, match=r"a path is no content for f\.txt"):
        ByExtension().save(tmp_path, tmp_path / "f.txt")
    assert not list(tmp_path.iterdir())
