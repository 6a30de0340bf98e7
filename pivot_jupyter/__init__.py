"""Pivot in a notebook: ``%load_ext pivot_jupyter``."""

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; a second call changes nothing."""
    from pivot_jupyter.doorway import stand

    stand(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take back all that `load_ipython_extension` did."""
    from pivot_jupyter.doorway import leave

    leave(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What jupyter_server is to load."""
    return [{"module": "pivot_jupyter.server"}]


def load(stage: str, out: str | None = None) -> object:
    """The value of a stage's output, from the workspace or the cache.

    Args:
        stage: its name.
        out: which output; may be left out where there is one only.

    Raises:
        PivotError: no such stage or output, or it was never made.
    """
    from pivot_jupyter.doorway import current_session
    from pivot_jupyter.loading import load as load_into

    return load_into(current_session(), stage, out)
