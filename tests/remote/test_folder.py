"""A folder as a remote: what only a folder can get wrong."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pivot.errors import UsageError
from pivot.remote.address import choose, folder_of
from pivot.remote.backend import RemoteError
from pivot.remote.folder import FolderBackend


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/mnt/share", "/mnt/share"),
        ("../share", "/p/share"),
        ("sub/share", "/p/project/sub/share"),
        ("file:///mnt/my%20share", "/mnt/my share"),
        ("file://localhost/mnt/x", "/mnt/x"),
    ],
)
def test_an_address_names_a_folder(address: str, expected: str) -> None:
    assert folder_of(address, "/p/project") == expected


@pytest.mark.parametrize("address", ["s3://bucket/x", "gs://b", "ssh://host/x", "https://x.org", "S3:bucket"])
def test_other_kinds_come_later(address: str) -> None:
    with pytest.raises(UsageError, match="come later"):
        folder_of(address, "/p")


def test_a_folder_of_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="no folder of this machine"):
        folder_of("file://server/share", "/p")


@pytest.mark.parametrize(
    ("remotes", "default", "asked", "said"),
    [
        ({}, None, None, "has no remote"),
        ({}, None, "x", "there is no remote 'x'"),
        ({"share": "a", "disk": "b"}, None, None, "say which remote: share, disk"),
        ({"share": "a"}, "share", "shar", "did you mean 'share'"),
    ],
)
def test_a_remote_that_is_not_clear_is_asked_for(remotes, default, asked, said: str) -> None:
    with pytest.raises(UsageError) as error:
        choose(remotes, default, asked)
    assert said in str(error.value)


def test_a_push_makes_the_folder_but_not_what_leads_to_it(tmp_path: Path) -> None:
    FolderBackend(str(tmp_path / "new")).open(create=True)
    assert (tmp_path / "new").is_dir()
    with pytest.raises(RemoteError, match="is it mounted"):
        FolderBackend(str(tmp_path / "not" / "mounted")).open(create=True)
    with pytest.raises(RemoteError, match="is it mounted"):
        FolderBackend(str(tmp_path / "absent")).open(create=False)
    assert not (tmp_path / "absent").exists()


KILLED = """
import os, signal, sys
from pivot.remote.folder import FolderBackend

class Source:
    sent = 0
    def read(self, size=-1):
        self.sent += 1
        if self.sent > 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return b"x" * 1000

FolderBackend(sys.argv[1]).write("files/ab/cd", Source())
"""


def test_a_killed_write_leaves_no_half_object_and_is_swept_away_later(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path))
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert backend.sizes(["files/ab/cd"]) == {}
    assert list(backend.list("files/")) == []
    (left,) = (tmp_path / "tmp").iterdir()
    backend.open(create=True)
    assert left.exists()  # somebody else may be at it
    os.utime(left, (0, 0))
    backend.open(create=True)
    assert not left.exists()
