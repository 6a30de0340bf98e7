"""Where a row's files lie: a project, and beside it libraries and other code on the search path.

A library to the projects under test.
"""

import os
import shutil
import site
import sys

BESIDE = ("beside", "also", "editable", "site-packages")
"""Folders next to a project's; an installer's line in the last one leads to the one before."""


def make(place):
    """A project's folder inside `place`, and those beside it on the search path of this process."""
    for name in ("project", *BESIDE):
        os.makedirs(os.path.join(place, name))
    with open(os.path.join(place, "site-packages", "editable.pth"), "w", encoding="utf-8") as file:
        file.write("../editable\n")
    sys.path += [os.path.join(place, name) for name in ("beside", "also")]
    site.addsitedir(os.path.join(place, "site-packages"))
    return os.path.join(place, "project")


def clear(project, keep):
    """Empty a project's folder but for the entries to `keep`, and those beside it."""
    place = os.path.dirname(project)
    entries = [(project, entry) for entry in set(os.listdir(project)) - set(keep)]
    for name in BESIDE:
        folder = os.path.join(place, name)
        entries += [(folder, entry) for entry in os.listdir(folder) if entry != "editable.pth"]
    for folder, entry in entries:
        path = os.path.join(folder, entry)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def write(project, files):
    """Write texts, each by its path from the project's folder; a lone surrogate is a byte that is no UTF-8."""
    for name, text in files.items():
        path = os.path.normpath(os.path.join(project, name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
