"""All errors that Pivot raises on purpose: one tree, each one sentence and the way out of it."""

from collections.abc import Iterable


class PivotError(Exception):
    """Something a person can mend.

    Attributes:
        message: one line that names the stage, the cell or ``file:line``, and what is wrong.
        hint: what to do about it, or ``None`` where the message already says it.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[type, tuple[str, str | None]]:
        # crosses process borders whole; the default would drop the hint
        return (type(self), (self.message, self.hint))


class UsageError(PivotError):
    """A command was called with words it does not know."""

    exit_code = 2


class DefinitionError(PivotError):
    """One thing that is wrong with how the stages are defined."""

    exit_code = 2


class DefinitionErrors(PivotError):  # noqa: N818 - several of them
    """Everything that is wrong with the definitions or the inputs, found before anything runs.

    Attributes:
        errors: the single errors, in the order of the files and lines they name.
    """

    def __init__(self, errors: Iterable[PivotError]) -> None:
        self.errors = tuple(errors)
        self.exit_code = max((error.exit_code for error in self.errors), default=2)
        super().__init__("\n".join(str(error) for error in self.errors))

    def __reduce__(self) -> tuple[type, tuple[tuple[PivotError, ...]]]:  # type: ignore[override]
        return (type(self), (self.errors,))


class StoreError(PivotError):
    """Something under ``.pivot/`` is not as it must be, or cannot be written."""


class NoSuchKeyError(StoreError, KeyError, FileNotFoundError):  # whichever of the two a caller expects
    """The object store has nothing under a key."""


class FormatError(StoreError):
    """A file was written by a newer Pivot than this one."""

    exit_code = 2


class CodeError(PivotError):
    """Code that a stage reaches cannot be read (a syntax error, a name that nothing explains)."""

    exit_code = 2


class WorkerError(PivotError):
    """A process that worked for Pivot itself ended before its time."""


def about_stage(stage: str, error: PivotError) -> PivotError:
    """The error with the stage's name before what it says, once."""
    who = f"stage {stage!r}: "
    return PivotError(who + error.message.removeprefix(who), error.hint)
