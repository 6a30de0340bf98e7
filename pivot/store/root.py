"""Where a project begins. Imports next to nothing: the first thing a command asks."""

import os

FOLDER = ".pivot"


def find_root(start: str) -> str | None:
    """The topmost folder at or above ``start`` that holds ``.pivot/``, absolute, or ``None``."""
    found = None
    folder = os.path.abspath(start)
    while True:
        if os.path.isdir(os.path.join(folder, FOLDER)):
            found = folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return found
        folder = parent


def git_root(folder: str) -> str | None:
    """The folder of the git repository that a folder is in."""
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder
