"""What every backend must do. A new one is added to ``KINDS`` in conftest.py, and passes all of this."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pivot.remote.backend import Backend, MissingKeyError

KEY = "files/ab/cdef0123456789abcdef0123456789"


def content(backend: Backend, key: str) -> bytes:
    pieces = []
    with backend.read(key) as source:
        while piece := source.read(1000):
            pieces.append(piece)
    return b"".join(pieces)


class Breaking:
    """Some bytes, and then an error."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int = -1, /) -> bytes:
        if not self._pieces:
            raise RuntimeError("the source broke")
        return self._pieces.pop(0)


class Trickling:
    """Bytes that come one by one."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._rest.read(1)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\r\n\0\xff", b"a" * 3_000_000], ids=["none", "one", "binary", "large"]
)
def test_what_was_written_is_read(backend: Backend, data: bytes) -> None:
    backend.write(KEY, io.BytesIO(data))
    assert content(backend, KEY) == data
    assert backend.sizes([KEY]) == {KEY: len(data)}


def test_a_new_remote_is_empty(backend: Backend) -> None:
    assert backend.sizes([KEY]) == {}
    assert list(backend.list("files/")) == []


def test_sizes_are_those_of_what_is_there(backend: Backend) -> None:
    backend.write("files/aa/1", io.BytesIO(b"1"))
    backend.write("files/aa/22", io.BytesIO(b"22"))
    assert backend.sizes(["files/aa/1", "files/bb/1", "files/aa/22", "files", "files/aa/1/2"]) == {
        "files/aa/1": 1,
        "files/aa/22": 2,
    }
    assert backend.sizes([]) == {}


def test_what_is_not_there_cannot_be_read(backend: Backend) -> None:
    with pytest.raises(MissingKeyError), backend.read(KEY):
        pass


def test_a_later_write_wins(backend: Backend) -> None:
    backend.write(KEY, io.BytesIO(b"longer at first"))
    backend.write(KEY, io.BytesIO(b"then"))
    assert content(backend, KEY) == b"then"


@pytest.mark.parametrize("before", [None, b"good"])
def test_a_source_that_breaks_changes_nothing(backend: Backend, before: bytes | None) -> None:
    if before is not None:
        backend.write(KEY, io.BytesIO(before))
    with pytest.raises(RuntimeError, match="the source broke"):
        backend.write(KEY, Breaking(b"half", b"of it"))
    assert backend.sizes([KEY]) == ({} if before is None else {KEY: len(before)})
    assert list(backend.list("files/")) == ([] if before is None else [KEY])


def test_a_source_may_give_its_bytes_in_any_pieces(backend: Backend) -> None:
    backend.write(KEY, Trickling(b"drop by drop"))
    assert content(backend, KEY) == b"drop by drop"


def test_a_prefix_lists_what_is_under_it_only(backend: Backend) -> None:
    keys = ["runs/ab/c/1.json", "runs/ab/c/2.json", "runs/ab/cd/3.json", "runs/abc/4.json", "format.json"]
    for key in keys:
        backend.write(key, io.BytesIO(b"{}"))
    assert sorted(backend.list("runs/ab/c/")) == keys[:2]
    assert sorted(backend.list("runs/")) == keys[:4]
    assert list(backend.list("nothing/")) == []


def test_many_may_write_and_read_at_once(backend: Backend) -> None:
    keys = [f"files/{n % 7:02d}/{n}" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: backend.write(key, io.BytesIO(key.encode() * 100)), keys))
        found = list(pool.map(lambda key: content(backend, key), keys))
    assert found == [key.encode() * 100 for key in keys]


def test_the_same_key_written_by_many_is_that_of_one_of_them(backend: Backend) -> None:
    values = [bytes([n]) * 100_000 for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda value: backend.write(KEY, io.BytesIO(value)), values))
    assert content(backend, KEY) in values


def test_opening_again_loses_nothing(backend: Backend) -> None:
    backend.write(KEY, io.BytesIO(b"kept"))
    backend.open(create=True)
    backend.open(create=False)
    assert content(backend, KEY) == b"kept"


NAMES = st.text("abcdef0123456789", min_size=1, max_size=3)
STEPS = st.lists(
    st.tuples(st.lists(NAMES, min_size=2, max_size=3).map("k/".join), st.binary(max_size=50)), max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, folder=NAMES)
def test_it_is_a_table_of_bytes(backend: Backend, steps: list[tuple[str, bytes]], folder: str) -> None:
    before = {key: content(backend, key) for key in backend.list("t/")}
    model = dict(before)
    for key, data in steps:
        # a key is never a folder of other keys: those end with x
        model[f"t/{folder}/{key}x"] = data
        backend.write(f"t/{folder}/{key}x", io.BytesIO(data))
    assert {key: content(backend, key) for key in backend.list("t/")} == model


def test_what_is_discarded_is_gone_and_may_be_discarded_again(backend: Backend) -> None:
    backend.write("a/one", io.BytesIO(b"1"))
    backend.write("a/two", io.BytesIO(b"2"))
    for _ in range(2):
        backend.discard("a/one")
        assert list(backend.list("a/")) == ["a/two"]
