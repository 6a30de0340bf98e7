"""Whole processes on the same pipeline, Pivot beside its peers: nothing to do, everything to do, all files touched."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import peers
from measure import (
    NOTHING,
    Goal,
    Plan,
    Row,
    Table,
    at_most,
    clean_environment,
    compared,
    in_turn,
    process_memory,
    seconds,
    told,
)

FULL_CHECK = {"PIVOT_FULL_CHECK": "1"}
LEVEL = 1.15
"""Two tools are level where one takes no more than so many times the other's time."""


@dataclass(frozen=True, slots=True)
class Size:
    """How often a pipeline of so many stages is measured."""

    stages: int
    noops: int
    colds: int
    touches: int = 0


SIZES = (Size(2, 9, 4), Size(100, 9, 2), Size(1_000, 5, 2, 3), Size(10_000, 3, 0))
QUICK = (Size(2, 1, 1), Size(20, 1, 1, 1))

Figures = dict[tuple[str, int], dict[str, float]]
"""What was measured: (row, stages) → tool → seconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """A tool, and the folder with its pipeline."""

    tool: peers.Peer
    folder: Path


def measure(plan: Plan) -> Iterator[Table]:
    """The table of whole processes, then what follows from it."""
    sizes = [
        size
        for size in (QUICK if plan.quick else SIZES)
        if plan.wants(*(f"{row}-{size.stages}" for row in ("noop", "full", "cold", "touch")))
    ]
    if not sizes:
        return
    found = [peers.pivot(), peers.doit(), peers.ninja(), peers.dvc(), peers.upstream(), peers.pool()]
    tools = [peer for peer in found if isinstance(peer, peers.Peer)]
    figures: Figures = {}
    # one folder for all, so that nothing is removed before the last run: see `Peer.run_cold`
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folders = {size.stages: Path(temporary) / str(size.stages) for size in sizes}
        memory = {
            size.stages: measure_size(plan, tools, size, figures, folders[size.stages]) for size in sizes
        }
    table = Table("Whole processes", tuple(tool.label for tool in tools))
    table.rows = [row_of(key, taken, tools) for key, taken in figures.items() if key[0] in TITLES]
    table.how = [*how(sizes, tools), *(f"{peer.label} was not measured: it {peer.why}."
                                       for peer in found if isinstance(peer, peers.Absent))]  # fmt: skip
    yield table
    yield consequences(tools[0].label, figures, memory)


def measure_size(
    plan: Plan, tools: list[peers.Peer], size: Size, figures: Figures, parent: Path
) -> tuple[int, int]:
    """Measures one pipeline with all tools that can take it; gives Pivot's memory in a first run and a full check."""
    memory, firsts = first_runs(tools, size.stages, parent)
    places = list(firsts)
    ours = places[0]
    knowing = [place for place in places if place.tool.knows]
    if plan.wants(f"noop-{size.stages}", f"full-{size.stages}"):
        told(f"  {size.stages:,} stages, nothing to do")
        full = partial(ours.tool.run, ours.folder, **FULL_CHECK)
        *noops, checks = in_turn(
            plan.times(size.noops), [*(partial(p.tool.run, p.folder) for p in knowing), full]
        )
        figures["noop", size.stages] = by_tool(knowing, noops)
        figures["full", size.stages] = by_tool(knowing, [checks, *noops[1:]])
    if size.touches and plan.wants(f"touch-{size.stages}"):
        told(f"  {size.stages:,} stages, all files touched")
        touched = in_turn(plan.times(size.touches), [partial(run_touched, place) for place in knowing])
        figures["touch", size.stages] = by_tool(knowing, touched)
        figures["reading", size.stages] = {ours.tool.label: reading(ours.folder)}
    if plan.wants(f"cold-{size.stages}"):
        told(f"  {size.stages:,} stages, cold")
        runs: list[Callable[[], float]] = [partial(p.tool.run_cold, p.folder) for p in places]
        taken = in_turn(plan.times(size.colds), runs) if size.colds else [*firsts.values()]
        figures["cold", size.stages] = by_tool(places, taken)
    checked = process_memory(ours.tool.command, ours.folder, clean_environment(**FULL_CHECK))[1]
    return memory, checked


def first_runs(tools: list[peers.Peer], stages: int, parent: Path) -> tuple[int, dict[Place, float]]:
    """Makes the pipeline for each tool that can take it, and runs it: bytecode and file caches are warm from here on.

    Returns:
        Pivot's memory in bytes, and what each tool took; a peer that failed is left out.
    """
    memory, firsts = 0, {}
    for number, tool in enumerate(tools):
        if stages > tool.most:
            continue
        told(f"  {stages:,} stages, first run: {tool.label}")
        place = Place(tool, parent / str(number))
        try:
            tool.write(place.folder, stages)
            if number == 0:
                firsts[place], memory = process_memory(tool.command, place.folder)
            else:
                firsts[place] = tool.run(place.folder)
        except SystemExit as error:
            if number == 0:
                raise
            told(f"  left out: {error}")
    return memory, firsts


def by_tool(places: list[Place], taken: list[float]) -> dict[str, float]:
    """What each tool took."""
    return {place.tool.label: each for place, each in zip(places, taken, strict=True)}


def run_touched(place: Place) -> float:
    """A run after every file that a person wrote got a new time."""
    time.sleep(0.05)  # outlasts the tick of the file system's clock: else the times may be the old ones
    for path in (*place.folder.glob("*.*"), *place.folder.glob("data/raw/*")):
        if path.is_file() and not path.name.startswith("."):
            path.touch()
    return place.tool.run(place.folder)


def reading(folder: Path) -> float:
    """The seconds that opening and reading all inputs takes."""
    started = time.perf_counter()
    for path in folder.glob("data/raw/*"):
        path.read_bytes()
    return time.perf_counter() - started


TITLES = {
    "noop": "nothing to do, {} stages",
    "full": "the same, PIVOT_FULL_CHECK=1",
    "touch": "all files touched, {} stages",
    "cold": "everything to do, {} stages",
}


def row_of(key: tuple[str, int], taken: dict[str, float], tools: list[peers.Peer]) -> Row:
    """Seconds of each tool and how many times Pivot's they are."""
    name, stages = key
    own = taken[tools[0].label]
    cells = [seconds(own)]
    for tool in tools[1:]:
        other = taken.get(tool.label)
        cells.append(f"{seconds(other)} ({times(other / own)})" if other is not None else NOTHING)
    return Row(TITLES[name].format(f"{stages:,}"), tuple(cells), tuple(goals(name, stages, taken, tools)))


def times(ratio: float) -> str:
    """``0.085x``, ``1.2x``, ``23x``."""
    return f"{ratio:.2g}x" if ratio < 9.95 else f"{ratio:.0f}x"


LIMITS = {
    ("noop", 2): 0.1,
    ("noop", 100): 0.1,
    ("noop", 1_000): 0.2,
    ("noop", 10_000): 1.0,
    ("full", 1_000): 0.6,
    ("cold", 1_000): 4.0,
}


def goals(name: str, stages: int, taken: dict[str, float], tools: list[peers.Peer]) -> Iterator[Goal]:
    """What the design asks of a row."""
    own = taken[tools[0].label]
    if (limit := LIMITS.get((name, stages))) is not None:
        yield at_most(own, limit)
    wanted = {("noop", 2): (LEVEL, 10), ("noop", 100): (LEVEL, 10), ("cold", 1_000): (0, 5)}
    level, faster = wanted.get((name, stages), (0, 0))
    for label, other in taken.items():
        if level and label.startswith("doit"):
            yield Goal("level with doit", own <= level * other)
        if faster and label.startswith("upstream"):
            yield Goal(f"≥ {faster} x faster than upstream", other >= faster * own)


def consequences(own: str, figures: Figures, memory: dict[int, tuple[int, int]]) -> Table:
    """What a stage costs besides a plain pool, after a touch, and as the pipeline grows."""
    table = Table("What follows from these", ("Pivot", "beside it", "ratio"))
    for (name, stages), taken in figures.items():
        beside = taken.get("ProcessPoolExecutor")
        if (
            name == "cold"
            and beside is not None
            and stages == max(s for n, s in figures if n == "cold" and s < 10_000)
        ):
            each = (taken[own] - beside) / stages
            cells = (f"{each * 1000:.1f} ms", f"{beside / stages * 1000:.1f} ms", NOTHING)
            table.rows.append(
                Row(f"a stage of {stages:,} cold ones, over a plain pool", cells, (at_most(each, 0.003),))
            )
        full = figures.get(("full", stages), {}).get(own)
        if name == "touch" and full is not None:
            whole = full + figures["reading", stages][own]
            goal = Goal("≤ 1.1 x of both", taken[own] <= 1.1 * whole)
            table.rows.append(
                compared("all files touched", taken[own], whole, "full check + reading them", goal)
            )
    for name, title in (("noop", "nothing to do"), ("full", "a full check"), ("cold", "everything to do")):
        table.rows.extend(growth(title, [(s, taken[own]) for (n, s), taken in figures.items() if n == name]))
    most = max(memory)
    for title, size in zip(("everything to do", "a full check"), memory[most], strict=True):
        if size:
            limit = 100e6 + 10e3 * most
            goal = Goal(f"≤ {limit / 1e6:.0f} MB", size <= limit)
            cells = (f"{size / 1e6:.0f} MB", NOTHING, NOTHING)
            table.rows.append(Row(f"memory of the driver, {most:,} stages, {title}", cells, (goal,)))
    table.how = [
        (
            "A stage more: the time of a pipeline less that of the next smaller one, through the number of stages that it "
            "has more. Linear: it costs no more than 1.5 times what it costs in the next smaller pipeline."
        ),
        "Memory: `VmHWM` of the process that was started, without its workers.",
    ]
    return table


def growth(title: str, taken: list[tuple[int, float]]) -> Iterator[Row]:
    """What a stage more costs, as there are more and more."""
    steps = [
        (more, (slow - quick) / (more - fewer)) for (fewer, quick), (more, slow) in itertools.pairwise(taken)
    ]
    for (_, before), (stages, each) in itertools.pairwise(steps):
        goal = Goal("linear", each <= 1.5 * max(before, 2e-5))
        cells = (
            f"{each * 1000:.3f} ms",
            f"{before * 1000:.3f} ms",
            f"{each / before:.1f}" if before > 0 else NOTHING,
        )
        yield Row(f"a stage more of {stages:,}, {title}", cells, (goal,))


def how(sizes: list[Size], tools: list[peers.Peer]) -> Iterator[str]:
    """How the whole processes were measured."""
    yield (
        "Whole processes from start to exit, output captured, bytecode compiled. *Nothing to do*: everything is up to "
        "date. *Everything to do*: the tool's own state and all outputs were moved away before."
    )
    yield (
        "The same pipeline for each tool: independent stages, each of which reads one small JSON file and writes one. "
        "Pivot's stages are in `pivot.yaml`, upstream Pivot's in `pipeline.py`, doit's are Python actions; those of "
        "ninja and DVC are the command `cp`. The plain pool runs the same function in as many processes as there are "
        "cores, and knows nothing of what is up to date."
    )
    yield (
        "doit runs its actions in its own process, doit and ninja keep no results and do not look at code; Pivot and "
        "upstream Pivot run stages in worker processes, one for each core, and keep all results. ninja goes by times: "
        "after a touch it runs everything."
    )
    with_python = [tool for tool in tools if tool.python]
    yield "Python: " + ", ".join(f"{t.label} on {peers.python_version(t.python)}" for t in with_python) + "."
    often = "; ".join(
        f"{size.stages:,} stages: {size.noops} x nothing to do, {size.colds or 1} x everything to do"
        for size in sizes
    )
    yield f"Each figure is the median of its repetitions ({often})."
    if left_out := [tool for tool in tools if tool.most < sizes[-1].stages]:
        names = ", ".join(f"{tool.label} above {tool.most:,} stages" for tool in left_out)
        yield f"Not measured (a run takes longer than {peers.LONGEST} s): {names}."
