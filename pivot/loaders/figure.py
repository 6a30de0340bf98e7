"""The loader for Matplotlib figures."""

import os
import sys
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class MatplotlibFigure:
    """Saves a figure and closes it. Write-only; the format follows the extension (``.png .pdf .svg``).

    Equal figures give equal bytes: no dates, no random ids.

    Args:
        dpi: dots per inch of raster formats.
        bbox_inches: ``"tight"`` crops to the drawn area, ``None`` keeps the figure's size.
        transparent: whether the background is left out.
    """

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("matplotlib",)

    dpi: int = 150
    bbox_inches: str | None = "tight"
    transparent: bool = False

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the figure to ``path`` and close it, also when writing fails.

        Raises:
            TypeError: the value is no figure.
        """
        if not hasattr(value, "savefig"):
            raise TypeError(f"MatplotlibFigure saves a Figure, not {type(value).__name__}")
        import matplotlib as mpl

        kind = os.path.splitext(os.fspath(path))[1].lower().lstrip(".")
        try:
            with mpl.rc_context({"svg.hashsalt": "pivot"}):
                value.savefig(
                    path,
                    dpi=self.dpi,
                    bbox_inches=self.bbox_inches,
                    transparent=self.transparent,
                    metadata=_timeless_metadata(kind),
                )
        finally:
            # a figure made without pyplot is not registered there and needs no closing
            pyplot = sys.modules.get("matplotlib.pyplot")
            if pyplot is not None:
                pyplot.close(value)


def _timeless_metadata(kind: str) -> dict[str, None] | None:
    # None drops what Matplotlib would write by itself: its version and the time
    return {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "svg": {"Date": None, "Creator": None},
        "svgz": {"Date": None, "Creator": None},
    }.get(kind)
