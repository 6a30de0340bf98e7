"""A cell of a notebook: from its execution to the result of its stage, in a warm kernel."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import BESIDE, Plan, Row, Table, at_most, clean_environment, compared, in_turn, told

CELL = """%%pivot_stage --run
from typing import Annotated

import pivot


def step(
    value: Annotated[dict, pivot.Dep("in.json", pivot.loaders.JSON())],
) -> Annotated[dict, pivot.Out("out.json", pivot.loaders.JSON())]:
    return {{"n": value["n"] + {number}}}
"""


def measure(plan: Plan) -> Iterator[Table]:
    """The table of the notebook."""
    if not plan.wants("cell"):
        return
    told("  a cell in a warm kernel")
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        (folder / "in.json").write_text('{"n": 1}')
        with kernel_in(folder) as client:
            row = cell_row(plan, client)
    how = [
        (
            "From sending the cell to the kernel until it is idle again: a cell with `%%pivot_stage --run` whose function "
            "returns another number each time. Beside it a cell with that function alone."
        )
    ]
    yield Table("In a notebook", BESIDE, [row], how)


def cell_row(plan: Plan, client: Any) -> Row:
    """Redefines a stage and runs it, again and again."""
    numbers = iter(range(1_000_000))
    execute(client, "%load_ext pivot_jupyter")

    def stage() -> float:
        return execute(client, CELL.format(number=next(numbers)))

    def plain() -> float:
        return execute(client, CELL.format(number=next(numbers)).partition("\n")[2])

    for _ in range(3):
        stage()
    own, beside = in_turn(plan.times(15), [stage, plain])
    return compared("a stage redefined and run", own, beside, "the cell alone", at_most(own, 0.03))


@contextlib.contextmanager
def kernel_in(folder: Path) -> Iterator[Any]:
    """The client of a kernel of this interpreter that works in a folder."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(folder), env=clean_environment(JUPYTER_PLATFORM_DIRS="1"), stderr=_nowhere())
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def execute(client: Any, code: str) -> float:
    """The wall seconds until a cell is done.

    Raises:
        SystemExit: it failed.
    """
    started = time.perf_counter()
    reply = client.execute_interactive(code, timeout=120, output_hook=lambda _message: None)
    taken = time.perf_counter() - started
    if reply["content"]["status"] != "ok":
        sys.exit(f"cell failed: {reply['content']}\n{code}")
    return taken
