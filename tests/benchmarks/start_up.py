"""What starting costs: Python, `import pivot`, help, completion, the extension in IPython, a first stage with pandas."""

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import peers
from measure import (
    BESIDE,
    Goal,
    Plan,
    Row,
    Table,
    at_most,
    clean_environment,
    compared,
    in_turn,
    process,
    seconds,
)

SHELL = "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()"
LOADED = f"{SHELL}; shell.run_line_magic('load_ext', 'pivot_jupyter')"
NEXT_CELL = f"{LOADED}; shell.run_cell('1')"

PANDAS = """
from typing import Annotated

import pandas
import pivot


def step(
    value: Annotated[dict, pivot.Dep("in.json", pivot.loaders.JSON())],
) -> Annotated[dict, pivot.Out("out.json", pivot.loaders.JSON())]:
    return {"n": value["n"] + 1, "version": pandas.__version__}
"""


def measure(plan: Plan) -> Iterator[Table]:
    """The table of start-up times."""
    table = Table("Start-up", BESIDE)
    if plan.wants("start"):
        table.rows.extend(start_rows(plan))
    if plan.wants("load_ext"):
        shells = [partial(process, [sys.executable, "-c", code]) for code in (SHELL, LOADED, NEXT_CELL)]
        plain, loaded, ready = in_turn(plan.times(9), shells)
        goal = at_most(loaded - plain, 0.15, "150 ms more")
        table.rows.append(compared("`%load_ext pivot_jupyter`", loaded, plain, "plain IPython", goal))
        table.rows.append(compared("the same, and a cell at once", ready, plain, "plain IPython"))
    if plan.wants("pandas"):
        table.rows.append(pandas_row(plan))
    if table.rows:
        table.how = [
            (
                "Whole processes. Completion is what a shell starts when Tab is pressed after `pivot repro `, in a project of "
                "100 stages. Pivot's own parts are imported when the cell that loads it is over, at the latest before the next "
                "cell begins. The first stage with pandas is a whole `pivot repro` of one trivial stage whose module imports "
                "it, from nothing."
            )
        ]
        yield table


def start_rows(plan: Plan) -> Iterator[Row]:
    """What is measured beside ``python -c pass``, in a project that has run."""
    python = [sys.executable, "-c"]
    tab = clean_environment(_PIVOT_COMPLETE="bash_complete", COMP_WORDS="pivot repro ", COMP_CWORD="2")
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        peers.pivot().write(folder, plan.size(100, 2))
        process([peers.PIVOT, "repro"], folder)
        bare, *taken = in_turn(
            plan.times(11),
            [
                partial(process, [*python, "pass"], folder),
                partial(process, [*python, "import pivot"], folder),
                partial(process, [peers.PIVOT, "--help"], folder),
                partial(process, [peers.PIVOT], folder, tab),
            ],
        )
    titles = ("`import pivot`", "`pivot --help`", "completion of a stage's name")
    limits: tuple[float | None, ...] = (None, 0.1, 0.1)
    for title, own, limit in zip(titles, taken, limits, strict=True):
        yield compared(
            title, own, bare, "`python -c pass`", *([] if limit is None else [at_most(own, limit)])
        )


def pandas_row(plan: Plan) -> Row:
    """A cold run of a stage whose module imports pandas, beside that import."""
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        tool = peers.pivot()
        tool.write(folder, 1)
        (folder / "stages.py").write_text(PANDAS)
        tool.run(folder)
        importing = [sys.executable, "-c", "import pandas"]
        own, plain = in_turn(
            plan.times(7), [partial(tool.run_cold, folder), partial(process, importing, folder)]
        )
    goal = Goal("≤ 1.2 x", own <= 1.2 * plain)
    return Row(
        "first stage of a cold run, with pandas",
        (seconds(own), f"{seconds(plain)} `python -c 'import pandas'`", f"{own / plain:.2f}"),
        (goal,),
    )
