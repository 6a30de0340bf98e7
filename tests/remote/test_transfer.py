"""Objects on their way between a cache and a remote."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from pivot.errors import FormatError, PivotError
from pivot.model.digest import Digest, digest_bytes
from pivot.remote.backend import RemoteError, Source
from pivot.remote.memory import MemoryBackend
from pivot.remote.transfer import FORMAT, Link, Transferred, Wanted, object_key
from pivot.store.objects import ObjectStore


def put(objects: ObjectStore, *contents: bytes) -> list[Wanted]:
    found = []
    for content in contents:
        path = Path(objects.layout.root) / "file"
        path.write_bytes(content)
        found.append(Wanted(objects.add_file(str(path)), content[:10].decode()))
    return found


def wanted(*contents: bytes) -> list[Wanted]:
    return [Wanted(digest_bytes(content), content[:10].decode()) for content in contents]


def content_of(objects: ObjectStore, digest: Digest) -> bytes:
    return Path(objects.layout.object_file(digest)).read_bytes()


CONTENTS = [b"one", b"two", b"", b"large" * 1_000_000]


def test_what_is_pushed_here_is_pulled_there(cache, backend) -> None:
    here, there = cache("here"), cache("there")
    sent = Link(here, backend).push(put(here, *CONTENTS))
    assert (sent.moved, sent.size, sent.present, sent.failed) == (4, 5_000_006, 0, ())
    got = Link(there, backend).pull(wanted(*CONTENTS))
    assert (got.moved, got.size, got.present, got.failed) == (4, 5_000_006, 0, ())
    for content in CONTENTS:
        assert content_of(there, digest_bytes(content)) == content


def test_what_is_there_already_is_left_alone(cache, backend) -> None:
    here = cache("here")
    link = Link(here, backend)
    link.push(put(here, b"one"))
    assert link.push(put(here, b"one", b"two")) == Transferred(moved=1, size=3, present=1)
    assert link.pull(wanted(b"one", b"two")) == Transferred(present=2)


def test_the_same_object_is_moved_once(cache, backend) -> None:
    here = cache("here")
    assert Link(here, backend).push(put(here, b"one") * 5).moved == 1


def test_pulled_objects_are_as_sound_and_read_only_as_own_ones(cache, backend) -> None:
    here, there = cache("here"), cache("there")
    Link(here, backend).push(put(here, b"one"))
    Link(there, backend).pull(wanted(b"one"))
    digest = digest_bytes(b"one")
    mine, theirs = (os.stat(each.layout.object_file(digest)) for each in (here, there))
    assert stat.S_IMODE(theirs.st_mode) == 0o444
    assert mine.st_mtime_ns == theirs.st_mtime_ns  # sealed, so not hashed before each use
    assert there.verify(digest)
    assert os.listdir(there.layout.cache_scratch) == []


def test_wrong_bytes_never_arrive_and_the_others_do(cache) -> None:
    here, there, remote = cache("here"), cache("there"), MemoryBackend()
    Link(here, remote).push(put(here, b"one", b"two", b"three"))
    remote.content[object_key(digest_bytes(b"two"))] = b"TWO"
    got = Link(there, remote).pull(wanted(b"one", b"two", b"three"))
    assert (got.moved, [failure.label for failure in got.failed]) == (2, ["two"])
    assert "damaged" in got.failed[0].error.message
    assert not there.has(digest_bytes(b"two"))
    assert os.listdir(there.layout.cache_scratch) == []


def test_what_nobody_pushed_is_named(cache, backend) -> None:
    (failure,) = Link(cache("there"), backend).pull(wanted(b"one")).failed
    assert (failure.label, failure.error.message) == ("one", "the remote does not have it")


def test_a_damaged_object_is_not_pushed_but_put_aside(cache, backend) -> None:
    here = cache("here")
    found = put(here, b"one", b"two")
    path = here.layout.object_file(found[0].digest)
    sealed = os.stat(path)
    os.chmod(path, 0o644)
    Path(path).write_bytes(b"ONE")
    os.utime(path, ns=(sealed.st_atime_ns, sealed.st_mtime_ns))  # so that only its bytes tell
    sent = Link(here, backend).push(found)
    assert (sent.moved, [failure.label for failure in sent.failed]) == (1, ["one"])
    assert list(backend.list("files/")) == [object_key(found[1].digest)]
    assert not here.has(found[0].digest)


def test_a_cut_off_object_on_the_remote_is_pushed_again(cache) -> None:
    here, remote = cache("here"), MemoryBackend()
    link = Link(here, remote)
    found = put(here, b"one")
    link.push(found)
    remote.content[object_key(found[0].digest)] = b"on"
    assert link.push(found).moved == 1
    assert remote.content[object_key(found[0].digest)] == b"one"


class Full(MemoryBackend):
    """A remote that takes only so many objects."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = threading.Semaphore(room)

    def write(self, key: str, source: Source) -> None:
        if not self._room.acquire(blocking=False):
            raise RemoteError("no space left", "make room")
        super().write(key, source)


def test_a_transfer_goes_on_after_failures_and_again_where_it_stopped(cache) -> None:
    here, remote = cache("here"), Full(3)
    contents = [f"object {n}".encode() for n in range(20)]
    found = put(here, *contents)
    first = Link(here, remote).push(found)
    assert (first.moved, len(first.failed), {str(f.error.message) for f in first.failed}) == (
        3,
        17,
        {"no space left"},
    )
    larger = MemoryBackend()
    larger.content = remote.content
    again = Link(here, larger).push(found)
    assert (again.moved, again.present, again.failed) == (17, 3, ())
    assert len(larger.content) == 20


class Interrupting(MemoryBackend):
    """A remote during whose second write a person presses Ctrl-C; the others last until they are told to end."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, key: str, source: Source) -> None:
        self.count += 1
        if self.count == 2:
            raise KeyboardInterrupt
        super().write(key, source)


def test_an_interrupt_ends_it_and_leaves_whole_objects_only(cache) -> None:
    here, remote = cache("here"), Interrupting()
    found = put(here, *CONTENTS)
    with pytest.raises(KeyboardInterrupt):
        Link(here, remote, jobs=1).push(found)
    assert all(object_key(digest_bytes(data)) == key for key, data in remote.content.items())
    assert Link(here, remote).push(found).failed == ()
    assert len(remote.content) == len(CONTENTS)


def test_a_new_remote_is_marked_and_known_again(cache, backend) -> None:
    link = Link(cache("here"), backend)
    with pytest.raises(RemoteError, match="holds nothing yet"):
        link.agree(write=False)
    link.agree(write=True)
    link.agree(write=True)
    link.agree(write=False)


@pytest.mark.parametrize(
    ("mark", "kind", "said"),
    [
        ({"version": 99, "hash": "xxh3-128"}, FormatError, "newer Pivot"),
        ({"version": 1, "hash": "sha-9"}, FormatError, "newer Pivot"),
        ({"anything": 1}, RemoteError, "damaged"),
    ],
)
def test_a_remote_that_is_not_understood_is_refused(
    cache, mark: dict, kind: type[PivotError], said: str
) -> None:
    remote = MemoryBackend()
    remote.content[FORMAT] = json.dumps(mark).encode()
    for write in (True, False):
        with pytest.raises(kind, match=said):
            Link(cache(f"here {write}"), remote).agree(write=write)
