"""The manifest's bytes, and which stats are old enough to be trusted."""

import os
from types import SimpleNamespace

import pytest

from pivot.store.index import settled_before
from pivot.store.manifest import Manifest, dump, load, mark, path_of, question

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND + 123_456_789


@pytest.fixture
def kept(tmp_path):
    """A question, and the manifest for it on disk, of one file and one name that nobody has."""
    file = tmp_path / "a\udce9 b.txt"
    file.write_bytes(b"a")
    asked = question(str(tmp_path), str(tmp_path), ["train", "x\udce9"], single_stage=False)
    marks = {str(file): mark(file.stat()), str(tmp_path / "nobody"): None}
    manifest = Manifest(("train",), (("train", None),), (), marks, {})
    path = path_of(asked, str(tmp_path))
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as target:
        target.write(dump(asked, manifest))
    return SimpleNamespace(asked=asked, root=str(tmp_path), path=path, file=file)


def test_a_manifest_comes_back_as_it_was_written(kept):
    found = load(kept.asked, kept.root)
    assert (found.chosen, found.ends, found.variables, found.behind) == (
        ("train",),
        (("train", None),),
        (),
        {},
    )
    assert found.stands({})
    kept.file.write_bytes(b"b")
    assert not found.stands({})


def test_a_name_that_somebody_has_now_is_a_difference(kept):
    os.symlink("nowhere", os.path.join(kept.root, "nobody"))
    assert not load(kept.asked, kept.root).stands({})


def test_a_path_that_leads_through_a_file_now_is_a_difference_and_no_error(kept):
    found = load(kept.asked, kept.root)
    inside = Manifest((), (), (), {str(kept.file / "inside"): None}, {})
    assert inside.stands({})
    assert not Manifest((), (), (), {str(kept.file / "inside"): next(iter(found.marks.values()))}, {}).stands(
        {}
    )


def test_any_byte_that_differs_makes_it_absent(kept):
    with open(kept.path, "rb") as file:
        data = file.read()
    for position in range(0, len(data), 7):
        with open(kept.path, "wb") as file:
            file.write(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        assert load(kept.asked, kept.root) is None
        with open(kept.path, "wb") as file:
            file.write(data[:position])
        assert load(kept.asked, kept.root) is None


def test_another_question_in_the_same_slot_has_no_answer(kept):
    other = question(kept.root, kept.root, [], single_stage=True)
    os.replace(kept.path, path_of(other, kept.root))
    assert load(other, kept.root) is None


@pytest.mark.parametrize(
    ("written", "changed", "settled"),
    [
        (NOW - 30_000_000, NOW - 30_000_000, True),
        (NOW - 10_000_000, NOW - SECOND, False),
        (NOW - SECOND, NOW - 10_000_000, False),  # moved there, or its time put back
        (NOW + SECOND, NOW - SECOND, False),  # stamped in the future
        (NOW - SECOND, NOW + SECOND, False),  # the clock was set back
        (NOW // SECOND * SECOND, NOW - SECOND, False),  # whole seconds may be all that the file system keeps
        (NOW // SECOND * SECOND - SECOND, NOW - SECOND, False),  # FAT: every other second
        (NOW // SECOND * SECOND - 2 * SECOND, NOW - SECOND, True),
    ],
)
def test_what_was_touched_within_a_tick_is_not_settled(written, changed, settled):
    assert settled_before(SimpleNamespace(st_mtime_ns=written, st_ctime_ns=changed), NOW) is settled
