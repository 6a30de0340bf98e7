"""Which texts in code may be the path of a file."""

import re

_LIMIT = 255
_PATH = re.compile(r"[^\x00-\x1f\x7f]*\w[^\x00-\x1f\x7f]*")
_ENDING = re.compile(r"\.[A-Za-z0-9_-]{1,16}(?:\.[A-Za-z0-9]{1,8})?$")


def may_be_file(text: str) -> bool:
    """Whether a literal may be a path: short, one line, with a slash or an ending (``data/raw``, ``raw.csv``)."""
    if len(text) > _LIMIT or not _PATH.fullmatch(text) or "://" in text:
        return False
    return "/" in text or "\\" in text or bool(_ENDING.search(text))
