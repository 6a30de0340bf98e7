import os
from pathlib import Path

import pytest

from pivot.errors import StoreError
from pivot.model.digest import digest_bytes
from pivot.store.commit import abort, begin, commit_record, recover
from pivot.store.lockfile import read_lock
from pivot.store.runcache import read_record


def test_a_commit_puts_outputs_objects_run_cache_and_lock_in_place(project, record):
    new = record({"out/model.pkl": b"model"}, uncached={"metrics.json": b"1"})
    notices = project.run(new, {"out/model.pkl": b"model", "metrics.json": b"1"})
    assert notices == ()
    assert project.read("out/model.pkl") == b"model"
    assert project.read("metrics.json") == b"1"
    assert project.objects.has(digest_bytes(b"model"))
    assert not project.objects.has(digest_bytes(b"1"))
    assert read_record(project.layout, "train", new.inputs) == new
    lock, problem = read_lock(project.layout, "train")
    assert problem == ""
    assert lock is not None
    assert lock.inputs == new.inputs
    assert project.leftovers() == []


def test_a_file_that_pivot_did_not_write_is_kept_and_reported(project, record):
    project.write("a.txt", b"by hand")
    notices = project.run(record({"a.txt": b"new"}), {"a.txt": b"new"})
    assert len(notices) == 1
    assert "stage 'train': 'a.txt'" in notices[0]
    assert project.objects.has(digest_bytes(b"by hand"))
    assert project.read("a.txt") == b"new"


def test_the_previous_result_is_replaced_without_a_word(project, record):
    old, new = record({}, uncached={"m.json": b"1"}), record({}, code="v2", uncached={"m.json": b"2"})
    project.run(old, {"m.json": b"1"})
    assert project.run(new, {"m.json": b"2"}, old) == ()
    assert project.read("m.json") == b"2"


def test_a_file_the_stage_writes_itself_is_moved_aside_and_put_back_on_failure(project, record):
    project.write("m.bin", b"old")
    journal = begin(project.objects, "train", ["m.bin", "n.bin"], ["m.bin", "n.bin"])
    assert project.read("m.bin") is None
    project.write("m.bin", b"half")
    project.write("n.bin", b"half")
    abort(project.objects, journal)
    assert project.read("m.bin") == b"old"
    assert project.read("n.bin") is None
    assert project.leftovers() == []


def test_a_file_the_stage_wrote_itself_is_committed_where_it_is(project, record):
    old = record({"m.bin": b"old"})
    project.run(old, {"m.bin": b"old"})
    new = record({"m.bin": b"new"}, code="v2")
    journal = begin(project.objects, "train", ["m.bin"], ["m.bin"])
    project.write("m.bin", b"new")
    assert commit_record(project.objects, journal, new, old) == ()
    assert project.read("m.bin") == b"new"
    assert project.objects.has(digest_bytes(b"new"))
    assert project.leftovers() == []


def test_an_output_that_was_not_written_is_an_error_and_changes_nothing(project, record):
    old = record({"m.bin": b"old"})
    project.run(old, {"m.bin": b"old"})
    journal = begin(project.objects, "train", ["m.bin"], ["m.bin"])
    with pytest.raises(StoreError, match="stage 'train': it did not write"):
        commit_record(project.objects, journal, record({"m.bin": b"new"}, code="v2"), old)
    assert project.read("m.bin") == b"old"
    assert read_lock(project.layout, "train")[0] == old
    assert project.leftovers() == []


def test_an_output_that_was_in_place_and_is_gone_is_no_fault_of_the_stage(project, record):
    old = record({"m.bin": b"old"})
    project.run(old, {"m.bin": b"old"})
    journal = begin(project.objects, "train", [])
    (project.path / "m.bin").unlink()
    with pytest.raises(StoreError, match=r"'m\.bin' changed after it was looked at"):
        commit_record(project.objects, journal, old, old)
    assert project.leftovers() == []


def test_an_output_that_goes_while_it_is_accepted_is_no_fault_of_the_stage(project, record):
    journal = begin(project.objects, "train", ["m.bin"])
    with pytest.raises(StoreError, match=r"'m\.bin' changed after it was looked at"):
        commit_record(project.objects, journal, record({"m.bin": b"made by hand"}))
    assert read_lock(project.layout, "train")[0] is None
    assert project.leftovers() == []


@pytest.mark.parametrize("content", [b"other", b"longer than recorded"])
def test_an_output_that_changed_after_the_stage_is_an_error(project, record, content):
    with pytest.raises(StoreError, match="changed after"):
        project.run(record({"m.bin": b"model"}), {"m.bin": content})
    assert project.read("m.bin") is None
    assert project.leftovers() == []


@pytest.mark.parametrize("name", ["files", "runs"])
def test_a_cache_that_cannot_be_written_leaves_the_old_outputs(project, record, name):
    old, new = (record({"a.txt": v}, code=v.decode(), uncached={"m.json": v}) for v in (b"old", b"new"))
    project.run(old, {"a.txt": b"old", "m.json": b"old"})
    folder = project.path / ".pivot/cache" / name
    folder.rename(project.path / "away")
    folder.write_text("")
    with pytest.raises(StoreError, match=rf"cannot write .*cache/{name}/") as error:
        project.run(new, {"a.txt": b"new", "m.json": b"new"}, old)
    assert error.value.hint is not None
    assert (project.read("a.txt"), project.read("m.json")) == (b"old", b"old")
    assert recover(project.objects) == []
    assert project.leftovers() == []
    folder.unlink()
    project.run(new, {"a.txt": b"new", "m.json": b"new"}, old)
    assert (project.read("a.txt"), project.read("m.json")) == (b"new", b"new")


def test_a_folder_in_the_way_is_an_error_before_anything_changes(project, record):
    (project.path / "m.bin").mkdir()
    with pytest.raises(StoreError, match="a folder is where its output"):
        begin(project.objects, "train", ["m.bin"])
    assert project.leftovers() == []


def test_a_symbolic_link_at_an_output_stays_and_its_file_changes(project, record, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("big disk") / "model.bin"
    (project.path / "m.bin").symlink_to(elsewhere)
    project.run(record({"m.bin": b"model"}), {"m.bin": b"model"})
    assert (project.path / "m.bin").is_symlink()
    assert elsewhere.read_bytes() == b"model"


@pytest.mark.parametrize(
    "name", ["with space.txt", "ümläut.txt", "new\nline.txt", "snow☃/🐍.txt", "-dash", "a'b\"c"]
)
def test_outputs_may_have_any_name(project, record, name):
    new = record({name: b"x"})
    project.run(new, {name: b"x"})
    assert project.read(name) == b"x"
    assert read_lock(project.layout, "train")[0] == new


def test_what_an_undone_run_left_is_kept_as_an_object(project):
    begin(project.objects, "train", ["m.bin"], ["m.bin"])
    project.write("m.bin", b"half")
    notices = recover(project.objects)
    assert "was undone" in notices[-1]
    assert project.read("m.bin") is None
    assert project.objects.has(digest_bytes(b"half"))
    assert project.leftovers() == []


def test_the_next_run_of_a_stage_settles_what_the_last_one_left(project):
    project.write("m.bin", b"old")
    begin(project.objects, "train", ["m.bin"], ["m.bin"])
    journal = begin(project.objects, "train", ["m.bin"], ["m.bin"])
    assert Path(journal.aside("m.bin")).read_bytes() == b"old"
    abort(project.objects, journal)
    assert project.read("m.bin") == b"old"


def test_recovery_of_nothing_says_nothing(project, record):
    assert recover(project.objects) == []
    project.run(record({"a": b"1"}), {"a": b"1"})
    assert recover(project.objects) == []


DAMAGED = {
    "no text": b"\0\0\0",
    "empty": b"",
    "a list": b"[]",
    "too deep": b"[" * 100_000,
    "numbers for names": b'{"schema": 1, "stage": 3, "outs": [1], "written": [], "existed": [], "before": {}, "record": null}',
    "a number for a path": b'{"schema": 1, "stage": "train", "outs": [1], "written": [], "existed": [], "before": {}}',
    "a second line that is no record": b'{"schema": 2, "stage": "train", "outs": [], "written": [], "existed": []}\n{"record": 1}\n',
    "a second line that is no JSON": b'{"schema": 2, "stage": "train", "outs": [], "written": [], "existed": []}\n{\n',
    "a number for a record": b'{"stage": "train", "outs": [], "written": [], "existed": [], "before": {}, "record": 1}',
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_journal_is_set_aside_and_reported(project, data):
    os.makedirs(project.layout.journals, exist_ok=True)
    Path(project.layout.journal_file("train")).write_bytes(data)
    (notice,) = recover(project.objects)
    assert "damaged" in notice
    assert recover(project.objects) == []


@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_result_that_was_not_added_to_the_journal_as_a_whole_does_not_count(project, record, cut):
    from dataclasses import replace

    from pivot.store.codec import full_text
    from pivot.store.journal import add_record

    old, new = record({"a": b"old"}), record({"a": b"new"}, code="v2")
    project.run(old, {"a": b"old"})
    journal = begin(project.objects, "train", ["a"])
    Path(journal.staging("a")).write_bytes(b"new")
    file = Path(project.layout.journal_file("train"))
    begun = file.read_bytes()
    add_record(replace(journal, before={"a": digest_bytes(b"old")}), full_text(new))
    file.write_bytes(begun + file.read_bytes()[len(begun) :][:cut])
    assert recover(project.objects) == ["stage 'train': an interrupted run was undone"]
    assert project.read("a") == b"old"
    assert project.leftovers() == []
    assert read_lock(project.layout, "train")[0] == old


def test_a_journal_that_cannot_be_read_is_left_and_reported_each_time(project):
    os.makedirs(project.layout.journal_file("train"))
    for _ in range(2):
        (notice,) = recover(project.objects)
        assert "still to be settled" in notice


def test_a_file_changed_between_a_kill_and_recovery_is_kept(project, record):
    from dataclasses import replace

    from pivot.store.codec import full_text
    from pivot.store.journal import add_record

    old, new = record({"a": b"old"}), record({"a": b"new"}, code="v2")
    project.run(old, {"a": b"old"})
    journal = begin(project.objects, "train", ["a"])
    Path(journal.staging("a")).write_bytes(b"new")
    add_record(replace(journal, before={"a": digest_bytes(b"old")}), full_text(new))
    project.write("a", b"mine")
    notices = recover(project.objects)
    assert any("'a' was not as Pivot had left it" in notice for notice in notices)
    assert project.read("a") == b"new"
    assert project.objects.has(digest_bytes(b"mine"))
    assert project.objects.has(digest_bytes(b"new"))
    assert read_lock(project.layout, "train")[0] == new
