"""Bytes: hashing beside `cat`, small files, putting a large output back."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import peers
from measure import BESIDE, NOTHING, Goal, Plan, Row, Table, compared, in_turn, process, seconds, told

from pivot.store.hashing import hash_file, hash_files

GIB = 1 << 30

LARGE = """
from pathlib import Path
from typing import Annotated

import pivot


def large() -> Annotated[Path, pivot.Out("large.bin", pivot.loaders.PathOnly())]:
    path = pivot.out_path()
    with open(path, "wb") as file:
        for number in range({blocks}):
            file.write(number.to_bytes(8, "big") * {words})
    return path
"""


def measure(plan: Plan) -> Iterator[Table]:
    """The table of bytes."""
    table = Table("Data", BESIDE)
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        if plan.wants("hash"):
            table.rows.append(hash_row(plan, Path(temporary)))
        if plan.wants("small"):
            table.rows.extend(small_rows(plan, Path(temporary)))
    if plan.wants("restore"):
        table.rows.extend(restore_rows(plan))
    if table.rows:
        table.how = [
            "Hashing: in one process, the file in the page cache; `cat` with its output to /dev/null.",
            (
                "Put back: a whole `pivot checkout` after the output was removed; beside it the same with a small output. "
                "With `copy` the file system shares blocks where it can (reflink)."
            ),
        ]
        yield table


def hash_row(plan: Plan, folder: Path) -> Row:
    """A large file: `hash_file` beside `cat`."""
    size = plan.size(GIB, 1 << 20)
    told("  hashing a large file")
    path = folder / "large.bin"
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)

    def hashed() -> float:
        started = time.perf_counter()
        hash_file(str(path))
        return time.perf_counter() - started

    def cat() -> float:
        started = time.perf_counter()
        with open(os.devnull, "wb") as nowhere:
            subprocess.run(["cat", str(path)], stdout=nowhere, check=True)
        return time.perf_counter() - started

    hashed()
    own, beside = in_turn(plan.times(7), [hashed, cat])
    path.unlink()
    return compared(f"hashing {size >> 20:,} MiB", own, beside, "`cat`", Goal("≤ 1.2 x", own <= 1.2 * beside))


def small_rows(plan: Plan, folder: Path) -> Iterator[Row]:
    """Many small files: read and hashed, and stat'ed."""
    count = plan.size(20_000, 200)
    told("  hashing small files")
    paths = [str(folder / f"{number}.json") for number in range(count)]
    for number, path in enumerate(paths):
        Path(path).write_text(f'{{"n": {number}}}')

    def hashed() -> float:
        started = time.perf_counter()
        hash_files(paths)
        return time.perf_counter() - started

    def asked() -> float:
        started = time.perf_counter()
        for path in paths:
            os.stat(path)
        return time.perf_counter() - started

    for title, act, least in (("hashed", hashed, 10_000), ("`os.stat`", asked, 50_000)):
        taken = in_turn(plan.times(5), [act])[0]
        rate = count / taken
        cells = (seconds(taken), f"{rate:,.0f} files/s", NOTHING)
        yield Row(f"{count:,} small files, {title}", cells, (Goal(f"≥ {least:,} files/s", rate >= least),))


def restore_rows(plan: Plan) -> Iterator[Row]:
    """An output put back, in each way that a file can get into the workspace."""
    for mode in ("copy", "hardlink", "symlink"):
        told(f"  putting back by {mode}")
        taken = []
        for size in (plan.size(GIB, 1 << 20), 1 << 13):
            with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
                folder = Path(temporary)
                process([peers.PIVOT, "init"], folder)
                (folder / ".pivot" / "config.yaml").write_text(f"cache:\n  checkout_mode: {mode}\n")
                words = min(size // 8, 1 << 17)
                (folder / "stages.py").write_text(LARGE.format(blocks=size // 8 // words, words=words))
                (folder / "pivot.yaml").write_text("stages:\n  large:\n    python: stages.large\n")
                process([peers.PIVOT, "repro"], folder)
                taken.append(in_turn(plan.times(3), [partial(put_back, folder, size)])[0])
        own, beside = taken
        goals = [Goal("≤ small + 50 ms", own <= beside + 0.05)] if mode != "copy" else []
        yield compared(
            f"{plan.size(GIB, 1 << 20) >> 20:,} MiB put back by {mode}", own, beside, "8 KiB", *goals
        )


def put_back(folder: Path, size: int) -> float:
    """The wall seconds of a checkout of the removed output."""
    (folder / "large.bin").unlink()
    taken = process([peers.PIVOT, "checkout"], folder)
    assert (folder / "large.bin").stat().st_size == size
    return taken
