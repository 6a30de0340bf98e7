"""The work for a pipeline grows with its size, not with its square: counted, for two sizes, step by step."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from pivot.core.graph import Graph
from pivot.core.matrix import problems, variants
from pivot.core.query import essential_edges, layers, select
from pivot.errors import DefinitionErrors, UsageError
from pivot.model.stage import Stage

Make = Callable[..., Stage]
SIZE = 60


def steps(act: Callable[[], object]) -> int:
    """How many instructions of Python an act takes; what one instruction does at once counts as one."""
    count = 0

    def on_step(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return on_step

    before = sys.gettrace()
    sys.settrace(on_step)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def chain(stage: Make, size: int) -> list[Stage]:
    return [stage(f"s{n}", [f"{n}.txt"], [f"{n + 1}.txt"]) for n in range(size)]


def gathered(stage: Make, size: int, dep: str = "out/") -> list[Stage]:
    return [*(stage(f"s{n}", [], [f"out/{n}.txt"]) for n in range(size)), stage("all", [dep], ["all.txt"])]


def one_ring(stage: Make, size: int) -> list[Stage]:
    return [*chain(stage, size), stage("last", [f"{size}.txt"], ["0.txt"])]


def refused(stages: list[Stage]) -> None:
    with pytest.raises(DefinitionErrors):
        Graph(stages)


def unknown(graph: Graph, count: int) -> None:
    with pytest.raises(UsageError):
        select(graph, [f"s{n}x" for n in range(count)])


def made(size: int) -> None:
    dimensions = {"n": list(range(size))}
    assert not problems("s", dimensions)
    variants("s", dimensions)


ACTS = {
    "a chain": lambda stage, size: Graph(chain(stage, size)),
    "a folder that many write": lambda stage, size: Graph(gathered(stage, size)),
    "a stage with many outs that all are read": lambda stage, size: Graph(
        [
            stage("one", [], [f"{n}.txt" for n in range(size)]),
            stage("two", [f"{n}.txt" for n in range(size)], []),
        ]
    ),
    "a long cycle": lambda stage, size: refused(one_ring(stage, size)),
    "all that some targets rest on": lambda stage, size: select(Graph(chain(stage, size)), ["s*"]),
    "ranks": lambda stage, size: layers(Graph(chain(stage, size))),
    "the edges to draw": lambda stage, size: essential_edges(Graph(chain(stage, size))),
    "the edges to draw of a wide graph": lambda stage, size: essential_edges(Graph(gathered(stage, size))),
    "the variants of a matrix": lambda _, size: made(size),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_twice_as_much_takes_twice_the_steps(stage, act):
    act(stage, 2)  # what is imported and cached at first
    assert steps(lambda: act(stage, 4 * SIZE)) < 2.3 * steps(lambda: act(stage, 2 * SIZE))


def test_names_like_unknown_ones_are_looked_for_a_few_times_only(stage):
    graph = Graph(chain(stage, 30))
    unknown(graph, 10)
    assert steps(lambda: unknown(graph, 30)) < 2.4 * steps(lambda: unknown(graph, 10))
