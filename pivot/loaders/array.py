"""The loader for NumPy arrays."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class NumPy:
    """An array (``.npy``), or a dict of arrays by name (``.npz``); never an array of Python objects.

    Args:
        compressed: whether the arrays of a ``.npz`` are compressed.
        empty_factory: makes the value to begin with where nothing was written yet; ``None`` makes an array of
            no items. For a ``.npz`` give ``dict``.
    """

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    compressed: bool = False
    empty_factory: Callable[[], Any] | None = None

    def load(self, path: str | os.PathLike[str]) -> Any:
        """The array, or the dict of arrays, whatever the file holds.

        Raises:
            ValueError: it holds Python objects.
        """
        import numpy as np

        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return dict(found)

    def save(self, value: Any, path: str | os.PathLike[str]) -> None:
        """Write the array, or to a ``.npz`` the dict of arrays.

        Raises:
            TypeError: the value is no array (no dict of arrays), or it holds Python objects.
        """
        import numpy as np

        if not os.fspath(path).lower().endswith(".npz"):
            array = _plain_array(value)
            with open(path, "wb") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
            return
        if not isinstance(value, Mapping):
            raise TypeError(f"NumPy saves a dict of arrays in a .npz file, not {type(value).__name__}")
        import zipfile

        arrays = {str(name): _plain_array(item) for name, item in value.items()}
        method = zipfile.ZIP_DEFLATED if self.compressed else zipfile.ZIP_STORED
        # not numpy.savez, for which some names of arrays mean something else
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    def empty(self) -> Any:
        """What ``empty_factory`` makes."""
        import numpy as np

        return np.zeros(0) if self.empty_factory is None else self.empty_factory()


def _plain_array(value: object) -> "np.ndarray[Any, Any]":
    """The array in the one order of items, so that equal arrays give equal bytes."""
    import numpy as np

    if not isinstance(value, (np.ndarray, np.generic)) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"NumPy saves an array, not {type(value).__name__}")
    array = np.asarray(value, order="C")
    if array.dtype.hasobject:
        raise TypeError("NumPy saves no array of Python objects; loaders.Pickle() does")
    return array
