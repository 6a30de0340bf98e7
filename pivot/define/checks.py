"""What must hold for a set of stages as a whole, whatever doors they came through."""

import graphlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

from pivot.errors import DefinitionError, PivotError
from pivot.model.stage import Stage
from pivot.paths import ProjectPath


def check_stages(stages: Iterable[Stage]) -> tuple[PivotError, ...]:
    """Everything that is wrong between stages: names, outputs of two, outputs in outputs, circles."""
    every = tuple(stages)
    return (*_names(every), *_outputs(every), *_own_outputs(every), *_circle(every))


def _names(stages: Sequence[Stage]) -> list[PivotError]:
    seen: dict[str, Stage] = {}
    errors: list[PivotError] = []
    for stage in stages:
        first = seen.setdefault(stage.name, stage)
        if first is not stage:
            message = f"stage {stage.name!r} is defined twice ({first.place} and {stage.place})"
            errors.append(DefinitionError(message, "give one of them another name"))
    return errors


def _outputs(stages: Sequence[Stage]) -> list[PivotError]:
    makers: dict[str, Stage] = {}
    errors: list[PivotError] = []
    for stage in stages:
        for path in stage.out_paths():
            first = makers.setdefault(path.rstrip("/"), stage)
            if first is not stage:
                who = f"stages {first.name!r} ({first.place}) and {stage.name!r} ({stage.place})"
                message = f"{who} both write {path!r}"
                errors.append(DefinitionError(message, "give each its own path"))
        for path in _repeated(stage.out_paths()):
            message = f"stage {stage.name!r}: two of its outputs are {path!r} ({stage.place})"
            errors.append(DefinitionError(message, "give each its own path"))
    for inner, stage in makers.items():
        for outer in _folders(inner):
            if outer in makers:
                other = makers[outer]
                message = (
                    f"stage {stage.name!r} ({stage.place}) writes {inner!r} inside {outer!r}, "
                    f"which is an output of {other.name!r} ({other.place})"
                )
                errors.append(DefinitionError(message, "an output cannot lie inside another"))
    return errors


def _own_outputs(stages: Sequence[Stage]) -> list[PivotError]:
    return [
        DefinitionError(
            f"stage {stage.name!r} reads its own output {path!r} ({stage.place})",
            "write to another path",
        )
        for stage in stages
        for path in stage.dep_paths()
        if path in stage.out_paths()
    ]


def _circle(stages: Sequence[Stage]) -> list[PivotError]:
    makers = {path: stage.name for stage in stages for path in stage.out_paths()}
    edges: dict[tuple[str, str], ProjectPath] = {}
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for stage in stages:
        before = {
            makers[path]: path for path in stage.dep_paths() if makers.get(path, stage.name) != stage.name
        }
        sorter.add(stage.name, *before)
        edges.update({(maker, stage.name): path for maker, path in before.items()})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        names: list[str] = error.args[1]
        start = names.index(min(names))
        # the same circle begins with the same stage whatever the order of the file
        names = [*names[start:-1], *names[:start], names[start]]
        steps = "".join(f" -> {b} (through {edges[a, b]})" for a, b in pairwise(names))
        places = {stage.name: stage.place for stage in stages}
        message = f"stages wait for each other in a circle: {names[0]}{steps} ({places[names[0]]})"
        return [DefinitionError(message, "let one of them read another file")]
    return []


def _folders(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _repeated(paths: Sequence[ProjectPath]) -> list[ProjectPath]:
    return sorted({path for path in paths if paths.count(path) > 1})
