"""Variants of one stage as one box where there are many: what a picture of a hundred stages needs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pivot.core.graph import Graph
from pivot.core.state import StageState, by_attention, summary
from pivot.errors import PivotError
from pivot.model.stage import Stage

_MANY_STAGES = 30
_MANY_VARIANTS = 8


def folded(graph: Graph, states: Mapping[str, StageState]) -> tuple[Graph, Mapping[str, StageState]]:
    """The graph and its states with many variants as one stage, ``train x40``; the same where there are few.

    The state of such a stage is that of the variant which wants attention most, its reason how many are in which.
    """
    groups: dict[str, list[Stage]] = {}
    for name in graph.order:
        groups.setdefault(name.partition("@")[0], []).append(graph.stage(name))
    least = 3 if len(graph.order) > _MANY_STAGES else _MANY_VARIANTS + 1
    many = {group: stages for group, stages in groups.items() if len(stages) >= least}
    if not many:
        return graph, states
    shown: list[Stage] = []
    known: dict[str, StageState] = {}
    for group, stages in groups.items():
        if group not in many:
            shown += stages
            known.update({stage.name: states[stage.name] for stage in stages if stage.name in states})
            continue
        one = _joined(group, stages)
        shown.append(one)
        own = [states[stage.name] for stage in stages if stage.name in states]
        if own:
            known[one.name] = replace(by_attention(own)[0], reason=summary(own), cause="", seconds=None)
    try:
        return Graph(tuple(shown)), known
    except PivotError:  # variants that read each other's outputs by way of another stage make a cycle
        return graph, states


def _joined(group: str, stages: Sequence[Stage]) -> Stage:
    """One stage that reads and writes what all of them do, but for what they pass among themselves."""
    outs = tuple({out.path: out for stage in stages for out in stage.outs}.values())
    written = {out.path for out in outs}
    deps = tuple(
        {dep.path: dep for stage in stages for dep in stage.deps if dep.path not in written}.values()
    )
    return replace(stages[0], name=f"{group} \N{MULTIPLICATION SIGN}{len(stages)}", deps=deps, outs=outs)
