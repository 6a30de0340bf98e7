"""Amounts of memory and spans of time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.config.quantities import memory_of, seconds_of, span_text

MEMORY = {
    "8GB": 8 * 1000**3,
    "8 gb": 8 * 1000**3,
    "500MiB": 500 * 1024**2,
    "1.5GiB": 3 * 1024**3 // 2,
    "64kB": 64_000,
    "512B": 512,
    2**30: 2**30,
    "8G": None,
    "GB": None,
    "-8GB": None,
    "8 GB of it": None,
    8: None,
    -(2**30): None,
    True: None,
    None: None,
    8e9: None,
}
SPANS = {
    "90s": 90,
    "10m": 600,
    "1h30m": 5400,
    "1h 30m": 5400,
    "500ms": 0.5,
    "1.5h": 5400,
    "2d": 172_800,
    30: 30,
    0.5: 0.5,
    0: 0,
    "": None,
    "10": None,
    "10 minutes": None,
    "m": None,
    "-1s": None,
    -1: None,
    float("nan"): None,
    float("inf"): None,
    None: None,
}


@pytest.mark.parametrize("given", MEMORY)
def test_memory_is_a_number_with_a_unit_of_bytes(given):
    assert memory_of(given) == MEMORY[given]


def test_true_is_neither_memory_nor_time():
    assert memory_of(True) is seconds_of(True) is None


@pytest.mark.parametrize("given", SPANS)
def test_a_time_is_a_number_of_seconds_or_has_units(given):
    assert seconds_of(given) == SPANS[given]


@given(st.integers(0, 10**9).map(lambda thousandths: thousandths / 1000))
def test_a_time_that_is_written_is_read_as_it_was(seconds):
    assert seconds_of(span_text(seconds)) == pytest.approx(seconds)
