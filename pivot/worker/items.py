"""The items of what a stage returned, where only a worker may look into it: it holds objects of users' classes."""

from collections.abc import Iterable, Mapping
from typing import Any

from pivot.worker.returned import article


def split(iterable: Any) -> dict[str, object]:
    """The items by their position; each becomes a file.

    Raises:
        TypeError: it is nothing to go through item by item.
    """
    if (
        isinstance(iterable, (str, bytes, bytearray, Mapping, set, frozenset))
        or not isinstance(iterable, Iterable)
        or hasattr(iterable, "columns")
    ):
        raise TypeError(f"it maps over {article(iterable)}")
    return {f"{number:08d}.item": item for number, item in enumerate(iterable)}
