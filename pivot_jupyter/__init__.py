"""Pivot in a notebook: ``%load_ext pivot_jupyter``."""

import contextlib
import gc
from collections.abc import Iterator
from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; a second call changes nothing."""
    with _no_garbage():
        from pivot_jupyter.extension import attach

        attach(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take back all that `load_ipython_extension` did."""
    from pivot_jupyter.extension import detach

    detach(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What jupyter_server is to load."""
    return [{"module": "pivot_jupyter.server"}]


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """While a few hundred modules are imported, nothing is garbage: to look for it takes an eighth of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def load(stage: str, out: str | None = None) -> object:
    """The value of a stage's output, from the workspace or the cache.

    Args:
        stage: its name.
        out: which output; may be left out where there is one only.

    Raises:
        PivotError: no such stage or output, or it was never made.
    """
    from pivot_jupyter.extension import current_session
    from pivot_jupyter.loading import load as load_into

    return load_into(current_session(), stage, out)
