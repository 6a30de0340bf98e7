"""The text of a definition, and what changed in it."""

import textwrap
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.difference import diff_lines, imports_of, read_source, stands_in, statement_at, words_in

TEXT = textwrap.dedent('''\
    import os

    @register
    @wraps(
        os
    )
    def load(path):
        """Reads."""

        return path

    LIMITS = {
        "a": 1,
    }
    x = 1; y = 2

    class Scaler:
        def fit(self):
            return 1

    if os.name == "posix":
        def sep():
            return "/"
    elif os.name == "nt":
        def sep():
            return "\\\\"
    else:
        try:
            import sep
        except ImportError:
            sep = None
        finally:
            done = True
    for name in LIMITS:
        print(name)
''')

AT = {
    3: (3, 10),  # its decorators
    7: (3, 10),
    10: (3, 10),
    11: None,  # a blank line
    13: (12, 14),
    15: (15, 15),
    19: (17, 19),  # a method: the class
    21: (21, 21),  # the header of an if
    23: (22, 23),
    24: (24, 24),
    26: (25, 26),
    29: (29, 29),
    30: (28, 33),  # what a handler catches: the whole try
    31: (31, 31),
    33: (33, 33),
    35: (34, 35),
    99: None,
    0: None,
}


@pytest.mark.parametrize("line", AT)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_statement_at_a_line_is_the_one_a_reader_means(line, end):
    lines = TEXT.splitlines()
    wanted = AT[line]
    found = statement_at(read_source(TEXT.replace("\n", end)), line)
    assert found == (tuple(lines[wanted[0] - 1 : wanted[1]]) if wanted else ())


@pytest.mark.parametrize("line", [3, 12, 15, 17])
def test_a_text_that_is_no_python_is_cut_by_its_indentation(line):
    broken = read_source(TEXT + "\nprint 'two'\n")
    assert broken.body is None
    assert statement_at(broken, line) == statement_at(read_source(TEXT), line)


def test_what_differs_is_marked_and_has_two_lines_around_it():
    old = ["def f(x):", "    a = 1", "    b = 2", "    c = 3", "    d = 4"]
    new = [*old[:3], "    c = 5", *old[4:]]
    assert diff_lines(old, new) == ("     a = 1", "     b = 2", "-    c = 3", "+    c = 5", "     d = 4")


def test_equal_lines_between_two_places_are_left_out():
    old = [f"line {n}" for n in range(20)]
    found = diff_lines(old, ["first", *old[1:19], "last"])
    assert found == (
        *("-line 0", "+first", " line 1", " line 2"),
        "…",
        *(" line 17", " line 18", "-line 19", "+last"),
    )


@pytest.mark.parametrize(("count", "last"), [(30, "+29"), (31, "+30"), (32, "… 2 more lines"), (90, "… 60 more lines")])  # fmt: skip
def test_a_long_diff_ends_with_the_count_of_the_rest(count, last):
    assert diff_lines((), [str(n) for n in range(count)])[-1] == last


def test_a_definition_that_moved_under_an_if_is_not_all_new():
    assert diff_lines(["def f():", "    return 1"], ["    def f():", "        return 2"]) == (
        " def f():",
        "-    return 1",
        "+    return 2",
    )


lines = st.lists(st.sampled_from(["a", "b", "  c", "", "+", "-x", "…"]), max_size=8)


@settings(deadline=None)
@given(lines, lines)
def test_the_marked_lines_turn_the_old_into_the_new(old, new):
    old, new = ["def f():", *old], ["def f():", *new]
    found = diff_lines(old, new, longest=100)
    removed = Counter(line[1:] for line in found if line.startswith("-"))
    added = Counter(line[1:] for line in found if line.startswith("+"))
    assert Counter(old) - removed + added == Counter(new)
    assert bool(found) == (old != new)


def test_imports_are_those_that_bind_one_of_the_names():
    source = read_source(
        "import os.path, sys\nfrom a import (b as c,\n  d)\nfrom e import *\nif x:\n    import f\n"
    )
    assert imports_of(source, ["os"]) == ("import os.path, sys", "from e import *")
    assert imports_of(source, ["c", "f"]) == ("from a import b as c, d", "from e import *", "import f")
    assert imports_of(read_source("import ("), ["c"]) == ()


def test_lines_stand_in_a_text_as_whole_lines():
    assert stands_in(["def f():", "    pass"], read_source("x = 1\r\ndef f():\r\n    pass\r\n"))
    assert not stands_in(["def f():"], read_source("async def f():\n"))
    assert not stands_in(["a", "b"], read_source("a\n\nb"))


def test_words_are_all_that_may_be_names():
    assert words_in(["größe.mean(x1) + 2e5"]) == {"größe", "mean", "x1"}
