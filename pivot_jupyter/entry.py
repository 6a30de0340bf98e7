"""A notebook's stage as an entry of ``pivot.yaml``: plain data, from which the same stages are made again."""

import json
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from pivot.define.declared import declared_by
from pivot.define.decorator import mark_of
from pivot.define.outs import kind_of
from pivot.define.rules import rules_table
from pivot.errors import PivotError
from pivot.model.stage import ObjectRef, OutKind, Returns, Stage, StageDep, StageOut
from pivot.model.upstream import OnError, StageMap
from pivot.paths import ProjectPath, relative_to_folder
from pivot_jupyter.stages import Draft, Ground, define

# the path of an incremental out stands in the code alone
_SECTIONS = (
    ("outs", (OutKind.OUT, OutKind.DIRECTORY)),
    ("metrics", (OutKind.METRIC,)),
    ("plots", (OutKind.PLOT,)),
)


def entry_of(draft: Draft, stages: Sequence[Stage], module: ModuleType, ground: Ground) -> dict[str, Any]:
    """What `define` made of a draft, as one entry of the ``pivot.yaml`` beside the notebook.

    What ``params.yaml`` says stays there: it wins over the entry, and counts no more when it is gone.

    Args:
        module: as for `define`.
    """
    if draft.options.matrix is not None:
        return _matrix_entry(draft, getattr(module, draft.function), stages[0].function)
    entry = stage_entry(stages[0], ground.folder)
    if "params" in entry:
        try:
            (plain,) = define(draft, module, ground)
        except PivotError:  # only together with that file the params are whole
            return {**entry, "params": dict(draft.options.params)}
        return {**entry, **stage_entry(plain, ground.folder)}
    return entry


def stage_entry(stage: Stage, folder: ProjectPath) -> dict[str, Any]:
    """A stage as ``pivot.yaml`` in `folder` says it, with everything explicit."""
    entry: dict[str, Any] = {"python": str(stage.function)}
    by_value = {one.argument for one in stage.depends_on} | {stage.map.argument if stage.map else None, None}
    deps = _paths(stage, (dep for dep in stage.deps if dep.argument not in by_value))
    if deps:
        entry["deps"] = deps
    if stage.returns is not Returns.NOTHING:
        for section, kinds in _SECTIONS:
            outs = _paths(stage, (out for out in stage.outs if out.kind in kinds))
            if outs:
                entry[section] = outs
    if stage.params is not None and json.loads(stage.params.values):
        entry["params"] = _literal(json.loads(stage.params.values))
    if stage.mutex:
        entry["mutex"] = _literal(list(stage.mutex))
    entry.update(rules_table(stage))
    entry.update(_values(stage))
    if stage.folder != folder:
        entry["cwd"] = _literal(relative_to_folder(stage.folder, folder))
    return entry


def _values(stage: Stage) -> dict[str, Any]:
    """What the stage takes from others."""
    said: dict[str, Any] = {}
    if stage.depends_on:
        said["depends_on"] = [one.stage for one in stage.depends_on]
    if stage.map is not None:
        said["map"] = _map(stage.map)
    return said


def _map(fanout: StageMap) -> Any:
    """The short form where that says all."""
    table: dict[str, Any] = {"over": fanout.over}
    if fanout.on_error is not OnError.FAIL:
        table["on_error"] = str(fanout.on_error)
    if fanout.max_parallel is not None:
        table["max_parallel"] = fanout.max_parallel
    return table if len(table) > 1 else fanout.over


def _paths(stage: Stage, declared: Iterable[StageDep | StageOut]) -> dict[str, str | list[str]]:
    """Name → its path, or the list of its paths."""
    paths: dict[str, str | list[str]] = {}
    for one in declared:
        path = _literal(relative_to_folder(one.path, stage.folder))
        if one.index is None:
            paths[one.name] = path
        else:
            several = paths.setdefault(one.name, [])
            assert isinstance(several, list)
            several.append(path)
    return paths


def _matrix_entry(draft: Draft, function: Callable[..., Any], ref: ObjectRef) -> dict[str, Any]:
    """The paths are those of the annotations, and over them what the cell's head says, ``${…}`` and all."""
    declared = declared_by(function, mark_of(function), is_variant=True)
    said = draft.options.table()
    given = said.pop("outs", {})
    entry: dict[str, Any] = {"python": str(ref)}
    deps = {name: _as_written(dep.path) for name, (dep, _) in declared.deps.items()} | said.pop("deps", {})
    if deps:
        entry["deps"] = deps
    for section, kinds in _SECTIONS:
        outs = {name: out for name, (out, _) in declared.outs.items() if kind_of(out) in kinds}
        if declared.returns is Returns.SINGLE and given and outs:
            entry[section] = given  # its one output may have any name
        elif outs:
            entry[section] = {name: given.get(name, _as_written(out.path)) for name, out in outs.items()}
    return {**entry, **said}


def _as_written(path: Any) -> Any:
    return _literal(path if isinstance(path, str) else list(path))


def _literal(value: Any) -> Any:
    """A value in which ``${`` is no more than these characters."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: _literal(inner) for name, inner in value.items()}
    return [_literal(inner) for inner in value] if isinstance(value, list) else value
