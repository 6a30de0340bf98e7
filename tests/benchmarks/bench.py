"""Measures Pivot, alone and beside its peers, and writes docs/explanation/speed.md (`make bench`).

python tests/benchmarks/bench.py                  everything
python tests/benchmarks/bench.py --rows noop      rows whose name has it (a regular expression); writes no page
python tests/benchmarks/bench.py --quick          tiny sizes, once each, to see that it works; writes no page
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator

import data
import graph_view
import mapped
import notebook
import observation
import page
import peers
import pipelines
import scale
import start_up
from measure import Plan, Table, told

FAMILIES: tuple[Callable[[Plan], Iterator[Table]], ...] = (
    pipelines.measure,
    start_up.measure,
    scale.measure,
    data.measure,
    mapped.measure,
    notebook.measure,
    graph_view.measure,
    observation.measure,
)


def main() -> None:
    """Measure, print the tables, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="", metavar="PATTERN", help="measure only these, and write no page")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once each; no page")
    chosen = parser.parse_args()
    plan = Plan(re.compile(chosen.rows), quick=chosen.quick)
    machine, began = page.machine(), time.monotonic()
    tables: list[Table] = []
    failed = []
    for family in FAMILIES:
        try:
            tables.extend(shown(family(plan), began))
        except SystemExit as error:  # the others are measured all the same
            failed.append(family.__module__)
            told(f"{family.__module__}: {error}")
    if not chosen.rows and not chosen.quick:
        report = peers.CHECKOUT / "docs" / "explanation" / "speed.md"
        report.write_text(page.page(tables, machine, time.monotonic() - began), encoding="utf-8")
        print(f"written to {report.relative_to(peers.CHECKOUT)}")
    if failed:
        sys.exit(f"not measured to the end, for the reasons above: {', '.join(failed)}")


def shown(tables: Iterator[Table], began: float) -> Iterator[Table]:
    """Prints each table as soon as it is there."""
    for table in tables:
        print("\n".join(page.table_lines(table)), end="\n\n", flush=True)
        told(f"({time.monotonic() - began:.0f} s since the start)")
        yield table


if __name__ == "__main__":
    main()
