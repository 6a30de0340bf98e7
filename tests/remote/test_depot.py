"""Single files between machines that share nothing but a remote."""

import pytest

from pivot.model.digest import digest_bytes
from pivot.remote.backend import RemoteError
from pivot.remote.depot import Depot


@pytest.fixture
def depots(tmp_path):
    """The two ends."""
    address = str(tmp_path / "remote")
    return Depot(address, create=True), Depot(address, create=False)


def test_a_file_that_was_sent_is_fetched_and_kept_and_sent_once(depots, tmp_path, cache):
    here, there = depots
    (tmp_path / "one").write_bytes(b"content")
    digest = digest_bytes(b"content")
    here.send(str(tmp_path / "one"), digest)
    (tmp_path / "one").unlink()
    here.send(str(tmp_path / "one"), digest)  # it is there: nobody looks at the file
    (tmp_path / "two").write_bytes(b"before")
    there.fetch(digest, str(tmp_path / "two"), executable=True)
    assert (tmp_path / "two").read_bytes() == b"content"
    assert (tmp_path / "two").stat().st_mode & 0o100
    objects = cache("cache")
    there.keep(digest, objects)
    assert objects.verify(digest)


def test_bytes_that_are_lacking_damaged_or_changed_meanwhile_arrive_nowhere(depots, tmp_path):
    here, there = depots
    (tmp_path / "one").write_bytes(b"changed")
    digest = digest_bytes(b"content")
    with pytest.raises(RemoteError, match="these are not the bytes"):
        here.send(str(tmp_path / "one"), digest)
    with pytest.raises(RemoteError, match="has no files/"):
        there.fetch(digest, str(tmp_path / "two"))
    folder = tmp_path / "remote/files" / digest[:2]
    folder.mkdir(parents=True)
    (folder / digest[2:]).write_bytes(b"c0ntent")
    with pytest.raises(RemoteError, match="damaged"):
        there.fetch(digest, str(tmp_path / "two"))
    assert {path.name for path in tmp_path.iterdir()} == {"one", "remote"}


def test_after_a_stop_nothing_is_moved(depots, tmp_path):
    here, _ = depots
    (tmp_path / "one").write_bytes(b"content")
    here.stop()
    with pytest.raises(RemoteError, match="interrupted"):
        here.send(str(tmp_path / "one"), digest_bytes(b"content"))
