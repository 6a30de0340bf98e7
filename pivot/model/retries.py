"""When a stage that failed is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and after what, a stage is tried again.

    Attributes:
        times: attempts after the first one.
        delay: seconds before each of them.
        on: names of exceptions, bare or with the package in front; empty: whatever made it fail.
    """

    times: int = 0
    delay: float = 0.0
    on: tuple[str, ...] = ()

    def cover(self, exceptions: Sequence[str]) -> bool:
        """Whether an exception is one of those that are tried again.

        Args:
            exceptions: dotted names of its class and the bases of that: ``requests.exceptions.Timeout``, …
        """
        return not self.on or any(_is_called(name, full) for name in self.on for full in exceptions)


def _is_called(name: str, full: str) -> bool:
    """``Timeout``, ``requests.Timeout`` and ``requests.exceptions.Timeout`` are the same one."""
    if full == name or full.endswith(f".{name}"):
        return True
    package, _, last = name.rpartition(".")
    return bool(package) and full.startswith(f"{package}.") and full.endswith(f".{last}")
