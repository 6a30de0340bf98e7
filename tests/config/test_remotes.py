"""Remotes are written into the settings line by line, and comments stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.config.remotes import with_remote, without_remote
from pivot.config.settings import read_settings
from pivot.errors import PivotError, UsageError

COMMENTED = """\
# what we agreed on
jobs: 2  # not more
remotes:
    disk: /mnt/disk  # the slow one
    # the fast one:
    share: ../share

seed: 7
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "remotes:\n  new: /x\n"),
        ("jobs: 2", "jobs: 2\nremotes:\n  new: /x\n"),
        ("remotes:\njobs: 2\n", "remotes:\n  new: /x\njobs: 2\n"),
        (COMMENTED, COMMENTED.replace("    share: ../share\n", "    share: ../share\n    new: /x\n")),
    ],
)
def test_a_remote_is_added_below_the_others(before: str, after: str) -> None:
    assert with_remote(before, "new", "/x") == after


def test_a_remote_is_removed_with_its_line_only() -> None:
    assert without_remote(COMMENTED, "disk") == COMMENTED.replace("    disk: /mnt/disk  # the slow one\n", "")


def test_with_the_last_remote_nothing_is_left_of_it() -> None:
    text = with_remote("jobs: 2\n", "new", "/x", default=True)
    assert text == "jobs: 2\nremotes:\n  new: /x\ndefault_remote: new\n"
    assert without_remote(text, "new") == "jobs: 2\n"


def test_another_default_replaces_the_first() -> None:
    text = with_remote(with_remote("", "a", "/a", default=True), "b", "/b", default=True)
    assert read_settings(text).default_remote == "b"


@pytest.mark.parametrize(
    "text", ["remotes: {disk: /mnt/disk}\n", "{jobs: 2}\n", "remotes:\n  disk: |\n    /mnt\n"]
)
def test_what_is_not_written_by_lines_is_left_alone(text: str) -> None:
    with pytest.raises(PivotError, match="not written line by line"):
        with_remote(text, "new", "/x")


def test_a_name_is_given_once_and_removed_once() -> None:
    with pytest.raises(UsageError, match="a remote 'disk' already: /mnt/disk"):
        with_remote(COMMENTED, "disk", "/y")
    with pytest.raises(UsageError, match="there is no remote 'dsk'"):
        without_remote(COMMENTED, "dsk")


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,8}|null|True", fullmatch=True).filter(
    lambda name: name not in ("disk", "share")
)
ADDRESSES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)


@given(NAMES, ADDRESSES)
def test_any_remote_is_read_as_it_was_added_and_gone_when_removed(name: str, address: str) -> None:
    text = with_remote(COMMENTED, name, address)
    assert read_settings(text).remotes == {"disk": "/mnt/disk", "share": "../share", name: address}
    assert without_remote(text, name) == COMMENTED
