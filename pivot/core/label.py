"""Text of users made fit to be drawn: one line, printable, of known width, cut where it is too long."""

import unicodedata


def one_line(text: str) -> str:
    """The text with every run of white space, control and other unprintable characters as one space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def cells(text: str) -> int:
    """How many columns a terminal gives to a text of `one_line`."""
    return sum(map(_char_cells, text))


def elide(text: str, width: int) -> str:
    """At most ``width`` columns of a text, its middle replaced by ``…`` so that beginning and end remain."""
    if cells(text) <= width:
        return text
    if width < 2:
        return "…"[:width]
    tail = (width - 1) // 3
    head = _fitting(text, width - 1 - tail)
    return head + "…" + _fitting(text[::-1], tail)[::-1]


def cut(text: str, width: int) -> str:
    """At most ``width`` columns of a text, its end replaced by ``…``."""
    if cells(text) <= width:
        return text
    return _fitting(text, width - 1) + "…" if width > 0 else ""


def pad(text: str, width: int) -> str:
    """The text, filled with spaces to ``width`` columns."""
    return text + " " * (width - cells(text))


def _fitting(text: str, width: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += _char_cells(char)
        if used > width:
            return text[:index]
    return text


def _char_cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
