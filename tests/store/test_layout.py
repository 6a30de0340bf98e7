import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.errors import FormatError, StoreError
from pivot.store.layout import create, file_name, open_layout
from pivot.store.root import find_root


def test_create_makes_format_and_gitignore_and_nothing_that_is_not_needed(tmp_path):
    create(str(tmp_path))
    assert json.loads((tmp_path / ".pivot/format.json").read_text()) == {"hash": "xxh3-128", "version": 1}
    ignored = (tmp_path / ".pivot/.gitignore").read_text().split()
    assert ignored == ["/cache/", "/runs/", "/journal/", "/locks/", "/tmp/", "/state.db*", "/values/"]
    ignore = tmp_path / ".pivot/.gitignore"
    ignore.write_text("/cache/\n/runs/\n/journal/\n/locks/\n/tmp/\n/state.db*\n")  # of an earlier Pivot
    create(str(tmp_path))
    assert "/values/" in ignore.read_text().split()


def test_create_again_changes_nothing(tmp_path):
    create(str(tmp_path))
    (tmp_path / ".pivot/.gitignore").write_text("mine")
    create(str(tmp_path))
    assert (tmp_path / ".pivot/.gitignore").read_text() == "mine"


def test_the_topmost_folder_with_a_store_is_the_root(tmp_path):
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    assert find_root(str(inner)) is None
    create(str(inner))
    assert find_root(str(inner)) == str(inner)
    create(str(tmp_path / "a"))
    assert find_root(str(inner)) == str(tmp_path / "a")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('{"hash": "xxh3-128", "version": 2}', FormatError, "newer Pivot"),
        ('{"hash": "sha512", "version": 1}', FormatError, "newer Pivot"),
        ("", StoreError, "damaged"),
        ("{}", StoreError, "damaged"),
        ("[]", StoreError, "damaged"),
        ('{"hash": "xxh3-128", "version": "1"}', StoreError, "damaged"),
        (None, StoreError, "missing"),
    ],
)
def test_a_store_that_is_not_understood_is_refused_with_the_way_out(tmp_path, text, error, message):
    create(str(tmp_path))
    file = tmp_path / ".pivot/format.json"
    file.unlink()
    if text is not None:
        file.write_text(text)
    with pytest.raises(StoreError, match=message) as caught:
        open_layout(str(tmp_path))
    assert type(caught.value) is error
    assert str(file.parent) in caught.value.message
    assert caught.value.hint


def test_the_cache_may_lie_elsewhere(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    assert create(str(root), "../shared").cache == str(tmp_path / "shared")
    assert open_layout(str(root), "/big/cache").cache == "/big/cache"
    assert open_layout(str(root)).cache == str(root / ".pivot/cache")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train", "train"),
        ("train@bert_swe-2.1", "train@bert_swe-2.1"),
        ("a b", "a%20b"),
        ("..", "%2E."),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("ü", "%C3%BC"),
        ("a\nb", "a%0Ab"),
    ],
)
def test_names_become_plain_file_names(name, expected):
    assert file_name(name) == expected


@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=2, unique=True))
def test_different_names_have_different_file_names_that_every_file_system_takes(names):
    first, second = map(file_name, names)
    assert first != second
    assert len(first) < 200
    assert "/" not in first
    assert not first.startswith(".")


def test_a_project_that_cannot_be_written_is_named_with_the_way_out(tmp_path):
    """As somebody who may not write there: in a child, because this process may be root."""
    import tempfile

    code = """
import os, sys
from pivot.errors import StoreError
from pivot.store import atomic, guard, journal, layout, commit, lockfile
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(65534)
try:
    layout.create(sys.argv[1])
except StoreError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        done = subprocess.run(
            [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
        )
        assert f"cannot write {folder}" in done.stdout
        assert "hint: make" in done.stdout
        assert Path(folder).exists()
