"""Where a project begins. Imports next to nothing: the first thing a command asks."""

import os

FOLDER = ".pivot"

PIPELINE_FILES = ("pivot.yaml", "pivot.yml", "pipeline.py")
"""The files that define stages."""


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


def pipeline_folder(start: str) -> str | None:
    """The nearest folder at or above ``start`` with a file that defines stages."""
    folder = os.path.abspath(start)
    while not any(os.path.isfile(os.path.join(folder, name)) for name in PIPELINE_FILES):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def git_root(folder: str) -> str | None:
    """The folder of the git repository that a folder is in."""
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder
