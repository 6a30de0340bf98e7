"""How an exception is told to the stage's author."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.worker.failures import failure_of

TEXT = "def run(error):\n    raise error\n"
MODULE = ModuleText("stages", "/nowhere/stages.py", "sub/stages.py", TEXT, digest_text(TEXT))


def raised(error):
    names = {}
    exec(compile(TEXT, MODULE.filename, "exec"), names)
    with pytest.raises(BaseException) as caught:
        names["run"](error)
    return failure_of(caught.value, "exception", [MODULE])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("bad"), "ValueError: bad (sub/stages.py:2)"),
        (ValueError("\n first\nsecond"), "ValueError: first (sub/stages.py:2)"),
        (KeyError("k"), "KeyError: 'k' (sub/stages.py:2)"),
        (SystemExit(), "called sys.exit() (sub/stages.py:2)"),
        (SystemExit(0), "called sys.exit(0) (sub/stages.py:2)"),
    ],
)
def test_the_message_is_one_line_with_its_place(error, message):
    assert raised(error).message == message


def test_an_interrupt_is_a_cancellation():
    failure = raised(KeyboardInterrupt())
    assert (failure.kind, failure.message) == ("cancelled", "interrupted (sub/stages.py:2)")


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some disk space"),
        (errno.EDQUOT, "free some disk space"),
        (errno.EROFS, "make /d writable"),
    ],
)
def test_a_disk_that_takes_nothing_is_no_fault_of_the_value(number, hint):
    failure = raised(OSError(number, os.strerror(number), "/d/out.csv"))
    assert os.strerror(number) in failure.message
    assert hint in failure.hint


@given(st.text())
def test_any_text_gives_one_short_line(text):
    failure = raised(ValueError(text))
    assert len(failure.message.splitlines()) == 1
    assert len(failure.message) < 400
    assert failure.message.endswith("(sub/stages.py:2)")


def test_a_loop_of_causes_comes_to_an_end():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert raised(one).message == "ValueError: one (sub/stages.py:2)"
