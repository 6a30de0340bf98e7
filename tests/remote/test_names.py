"""Keys that people put into the object store, pushed here and pulled there."""

import os

import pytest

from pivot.model.digest import digest_bytes
from pivot.model.stored import Entry, Stored, key_name
from pivot.remote.names import pull_names, push_names
from pivot.remote.transfer import Link
from pivot.store.keytable import drop_entry, find_entry, write_entry

NAME = key_name("model", "prod")


class Side:
    """A project, and its end of the way to the remote."""

    def __init__(self, objects, backend) -> None:
        self.objects, self.layout = objects, objects.layout
        self.link = Link(objects, backend)

    def put(self, value: bytes, time: int, owner: str = "") -> None:
        """Somebody puts a value, at some second."""
        self.objects.add_bytes(value)
        write_entry(self.layout, Entry(NAME, Stored(digest_bytes(value), len(value)), owner))
        os.utime(self.layout.key_file(NAME), (time, time))

    @property
    def value(self) -> bytes | None:
        entry = find_entry(self.layout, NAME)
        return None if entry is None else self.objects.read(entry.value.digest)


@pytest.fixture
def sides(cache, backend):
    return Side(cache("mine"), backend), Side(cache("yours"), backend)


def test_a_key_that_was_put_here_is_there_after_a_pull_and_nothing_moves_twice(sides) -> None:
    mine, yours = sides
    mine.put(b"first", 10)
    assert push_names(mine.link).moved == 2  # the object and its name
    assert pull_names(yours.link)[1] == ()
    assert yours.value == b"first"
    assert (push_names(yours.link).moved, pull_names(mine.link)[0].moved) == (0, 0)


def test_the_last_write_counts_on_both_sides_and_a_value_that_was_there_before_may_come_again(sides) -> None:
    mine, yours = sides
    for time, value in enumerate([b"first", b"second", b"first"], start=10):
        writer, reader = sides if time % 2 else sides[::-1]
        writer.put(value, time)
        assert push_names(writer.link).failed == ()
        assert pull_names(reader.link)[1] == ()
        assert (mine.value, yours.value) == (value, value)


def test_who_is_behind_does_not_push_the_old_value_over_the_new_one(sides) -> None:
    mine, yours = sides
    mine.put(b"first", 10)
    push_names(mine.link)
    pull_names(yours.link)
    mine.put(b"second", 20)
    push_names(mine.link)
    assert push_names(yours.link).moved == 0
    pull_names(yours.link)
    assert yours.value == b"second"


@pytest.mark.parametrize(("mine_at", "said"), [(10, "a later one"), (30, "an earlier one")])
def test_what_was_put_here_and_never_pushed_is_left_and_told(sides, mine_at: int, said: str) -> None:
    mine, yours = sides
    yours.put(b"theirs", 20)
    push_names(yours.link)
    mine.put(b"own", mine_at)
    assert pull_names(mine.link)[1] == (
        f"key 'model' (namespace 'prod') was put here and not pushed; {said} is left on the remote",
    )
    assert mine.value == b"own"
    push_names(mine.link)  # from now on it is kept there, too: the last write counts
    assert pull_names(mine.link)[1] == ()
    assert pull_names(yours.link)[1] == ()
    last = b"own" if mine_at > 20 else b"theirs"
    assert (mine.value, yours.value) == (last, last)


def test_a_key_that_a_stage_puts_here_stays_the_stage_s(sides) -> None:
    mine, yours = sides
    yours.put(b"by hand", 20)
    push_names(yours.link)
    mine.put(b"of a stage", 10, owner="train")
    assert pull_names(mine.link)[1] == (
        "key 'model' (namespace 'prod') is what stage 'train' put; the remote's is left there",
    )
    assert mine.value == b"of a stage"
    assert push_names(mine.link).moved == 0  # it travels with the stage's record


def test_a_key_without_its_value_is_not_pushed_and_a_damaged_one_not_pulled(sides, backend) -> None:
    mine, yours = sides
    mine.put(b"first", 10)
    os.unlink(mine.layout.object_file(digest_bytes(b"first")))
    assert [failure.label for failure in push_names(mine.link).failed] == ["key 'model' (namespace 'prod')"]
    assert list(backend.list("keys/")) == []
    drop_entry(mine.layout, NAME)
    mine.put(b"first", 10)
    push_names(mine.link)
    (key,) = backend.list("keys/")
    with open(mine.layout.key_file(NAME), "rb") as file:
        file.seek(5)
        backend.write(key, file)
    assert pull_names(yours.link) == (type(push_names(mine.link))(), ())
    assert yours.value is None
