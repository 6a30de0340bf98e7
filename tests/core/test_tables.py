import datetime as dt
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.core.compare import ABSENT
from pivot.core.label import cells
from pivot.core.tables import (
    Column,
    change_text,
    number_text,
    plain_value,
    table_markdown,
    table_text,
    value_text,
)


@pytest.mark.parametrize(
    ("value", "precision", "text"),
    [
        (3, 5, "3"),
        (10**20, 5, "1" + "0" * 20),
        (0.91, 5, "0.91"),
        (0.123456789, 5, "0.12346"),
        (0.000012345678, 3, "1.23e-05"),
        (1234.56789, 2, "1234.57"),
        (1200.0, 5, "1200"),
        (0.0, 5, "0"),
        (-2.50, 5, "-2.5"),
        (2.5, 0, "2"),
        (0.26, 0, "0.3"),
        (1e300, 3, "1e+300"),
        (math.nan, 5, "NaN"),
        (-math.inf, 5, "-Infinity"),
    ],
)
def test_a_number_is_written_in_few_digits(value, precision, text):
    assert number_text(value, precision) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ABSENT, ""),
        (None, "null"),
        (True, "true"),
        ("two\nlines", "two lines"),
        ("", '""'),
        (" padded", '" padded"'),
        ([], "[]"),
        (dt.date(2026, 1, 2), '"2026-01-02"'),
    ],
)
def test_a_value_is_written_in_one_line(value, text):
    assert value_text(value) == text


def test_a_change_has_a_sign():
    assert [change_text(c) for c in (0.02, -3, 1e-9, None)] == ["+0.02", "-3", "+1e-09", ""]


COLUMNS = [
    Column("file", ["eval.json", "deep/folder/other.json"]),
    Column("metric", ["", ""], optional=True),
    Column("value", ["0.91", "12"], right=True),
]


def test_numbers_stand_at_the_right_and_optional_columns_are_left_out_if_empty():
    assert table_text(COLUMNS).splitlines() == [
        "file                    value",
        "eval.json                0.91",
        "deep/folder/other.json     12",
    ]


def test_text_gives_way_to_numbers_on_a_narrow_terminal():
    lines = table_text(COLUMNS, 20).splitlines()
    assert all(cells(line) <= 20 for line in lines)
    assert [line.split()[-1] for line in lines] == ["value", "0.91", "12"]
    assert "…" in lines[2]


@given(
    st.lists(st.lists(st.text("ab漢 |", max_size=60), min_size=2, max_size=2), min_size=1, max_size=4),
    st.integers(20, 120),
)
def test_a_table_fits_any_terminal_that_is_wide_enough_for_its_columns(texts, width):
    columns = [
        Column("title", list(map(str.strip, column)), right=bool(i % 2)) for i, column in enumerate(texts)
    ]
    room = max(width, 10 * len(columns))
    assert all(cells(line) <= room for line in table_text(columns, room).splitlines())


def test_what_is_to_be_copied_is_never_cut():
    run, text = "20260102-030405", "many words " * 9
    lines = table_text([Column("run", [run], whole=True), Column("text", [text])], width=40).splitlines()
    assert lines[1].startswith(f"{run}  many")
    assert len(lines[1]) <= 40


def test_markdown_is_escaped_and_aligned():
    columns = [Column("file", ["a|b_c.json"]), Column("value", ["1"], right=True)]
    assert table_markdown(columns).splitlines() == [
        "| file | value |",
        "| --- | ---: |",
        "| a\\|b\\_c.json | 1 |",
    ]


def test_what_json_has_not_is_text_in_it():
    value = {"a": [math.nan, math.inf, 1.5, True, None], 3: dt.date(2026, 1, 2)}
    text = json.dumps(plain_value(value), allow_nan=False)
    assert json.loads(text) == {"a": ["NaN", "Infinity", 1.5, True, None], "3": "2026-01-02"}
