"""The loader for values that a stage returns without naming a file: the format follows from the value itself.

    None ──► null    plain data ──► JSON    array ──► npy    DataFrame ──► Parquet    anything else ──► pickle

A format is taken only where it gives back exactly what was saved; the first bytes of a file tell which it is.
"""

import io
import json
import math
import os
import pickle
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

_NULL = b"null"
_ARRAY = b"\x93NUMPY"
_TABLE = b"PAR1"
_PICKLE = b"\x80"
_PROTOCOL = 5


@dataclass(frozen=True)
class Value:
    """Any value that JSON, NumPy, Parquet or cloudpickle can hold, whichever first gives it back as it was."""

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "pandas", "pyarrow")

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The value, of the type that it was saved with."""
        with open(path, "rb") as file:
            return self.decode(file.read())

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the value.

        Raises:
            Exception: it cannot be pickled, whatever its own code raises.
        """
        data = self.encode(value)
        with open(path, "wb") as file:
            file.write(data)

    def encode(self, value: Any) -> bytes:
        """The bytes of a file that holds the value; equal plain data give equal bytes.

        Raises:
            Exception: as of `save`.
        """
        data = _json(value)
        if data is None:
            data = _array(value)
        if data is None:
            data = _table(value)
        if data is not None:
            return data
        import cloudpickle  # type: ignore[import-untyped] # lazy: start-up time

        pickled: bytes = cloudpickle.dumps(value, protocol=_PROTOCOL)
        return pickled

    def decode(self, data: bytes) -> Any:
        """The value in the bytes of a file.

        Raises:
            Exception: an object in it cannot be made again: its class has changed, say.
        """
        if data.startswith(_PICKLE):
            return pickle.loads(data)
        if data.startswith(_ARRAY):
            import numpy as np  # lazy: start-up time

            return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        if data.startswith(_TABLE):
            import pandas as pd  # lazy: start-up time

            return pd.read_parquet(io.BytesIO(data), engine="pyarrow")
        if data.startswith(_NULL):  # behind it stands what the run rested on, see `null`
            return None
        return json.loads(data)


def null(token: str) -> bytes:
    """The bytes that hold ``None``, and beside it a text.

    What a stage that returns nothing has done, nobody can see: with the text it differs from run to run, so that
    what depends on it runs again.
    """
    return _NULL + b" " + token.encode() + b"\n"


def _json(value: Any) -> bytes | None:
    if not _is_plain(value):
        return None
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError):  # an int of thousands of digits, a list that holds itself
        return None
    return text.encode("ascii") + b"\n"


def _is_plain(value: Any) -> bool:
    """Whether JSON gives back just this: no tuple, no key that is no text, no NaN, no class of somebody's own."""
    waiting = [value]
    around: set[int] = (
        set()
    )  # containers that were met: what is in there twice is one object, which JSON parts
    while waiting:
        one = waiting.pop()
        kind = type(one)
        if one is None or kind in (bool, int, str):
            continue
        if kind is float:
            if not math.isfinite(one):
                return False
            continue
        if kind not in (list, dict) or id(one) in around:
            return False
        around.add(id(one))
        if kind is list:
            waiting += one
            continue
        if not all(type(key) is str for key in one):
            return False
        waiting += one.values()
    return True


def _array(value: Any) -> bytes | None:
    np = sys.modules.get("numpy")  # where nobody imported it, nothing is an array
    if np is None or type(value) is not np.ndarray or value.dtype.hasobject or value.dtype.metadata:
        return None
    stream = io.BytesIO()
    np.lib.format.write_array(stream, value, allow_pickle=False)
    return stream.getvalue()


def _table(value: Any) -> bytes | None:
    """A DataFrame as Parquet, if it comes back with the very types, index and names that it has."""
    pd = sys.modules.get("pandas")
    if pd is None or type(value) is not pd.DataFrame or value.attrs:
        return None
    stream = io.BytesIO()
    try:
        value.to_parquet(stream, engine="pyarrow")
        again = pd.read_parquet(io.BytesIO(stream.getvalue()), engine="pyarrow")
        pd.testing.assert_frame_equal(value, again, check_exact=True, check_freq=True, check_flags=True)
    except Exception:  # noqa: BLE001 - whatever Parquet cannot hold, a pickle can
        return None
    is_same = type(value.index) is type(again.index) and _objects_alike(value, again)
    return stream.getvalue() if is_same else None


def _objects_alike(one: Any, other: Any) -> bool:
    """Whether cells that hold Python objects hold objects of the same types: a list comes back as an array."""
    columns = [name for name, kind in zip(one.columns, one.dtypes, strict=True) if kind.kind == "O"]
    return all(
        list(map(type, one[name])) == list(map(type, other[name]))
        and one[name].tolist() == other[name].tolist()
        for name in columns
    )
