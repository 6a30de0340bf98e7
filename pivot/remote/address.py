"""From a remote's address, as a person wrote it, to its backend."""

import os
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from pivot.config.spelling import did_you_mean
from pivot.errors import UsageError
from pivot.remote.backend import Backend
from pivot.remote.folder import FolderBackend

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def check_name(name: str) -> None:
    """A remote's name is a word.

    Raises:
        UsageError: it is not.
    """
    if not _NAME.fullmatch(name):
        hint = "begin with a letter; then letters, digits, _, . and -"
        raise UsageError(f"a remote cannot be called {name!r}", hint)


def folder_of(address: str, root: str) -> str:
    """The folder that an address names, absolute.

    Args:
        address: a path, relative to the project's root or absolute, or ``file://…``.
        root: the project's, absolute.

    Raises:
        UsageError: it names something else.
    """
    scheme = _SCHEME.match(address)
    if scheme is None:
        return os.path.abspath(os.path.join(root, os.path.expanduser(address)))
    parts = urlsplit(address)
    if scheme[1].lower() != "file":
        raise UsageError(
            f"remote {address!r}: {scheme[1]} remotes come later",
            "name a folder: /mnt/share, ../share, file://…",
        )
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise UsageError(f"remote {address!r} is no folder of this machine", "write file:///path/to/folder")
    return os.path.abspath(unquote(parts.path))


def choose(remotes: Mapping[str, str], default: str | None, asked: str | None) -> str:
    """The name of the remote that is meant.

    Args:
        remotes: name → address.
        default: the one where none is named.
        asked: the one that is named.

    Raises:
        UsageError: there is none of that name, or none at all, or several and no default.
    """
    if asked is not None:
        if asked not in remotes:
            known = (
                f"remotes are: {', '.join(remotes)}" if remotes else "add it: pivot remote add NAME FOLDER"
            )
            raise UsageError(f"there is no remote {asked!r}", did_you_mean(asked, remotes) or known)
        return asked
    if default is not None:
        return default
    if not remotes:
        raise UsageError("this project has no remote", "add one: pivot remote add NAME FOLDER")
    raise UsageError(
        f"say which remote: {', '.join(remotes)}",
        "with -r NAME, or once for all: default_remote in .pivot/config.yaml",
    )


def open_remote(address: str, root: str, *, create: bool) -> Backend:
    """The backend of an address, ready.

    Args:
        create: for writing: make the folder if only itself is missing.

    Raises:
        UsageError: nothing that Pivot knows.
        RemoteError: it cannot be reached.
    """
    backend = FolderBackend(folder_of(address, root))
    backend.open(create=create)
    return backend
