import datetime as dt
import math
import pathlib
import pickle
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.loaders import (
    CSV,
    JSON,
    JSONL,
    YAML,
    Bytes,
    Feather,
    Loader,
    MatplotlibFigure,
    NumPy,
    Parquet,
    PathOnly,
    Pickle,
    Reader,
    Text,
    Writer,
)

FULL = [CSV(), JSON(), JSONL(), YAML(), Text(), Bytes(), Pickle(), Parquet(), Feather(), NumPy()]

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
# what YAML's character set leaves out (control characters, lone surrogates) is escaped by the writer or refused
YAML_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
YAML_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | YAML_TEXT | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(YAML_TEXT, inner, max_size=4),
    max_leaves=12,
)


def round_trip(loader, value, folder, name="file"):
    path = folder / name
    loader.save(value, path)
    return loader.load(str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@settings(deadline=None)
@given(value=PLAIN)
def test_json_gives_back_what_it_saved(folder, value):
    assert round_trip(JSON(), value, folder) == value


@settings(deadline=None)
@given(value=YAML_PLAIN)
def test_yaml_gives_back_what_it_saved(folder, value):
    assert round_trip(YAML(), value, folder) == value


@settings(deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_text_gives_back_what_it_saved(folder, value):
    assert round_trip(Text(), value, folder) == value


@settings(deadline=None)
@given(value=PLAIN)
def test_pickle_gives_back_what_it_saved(folder, value):
    assert round_trip(Pickle(), value, folder) == value


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_csv_gives_back_floats_exactly(folder, numbers):
    table = pd.DataFrame({"x": numbers})
    assert [float(x) for x in round_trip(CSV(), table, folder)["x"]] == numbers


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_csv_honours_its_separator_when_it_saves(tmp_path, sep):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", f"y{sep}z"]})
    pd.testing.assert_frame_equal(round_trip(CSV(sep=sep), table, tmp_path), table)
    assert (tmp_path / "file").read_bytes().startswith(f"a{sep}b\n1{sep}x\n".encode())


def test_csv_writes_the_index_only_where_it_is_read(tmp_path):
    table = pd.DataFrame({"v": [1.5, 2.5]}, index=pd.Index(["p", "q"], name="key"))
    pd.testing.assert_frame_equal(round_trip(CSV(index_col="key"), table, tmp_path), table)
    assert list(round_trip(CSV(), table, tmp_path).columns) == ["v"]
    double = pd.DataFrame({"a": [1], "b": [2], "v": [3]}).set_index(["a", "b"])
    pd.testing.assert_frame_equal(round_trip(CSV(index_col=("a", "b")), double, tmp_path), double)


def test_csv_takes_types_for_columns(tmp_path):
    (tmp_path / "f.csv").write_text("a,b\n01,2\n")
    assert list(CSV(dtype={"a": str}).load(tmp_path / "f.csv")["a"]) == ["01"]


@pytest.mark.parametrize("loader", [CSV(), Parquet()])
def test_an_empty_table_survives(tmp_path, loader):
    assert round_trip(loader, loader.empty(), tmp_path).empty


def test_parquet_keeps_types_and_index(tmp_path):
    table = pd.DataFrame(
        {"day": pd.to_datetime(["2024-01-31"]), "kind": pd.Categorical(["a"])}, index=pd.Index([7], name="id")
    )
    pd.testing.assert_frame_equal(round_trip(Parquet(), table, tmp_path, "f.parquet"), table)


NUMPY = {
    "scalars": ({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}, {"a": 0.5, "b": 3, "c": True}),
    "arrays": ({"a": np.arange(4).reshape(2, 2)}, {"a": [[0, 1], [2, 3]]}),
    "text": ([np.str_("x")], ["x"]),
    "tuples": (((1, (np.float64(2),)),), [[1, [2.0]]]),
}


@pytest.mark.parametrize("loader", [JSON(), YAML()])
@pytest.mark.parametrize("case", NUMPY)
def test_numpy_values_are_written_as_plain_ones(tmp_path, loader, case):
    value, expected = NUMPY[case]
    assert round_trip(loader, value, tmp_path) == expected


def test_numpy_keys_are_plain_keys(tmp_path):
    assert round_trip(YAML(), {np.int64(3): 1}, tmp_path) == {3: 1}
    assert round_trip(JSON(), {np.int64(3): 1}, tmp_path) == {"3": 1}


def test_json_keeps_order_and_ends_with_a_newline(tmp_path):
    JSON().save({"b": 1, "a": "é"}, tmp_path / "f.json")
    assert (tmp_path / "f.json").read_bytes() == '{\n  "b": 1,\n  "a": "é"\n}\n'.encode()
    JSON(indent=None).save([1, 2], tmp_path / "f.json")
    assert (tmp_path / "f.json").read_text() == "[1, 2]\n"


def test_json_takes_numbers_that_json_has_not(tmp_path):
    assert math.isnan(round_trip(JSON(), float("nan"), tmp_path))


def test_yaml_reads_words_as_words_and_dates_as_dates(tmp_path):
    file = tmp_path / "f.yaml"
    file.write_text(
        "country: NO\nswitch: on\nrate: 1e-3\nzip: 010\nday: 2024-01-31\nat: 2024-01-31T10:00:00Z\n"
    )
    assert YAML().load(file) == {
        "country": "NO",
        "switch": "on",
        "rate": 0.001,
        "zip": 10,
        "day": dt.date(2024, 1, 31),
        "at": dt.datetime(2024, 1, 31, 10, tzinfo=dt.UTC),
    }


def test_yaml_quotes_words_that_other_readers_take_for_something_else(tmp_path):
    YAML().save({"a": "NO", "b": "on", "c": "1e-3", "d": "12:30", "e": "~"}, tmp_path / "f.yaml")
    assert (tmp_path / "f.yaml").read_text() == "a: 'NO'\nb: 'on'\nc: '1e-3'\nd: '12:30'\ne: '~'\n"


def test_yaml_writes_equal_parts_twice_instead_of_aliases(tmp_path):
    part = [1]
    YAML().save({"a": part, "b": part}, tmp_path / "f.yaml")
    assert (tmp_path / "f.yaml").read_text() == "a:\n- 1\nb:\n- 1\n"


REFUSED = [
    (JSON(), {"a": {1}}),
    (JSON(), object()),
    (JSONL(), {"a": 1}),
    (JSONL(), "text"),
    (JSONL(), {1, 2}),
    (JSONL(), [1, object()]),
    (YAML(), {"a": {1: object()}}),
    (Text(), 3),
    (CSV(), [1]),
    (Parquet(), [1]),
    (Feather(), [1]),
    (Bytes(), "text"),
    (NumPy(), [1]),
    (NumPy(), {"a": np.zeros(1)}),
    (NumPy(), np.array([object()])),
    (NumPy(), np.ma.masked_array([1], [True])),
    (MatplotlibFigure(), "no figure"),
]


@pytest.mark.parametrize(("loader", "value"), REFUSED)
def test_a_value_that_cannot_be_saved_is_refused_and_leaves_no_file(tmp_path, loader, value):
    with pytest.raises(TypeError):
        loader.save(value, tmp_path / "f.png")
    assert not list(tmp_path.iterdir())


def test_path_only_gives_the_path_and_checks_that_the_file_is_there(tmp_path):
    path = tmp_path / "f.bin"
    assert PathOnly().load(str(path)) == pathlib.Path(path)
    with pytest.raises(FileNotFoundError, match=r"did not write .*f\.bin"):
        PathOnly().save(path, path)
    path.write_bytes(b"x")
    PathOnly().save(path, path)
    assert path.read_bytes() == b"x"


FIGURE = """
import sys
from matplotlib.figure import Figure
from pivot.loaders import MatplotlibFigure
figure = Figure()
axes = figure.subplots()
axes.plot([1, 2, 4], label="growth")
axes.set_title("Title")
axes.legend()
MatplotlibFigure().save(figure, sys.argv[1])
"""


@pytest.mark.parametrize(("extension", "mark"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<svg ")])
def test_equal_figures_give_equal_bytes_in_every_process(tmp_path, extension, mark):
    for number in (1, 2):
        command = [sys.executable, "-c", FIGURE, str(tmp_path / f"{number}.{extension}")]
        subprocess.run(
            command, check=True, env={"PYTHONHASHSEED": str(number), "PATH": "", "HOME": str(tmp_path)}
        )
    first, second = (file.read_bytes() for file in sorted(tmp_path.glob(f"*.{extension}")))
    assert first == second
    assert mark in first[:1000]


@pytest.mark.parametrize("name", ["f.png", "f.nonsense"])
def test_a_figure_is_closed_whether_saving_works_or_not(tmp_path, name):
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure()
    try:
        MatplotlibFigure().save(figure, tmp_path / name)
    except ValueError:
        assert name == "f.nonsense"
    assert not plt.fignum_exists(figure.number)


@pytest.mark.parametrize("loader", FULL)
def test_a_full_loader_reads_writes_and_has_an_empty_value(loader):
    assert isinstance(loader, Loader)
    assert isinstance(loader, Reader)
    assert isinstance(loader, Writer)
    assert type(loader).version == 1
    assert pickle.loads(pickle.dumps(loader)) == loader


def test_a_half_loader_is_only_what_it_can_do():
    assert not isinstance(MatplotlibFigure(), Reader)
    assert isinstance(MatplotlibFigure(), Writer)
    assert not isinstance(PathOnly(), Loader)
