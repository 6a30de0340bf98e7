"""What is shown of a value that is a picture."""

import mimetypes
import os
from typing import Any

from IPython.display import SVG, Image

from pivot.errors import UsageError
from pivot.paths import ProjectPath

_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}


def picture(path: ProjectPath, content: bytes) -> Any:
    """A picture as a cell displays it.

    Raises:
        UsageError: it is none that a notebook can display.
    """
    mime = mimetypes.guess_type(path)[0] or ""
    if mime == "image/svg+xml":
        return SVG(data=content.decode("utf-8", "replace"))  # type: ignore[no-untyped-call]
    if mime not in _FORMATS:
        raise UsageError(
            f"{path} is no picture that a notebook shows, and its loader can only write",
            f"open {path} yourself",
        )
    return Image(data=content, format=_FORMATS[mime])  # type: ignore[no-untyped-call]


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a notebook can display the file."""
    mime = mimetypes.guess_type(os.fspath(path))[0] or ""
    return mime in _FORMATS or mime == "image/svg+xml"
