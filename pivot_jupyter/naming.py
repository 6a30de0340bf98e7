"""The notebook module's name: from the notebook's file, or as the notebook says."""

import keyword
import os
import re
from collections.abc import Mapping, Sequence

from pivot.errors import UsageError
from pivot_jupyter.cells import Cell

DEFAULT_MODULE = "notebook_stages"
"""Where nobody tells the notebook's file."""


def module_name_for(notebook: str) -> str:
    """The module's name for a notebook's file: ``My analysis.ipynb`` → ``My_analysis_stages``."""
    stem = os.path.splitext(os.path.basename(notebook))[0]
    word = re.sub(r"\W+", "_", stem).strip("_")
    if not word or not word[0].isalpha():
        word = f"notebook_{word}".rstrip("_")
    return f"{word}_stages"


def notebook_file(namespace: Mapping[str, object], environment: Mapping[str, str]) -> str:
    """The notebook's file as the front end tells it; empty where none does."""
    told = namespace.get("__vsc_ipynb_file__") or environment.get("JPY_SESSION_NAME") or ""
    return str(told) if str(told).endswith(".ipynb") else ""


def told_module(cells: Sequence[Cell]) -> str:
    """The name that the last ``%pivot module NAME`` line gives; empty where there is none."""
    found = [name for cell in cells for name in re.findall(r"(?m)^%pivot[ \t]+module[ \t]+(\w+)", cell.text)]
    return found[-1] if found else ""


def check_module_name(name: str) -> None:
    """Lets names of modules pass.

    Raises:
        UsageError: it is none.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{name!r} is no module name", "use letters, digits and _")
