"""A table as the points of a chart: which columns are drawn, and how."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pivot.core.compare import is_number
from pivot.core.tables import value_text
from pivot.core.values import read_value
from pivot.model.stage import PlotView

Row = Mapping[str, Any]

MOST_SERIES = 8
"""Columns that are drawn where none is named."""
MOST_POINTS = 2000
"""About how many points of a series are drawn; of more, some are left out."""

_TEMPLATES = {
    "line": "line",
    "linear": "line",
    "simple": "line",
    "smooth": "line",
    "scatter": "scatter",
    "bar": "bar",
    "bar_horizontal": "bar",
}


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one column, in the order of the rows; a `y` that is NaN is a gap."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Attributes:
        kind: ``line``, ``scatter`` or ``bar``.
        x: the title of the axis to the right.
        categories: the words along that axis, where it has no numbers; a point's `x` is then a position in it.
        note: what a reader should know; may be empty.
    """

    kind: str
    x: str
    series: tuple[Series, ...]
    categories: tuple[str, ...] = ()
    note: str = ""


def chart_of(path: str, data: bytes, view: PlotView | None = None) -> Chart:
    """The chart of a file that holds a table.

    Without a view, the first column is the axis to the right and all others that hold numbers are drawn.

    Raises:
        ValueError: it holds no table, or not the columns that the view names.
    """
    rows = table_rows(read_value(path, data))
    view = view or PlotView()
    numeric = _numeric(rows)
    x = _x_column(rows, view, numeric)
    names = _y_columns(rows, view, [name for name in numeric if name != x])
    kind, note = _kind(view.template, by_words=x is not None and x not in numeric)
    categories: tuple[str, ...] = ()
    if x is None and kind != "bar":
        places = [float(index) for index in range(len(rows))]
    elif x is not None and x in numeric and kind != "bar":
        places = [_number(row.get(x)) for row in rows]
    else:
        words = [str(n) if x is None else value_text(row.get(x)) for n, row in enumerate(rows)]
        categories = tuple(dict.fromkeys(words))
        index = {word: float(place) for place, word in enumerate(categories)}
        places = [index[word] for word in words]
    series = []
    for name in names:
        points = [
            (p, _number(row.get(name))) for p, row in zip(places, rows, strict=True) if math.isfinite(p)
        ]
        kept = _thinned(points)
        if len(kept) < len(points):
            note = note or f"{len(kept)} of {len(points)} points are drawn"
        series.append(Series(name, tuple(kept)))
    return Chart(kind, x or "row", tuple(series), categories, note)


def table_rows(value: Any) -> list[Row]:
    """The rows of a table in any of its usual shapes.

    A list of tables, of numbers or of lists; a table of lists of equal length, of numbers, or with one such list in
    it.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Mapping) and value:
        return _mapping_rows(value)
    if isinstance(value, list) and value:
        if all(isinstance(row, Mapping) for row in value):
            return value
        if all(is_number(item) for item in value):
            return [{"row": index, "value": item} for index, item in enumerate(value)]
        if all(isinstance(row, list) for row in value):
            return [{f"column {n}": cell for n, cell in enumerate(row, 1)} for row in value]
    raise ValueError("it holds no table that could be drawn" if value else "it is empty")


def _mapping_rows(value: Mapping[str, Any]) -> list[Row]:
    lists = {str(name): item for name, item in value.items() if isinstance(item, list)}
    if len(lists) == len(value) and len({len(item) for item in lists.values()}) == 1:
        names = list(lists)
        if len(names) > 1 or not any(isinstance(cell, Mapping | list) for cell in lists[names[0]]):
            rows = [dict(zip(names, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
            if not rows:
                raise ValueError("it is empty")
            return list(rows)
    if len(lists) == 1:
        return table_rows(next(iter(lists.values())))
    numbers = {str(name): item for name, item in value.items() if is_number(item)}
    if numbers:
        return [{"name": name, "value": item} for name, item in numbers.items()]
    raise ValueError("it holds no table that could be drawn")


def _numeric(rows: Sequence[Row]) -> list[str]:
    """The columns that hold numbers, and nothing but these and gaps."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = []
    for name in names:
        cells = [row.get(name) for row in rows]
        if any(is_number(c) for c in cells) and all(c is None or is_number(c) for c in cells):
            found.append(name)
    return found


def _x_column(rows: Sequence[Row], view: PlotView, numeric: Sequence[str]) -> str | None:
    """The column to the right; ``None`` stands for the number of the row."""
    if view.x is not None:
        _require(rows, view.x)
        return view.x
    if view.y is not None:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    others = [name for name in numeric if name != names[0]]
    return names[0] if others else None


def _y_columns(rows: Sequence[Row], view: PlotView, numeric: Sequence[str]) -> list[str]:
    if view.y is None:
        if not numeric:
            raise ValueError("it has no column of numbers")
        return list(numeric[:MOST_SERIES])
    whole = any(view.y in row for row in rows)
    names = [view.y] if whole else [name.strip() for name in view.y.split(",")]
    for name in names:
        _require(rows, name)
    return names


def _require(rows: Sequence[Row], name: str) -> None:
    if not any(name in row for row in rows):
        known = ", ".join(map(str, dict.fromkeys(key for row in rows for key in row)))
        raise ValueError(f"it has no column {name!r}; it has {known}")


def _kind(template: str | None, *, by_words: bool) -> tuple[str, str]:
    if template is None:
        return ("bar" if by_words else "line"), ""
    if template in _TEMPLATES:
        return _TEMPLATES[template], ""
    return "line", f"template {template!r} is not known here, so lines are drawn"


def _number(value: Any) -> float:
    try:
        return float(value) if is_number(value) and math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Not many more points than that: of each stretch the lowest and the highest, so that no peak is lost."""
    if len(points) <= MOST_POINTS:
        return list(points)
    size = math.ceil(2 * len(points) / MOST_POINTS)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        indices = range(start, min(start + size, len(points)))
        valid = [index for index in indices if not math.isnan(points[index][1])]
        if not valid:
            kept.append(points[start])
            continue
        ends = {min(valid, key=lambda i: points[i][1]), max(valid, key=lambda i: points[i][1])}
        ends |= {0, len(points) - 1} & set(indices)  # where it begins and ends
        kept += [points[index] for index in sorted(ends)]
    return kept
