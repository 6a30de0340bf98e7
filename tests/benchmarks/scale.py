"""What grows: the code of a project, the deps of a stage, the files of a folder, the objects of a cache."""

import itertools
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import peers
from measure import (
    BESIDE,
    NOTHING,
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
    told,
)

from pivot.model.digest import digest_bytes
from pivot.store.layout import plan_layout

STATUS, REPRO = [peers.PIVOT, "status"], [peers.PIVOT, "repro"]
GROWING = (1, 100, 1_000, 10_000)

STAGES = """
from typing import Annotated

import pivot

from helpers_{module} import helped


def step(
    value: Annotated[dict, pivot.Dep("in.json", pivot.loaders.JSON())],
) -> Annotated[dict, pivot.Out("out.json", pivot.loaders.JSON())]:
    return {{"n": helped(value["n"])}}
"""
HELPERS = "def helped(number):\n    return number + {number}\n"

LIST = """
from typing import Annotated

import pivot


def total(
    values: Annotated[{kind}, pivot.Dep({path!r}, pivot.loaders.{loader}())],
) -> Annotated[dict, pivot.Out("out.json", pivot.loaders.JSON())]:
    return {{"n": len(str(values))}}
"""


def measure(plan: Plan) -> Iterator[Table]:
    """The table of what grows."""
    table = Table("As a project grows", BESIDE)
    if plan.wants("helper"):
        table.rows.append(helper_row(plan))
    if plan.wants("deps"):
        table.rows.extend(deps_rows(plan))
    if plan.wants("objects"):
        table.rows.extend(object_rows(plan))
    if plan.wants("gc"):
        table.rows.extend(gc_rows(plan))
    if plan.wants("history"):
        table.rows.extend(history_rows(plan))
    if plan.wants("folder"):
        table.rows.extend(folder_rows(plan))
    if table.rows:
        table.how = [
            (
                "A helper edited: `pivot status` in a project of 1,000 stages out of 100 modules with a file of helpers each, "
                "after a function in one of them was changed; beside it the same with nothing changed and "
                "PIVOT_FULL_CHECK=1, in turn."
            ),
            (
                "Deps, objects: `pivot repro` with PIVOT_FULL_CHECK=1 and nothing to do. One more: the time less that of the "
                "next smaller number, through the difference. Linear: no more than 1.5 times what it was before."
            ),
            (
                "gc: `pivot gc` takes away so many objects that nothing needs. History: `pivot repro --force` of one stage, and "
                "`pivot history`, where the history holds 100 runs of 1,000 stages each, one of which goes with every run; "
                "beside it the same where it holds a few."
            ),
        ]
        yield table


def helper_row(plan: Plan) -> Row:
    """`status` after the edit of one helper."""
    told("  a helper edited")
    stages, modules = plan.size(1_000, 20), plan.size(100, 4)
    numbers = iter(range(1_000_000))
    full = clean_environment(PIVOT_FULL_CHECK="1")
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        write_inputs(folder, stages)
        for module in range(modules):
            (folder / f"steps_{module}.py").write_text(STAGES.format(module=module))
            (folder / f"helpers_{module}.py").write_text(HELPERS.format(number=1))
        entries = "".join(
            f"  step{i}:\n    python: steps_{i % modules}.step\n    deps: {{value: data/{i}.json}}\n"
            f"    outs: {{output: out/{i}.json}}\n"
            for i in range(stages)
        )
        (folder / "pivot.yaml").write_text(f"stages:\n{entries}")
        process(REPRO, folder)
        helpers = folder / "helpers_0.py"

        def edited() -> float:
            helpers.write_text(HELPERS.format(number=2 + next(numbers)))
            return process(STATUS, folder)

        def unchanged() -> float:
            helpers.write_text(HELPERS.format(number=1))
            process(STATUS, folder)
            return process(STATUS, folder, full)

        own, beside = in_turn(plan.times(5), [edited, unchanged])
    goal = Goal("≤ full check + 50 ms", own <= beside + 0.05)
    return compared(f"one helper edited, `status` of {stages:,} stages", own, beside, "full check", goal)


def deps_rows(plan: Plan) -> Iterator[Row]:
    """A full check of a stage with more and more deps."""
    taken = []
    for count in GROWING[:3] if plan.quick else GROWING:
        told(f"  {count:,} deps")
        with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
            folder = Path(temporary)
            write_inputs(folder, count)
            paths = [f"data/{i}.json" for i in range(count)]
            (folder / "stages.py").write_text(LIST.format(kind="list", path=["data/0.json"], loader="JSON"))
            deps = json.dumps({"values": paths})
            (folder / "pivot.yaml").write_text(
                f"stages:\n  total:\n    python: stages.total\n    deps: {deps}\n"
            )
            process(REPRO, folder)
            taken.append((count, in_turn(plan.times(3), [partial(checked, folder)])[0]))
    yield from growing("dep", taken)


def object_rows(plan: Plan) -> Iterator[Row]:
    """A full check beside more and more objects of other results in the cache."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        tool = peers.pivot()
        tool.write(folder, 2)
        process(REPRO, folder)
        made = 0
        for count in GROWING[:3] if plan.quick else GROWING:
            told(f"  {count:,} objects")
            write_objects(folder, range(made, count))
            made = count
            taken.append((count, in_turn(plan.times(5), [partial(checked, folder)])[0]))
    yield from growing("object in the cache", taken)


def gc_rows(plan: Plan) -> Iterator[Row]:
    """Taking away more and more objects."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        peers.pivot().write(folder, 2)
        process(REPRO, folder)
        for count in GROWING[:3] if plan.quick else GROWING:
            told(f"  {count:,} objects to take away")

            def collected(count: int = count) -> float:
                write_objects(folder, range(count))
                return process([peers.PIVOT, "gc", "--force"], folder)

            taken.append((count, in_turn(plan.times(3), [collected])[0]))
    yield from growing("object taken away by `pivot gc`", taken)


def history_rows(plan: Plan) -> Iterator[Row]:
    """A run, and a look at the runs, where the history is as long as it gets."""
    stages, runs = plan.size(1_000, 10), 100
    told(f"  a history of {runs} runs of {stages:,} stages")
    one = [peers.PIVOT, "repro", "--force", "--single-stage", "step0"]
    acts = (("a stage run", one), ("`pivot history`", [peers.PIVOT, "history"]))
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        peers.pivot().write(folder, stages)
        process(REPRO, folder)
        before = [in_turn(plan.times(5), [partial(process, words, folder)])[0] for _, words in acts]
        runs_folder = folder / ".pivot" / "runs"
        first = min(each for each in runs_folder.iterdir() if not each.name.startswith("."))
        for number in range(runs):
            shutil.copytree(first, first.with_name(f"20000101-{number:06}-000000-0000"))
        process(one, folder)  # the first one after an hour looks for results that nothing names
        after = [in_turn(plan.times(5), [partial(process, words, folder)])[0] for _, words in acts]
    for (title, _), own, beside in zip(acts, after, before, strict=True):
        goals = [] if title.startswith("`") else [at_most(own, beside + 0.05, "a short one + 50 ms")]
        yield compared(f"{title}, long history", own, beside, "short history", *goals)


def folder_rows(plan: Plan) -> Iterator[Row]:
    """A dep on a folder of many small files: at first, unchanged, one of them changed."""
    count = plan.size(100_000, 100)
    told(f"  a folder of {count:,} files")
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        write_inputs(folder, count)
        (folder / "stages.py").write_text(LIST.format(kind="object", path="data/", loader="PathOnly"))
        (folder / "pivot.yaml").write_text("stages:\n  total:\n    python: stages.total\n")
        told("    hashed for the first time")
        yield Row(
            f"a folder of {count:,} small files, first run",
            (seconds(process(REPRO, folder)), NOTHING, NOTHING),
        )
        process(REPRO, folder)
        check, noop = in_turn(plan.times(3), [partial(checked, folder), partial(process, REPRO, folder)])
        rate = count / check
        goal = Goal("≥ 50,000 files/s", rate >= 50_000)
        yield Row("the same, full check", (seconds(check), f"{rate:,.0f} files/s", NOTHING), (goal,))
        yield Row("the same, nothing to do", (seconds(noop), f"{count / noop:,.0f} files/s", NOTHING))
        (folder / "data" / "0.json").write_text("[]")
        changed = process(STATUS, folder)
        goal = at_most(changed, check + 0.05, "full check + 50 ms")
        yield compared("the same, one of them changed, `status`", changed, check, "full check", goal)


def write_objects(folder: Path, numbers: range) -> None:
    """Objects in the cache that nothing needs."""
    layout = plan_layout(str(folder), None)
    for number in numbers:
        data = str(number).encode()
        path = Path(layout.object_file(digest_bytes(data)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def checked(folder: Path) -> float:
    """The wall seconds of a full check."""
    return process(REPRO, folder, clean_environment(PIVOT_FULL_CHECK="1"))


def growing(what: str, taken: list[tuple[int, float]]) -> Iterator[Row]:
    """What one more costs."""
    before = None
    for (fewer, quick), (more, slow) in itertools.pairwise(taken):
        each = (slow - quick) / (more - fewer)
        cells = (seconds(slow), f"{each * 1e6:,.0f} µs for one more", NOTHING)
        # differences below a tenth of a millisecond are the clock's
        goals = [] if before is None else [Goal("linear", each <= max(1.5 * before, 1e-4))]
        yield Row(f"{more:,} x {what}", cells, tuple(goals))
        before = each


def write_inputs(folder: Path, count: int) -> None:
    """Small files to read, no two alike."""
    chance = random.Random(0)
    (folder / "data").mkdir()
    for number in range(count):
        (folder / "data" / f"{number}.json").write_text(json.dumps({"n": number, "x": chance.random()}))
