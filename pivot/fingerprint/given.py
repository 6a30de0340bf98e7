"""Names that are there without any statement that binds them."""

import builtins
from collections.abc import Sequence

from pivot.errors import CodeError

IMPLICIT = (
    *("__name__", "__file__", "__spec__", "__package__", "__path__", "__loader__", "__cached__"),
    "__doc__",
)
"""Names that each module has of itself."""

EXPLAINED = (
    frozenset(dir(builtins))
    | {*IMPLICIT}
    | {
        *(
            "__builtins__",
            "__class__",
            "__dict__",
            "__debug__",
            "__conditional_annotations__",
        ),
        *(
            "reveal_type",
            "reveal_locals",
            "display",
            "get_ipython",
            "exit",
            "quit",
            "copyright",
            "credits",
            "license",
        ),
        *(
            "WindowsError",
            "ExceptionGroup",
            "BaseExceptionGroup",
            "PythonFinalizationError",
            "__module__",
            "__qualname__",
        ),
    }
)
"""Names that Python or a notebook gives: none of them needs a definition."""


def unexplained(problems: Sequence[tuple[str, str, int]], stage: str) -> CodeError:
    """The error for names that nothing explains, each given as (name, place, line)."""
    lines = [
        f"{place}:{line}: nothing defines {name!r}, which {stage} reaches" for name, place, line in problems
    ]
    hint = "define or import the name in that module (in a notebook: run the cell that defines it), or correct it"
    return CodeError("\n".join(lines), hint)
