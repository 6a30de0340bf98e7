"""Loaders for tables: pandas DataFrames in CSV, Parquet and Feather files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CSV:
    """A table as comma-separated text.

    Args:
        sep: between columns, when reading and when writing.
        index_col: the column or columns that are the index; ``None``: the index is neither read nor written.
        dtype: of the columns when reading, as pandas takes it: one name, or column → name.
    """

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("pandas",)

    sep: str = ","
    index_col: int | str | tuple[int | str, ...] | None = None
    dtype: str | Mapping[str, Any] | None = None

    def load(self, path: str | os.PathLike[str]) -> "pd.DataFrame":
        """The table; floats come back exactly as they were saved."""
        import pandas as pd

        index = list(self.index_col) if isinstance(self.index_col, tuple) else self.index_col
        options: dict[str, Any] = {"engine": "python"}
        if len(self.sep) == 1:
            # pandas 3.1 reads floats exactly by default and deprecates saying so
            is_exact = tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1)
            options = {} if is_exact else {"float_precision": "round_trip"}
        try:
            table: pd.DataFrame = pd.read_csv(
                path, sep=self.sep, index_col=index, dtype=self.dtype, **options
            )
        except pd.errors.EmptyDataError:
            return pd.DataFrame()
        return table

    def save(self, value: "pd.DataFrame", path: str | os.PathLike[str]) -> None:
        """Write the table as UTF-8, with line feeds at line ends.

        Raises:
            TypeError: the value is no DataFrame.
        """
        _check_frame(value, "CSV")
        value.to_csv(path, sep=self.sep, index=self.index_col is not None, lineterminator="\n")

    def empty(self) -> "pd.DataFrame":
        """A table without rows and columns."""
        import pandas as pd

        return pd.DataFrame()


@dataclass(frozen=True)
class Parquet:
    """A table as a Parquet file, with its types and its index.

    Args:
        compression: ``snappy``, ``zstd``, ``gzip``, ``brotli``, ``lz4`` or ``None``.
    """

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("pandas", "pyarrow")

    compression: str | None = "snappy"

    def load(self, path: str | os.PathLike[str]) -> "pd.DataFrame":
        """The table."""
        import pandas as pd

        return pd.read_parquet(path, engine="pyarrow")

    def save(self, value: "pd.DataFrame", path: str | os.PathLike[str]) -> None:
        """Write the table.

        Raises:
            TypeError: the value is no DataFrame.
        """
        _check_frame(value, "Parquet")
        value.to_parquet(path, engine="pyarrow", compression=self.compression)  # type: ignore[call-overload]

    def empty(self) -> "pd.DataFrame":
        """A table without rows and columns."""
        import pandas as pd

        return pd.DataFrame()


@dataclass(frozen=True)
class Feather:
    """A table as a Feather (Arrow) file: quick to read and write, with its types.

    Args:
        compression: ``lz4``, ``zstd`` or ``None``.
    """

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("pandas", "pyarrow")

    compression: str | None = "lz4"

    def load(self, path: str | os.PathLike[str]) -> "pd.DataFrame":
        """The table."""
        import pandas as pd

        return pd.read_feather(path)

    def save(self, value: "pd.DataFrame", path: str | os.PathLike[str]) -> None:
        """Write the table.

        Raises:
            TypeError: the value is no DataFrame.
            ValueError: it has an index of its own, which pandas before version 3 cannot write.
        """
        _check_frame(value, "Feather")
        value.to_feather(path, compression=self.compression or "uncompressed")  # type: ignore[arg-type]

    def empty(self) -> "pd.DataFrame":
        """A table without rows and columns."""
        import pandas as pd

        return pd.DataFrame()


def _check_frame(value: object, loader: str) -> None:
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        raise TypeError(f"{loader} saves a DataFrame, not {type(value).__name__}")
