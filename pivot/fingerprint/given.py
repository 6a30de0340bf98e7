"""Names that are there without any statement that binds them."""

import builtins

IMPLICIT = frozenset(
    {"__file__", "__spec__", "__package__", "__name__", "__path__", "__loader__", "__cached__"}
)
"""Names that each module has of itself."""

EXPLAINED = (
    frozenset(dir(builtins))
    | IMPLICIT
    | {
        *(
            "__builtins__",
            "__class__",
            "__annotations__",
            "__dict__",
            "__doc__",
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
