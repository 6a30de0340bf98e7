"""Where something was written: the `file:line` of an error or a reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file or of a cell.

    Attributes:
        file: a project path (``stages.py``), or a cell's name (``Cell In[7]``).
        line: counted from 1; 0 where only the file is known.
    """

    file: str
    line: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return (
            f"{self.file}, line {self.line}" if self.file.startswith("Cell ") else f"{self.file}:{self.line}"
        )
