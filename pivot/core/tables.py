"""Tables of text: numbers in few digits, columns fitted to a terminal, or Markdown."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from pivot.core.compare import ABSENT, is_number
from pivot.core.label import cells, elide, one_line

PRECISION = 5
"""Digits of a number that are shown where nobody says how many."""

_GAP = "  "
_NARROWEST = 8  # columns that are left of a column, when there is no room


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        cells: texts of one line, as many as in the others.
        right: its texts stand at the right, as numbers do.
        optional: it is left out where all its texts are empty.
        whole: its texts are never cut: they are to be copied.
    """

    title: str
    cells: Sequence[str]
    right: bool = False
    optional: bool = False
    whole: bool = False


def number_text(value: float, precision: int = PRECISION) -> str:
    """A number in few digits: ``0.91``, ``1234.5``, ``1.2e-07``; whole ones in full.

    Args:
        precision: digits after the point, for numbers below 1 digits that count.
    """
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if 0 < abs(value) < 1:
        return f"{value:.{max(precision, 1)}g}"
    if abs(value) >= 1e16:
        return f"{value:.{max(precision, 1)}g}"
    text = f"{value:.{precision}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(value: Any, precision: int = PRECISION) -> str:
    """A single value in one line; what is absent is empty, what is no text looks as in JSON."""
    if value is ABSENT:
        return ""
    if is_number(value):
        return number_text(value, precision)
    if isinstance(value, str):
        return one_line(value) if value and value == value.strip() else json.dumps(value, ensure_ascii=False)
    return one_line(json.dumps(value, ensure_ascii=False, default=str))


def change_text(change: float | None, precision: int = PRECISION) -> str:
    """``+0.02``, ``-3``; empty for none."""
    if change is None:
        return ""
    text = number_text(change, precision)
    return text if text.startswith("-") else f"+{text}"


def plain_value(value: Any) -> Any:
    """A value as strict JSON has it: what is no number there (``NaN``, ``Infinity``) or a date as text."""
    if value is ABSENT:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return number_text(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain_value(item) for name, item in value.items()}
    return str(value)


def table_text(columns: Sequence[Column], width: int | None = None) -> str:
    """The table as lines of text below a line of titles.

    Args:
        width: columns of the terminal: longer texts are cut in their middle; ``None`` cuts nothing.
    """
    shown = _shown(columns)
    sizes = [max(map(cells, (column.title, *column.cells))) for column in shown]
    if width is not None:
        sizes = _fitted(shown, sizes, width - len(_GAP) * (len(shown) - 1))
    lines = zip(*((column.title, *column.cells) for column in shown), strict=True)
    return "\n".join(
        _GAP.join(
            _placed(text, size, column.right) for text, size, column in zip(line, sizes, shown, strict=True)
        ).rstrip()
        for line in lines
    )


def table_markdown(columns: Sequence[Column]) -> str:
    """The table as Markdown."""
    shown = _shown(columns)
    titles = [column.title for column in shown]
    rule = ["---:" if column.right else "---" for column in shown]
    rows = zip(*(column.cells for column in shown), strict=True)
    return "\n".join(_markdown_row(row) for row in (titles, rule, *rows))


def table_html(columns: Sequence[Column]) -> str:
    """The table as HTML, with nothing in it that needs a style of the page."""
    shown = _shown(columns)
    sides = ["right" if column.right else "left" for column in shown]

    def row(tag: str, texts: Sequence[str]) -> str:
        found = (
            f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'
            for side, text in zip(sides, texts, strict=True)
        )
        return f"<tr>{''.join(found)}</tr>"

    rows = "\n".join(row("td", texts) for texts in zip(*(column.cells for column in shown), strict=True))
    head = row("th", [column.title for column in shown])
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"


def _shown(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if any(column.cells) or not column.optional]


def _markdown_row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(text) for text in texts) + " |"


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\")
    for char in "|*_`<[":
        text = text.replace(char, f"\\{char}")
    return text


def _fitted(columns: Sequence[Column], sizes: Sequence[int], room: int) -> list[int]:
    """Sizes that fit: texts give way first, numbers last."""
    fitted = list(sizes)
    for give in (False, True):
        while sum(fitted) > room:
            wide = [
                (size, index)
                for index, size in enumerate(fitted)
                if columns[index].right is give and size > _NARROWEST and not columns[index].whole
            ]
            if not wide:
                break
            size, index = max(wide)
            fitted[index] = max(_NARROWEST, size - (sum(fitted) - room), _second(wide, size) - 1)
    return fitted


def _second(wide: Sequence[tuple[int, int]], widest: int) -> int:
    """The next smaller size, at which another column begins to give way as well."""
    return max((size for size, _ in wide if size < widest), default=_NARROWEST)


def _placed(text: str, size: int, right: bool) -> str:
    text = elide(text, size)
    space = " " * (size - cells(text))
    return space + text if right else text + space
