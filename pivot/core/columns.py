"""Values of one side, or of two, as the columns of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from pivot.core.compare import Pair, pairs
from pivot.core.tables import PRECISION, Column, change_text, value_text
from pivot.core.values import key_text


def value_columns(
    values: Mapping[str, Any], titles: tuple[str, str], precision: int = PRECISION
) -> tuple[Column, ...]:
    """A row for each single value.

    Args:
        values: file or stage → value.
        titles: of what `values` is by, and of what is in each.
        precision: digits of a number.
    """
    found = pairs({}, values)
    return (
        Column(titles[0], [pair.where for pair in found]),
        Column(titles[1], [key_text(pair.key) for pair in found], optional=True),
        Column("value", [value_text(pair.new, precision) for pair in found], right=True),
    )


def pair_columns(
    found: Sequence[Pair], sides: tuple[str, str], titles: tuple[str, str], precision: int = PRECISION
) -> tuple[Column, ...]:
    """A row for each value on two sides, with the change of numbers.

    Args:
        sides: their names.
        titles, precision: as of `value_columns`.
    """
    return (
        Column(titles[0], [pair.where for pair in found]),
        Column(titles[1], [key_text(pair.key) for pair in found], optional=True),
        Column(sides[0], [value_text(pair.old, precision) for pair in found], right=True),
        Column(sides[1], [value_text(pair.new, precision) for pair in found], right=True),
        Column("change", [change_text(pair.change, precision) for pair in found], right=True, optional=True),
    )
