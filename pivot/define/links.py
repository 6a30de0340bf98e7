"""Where the value of a stage lies, once the folder of its pipeline file is known."""

from dataclasses import replace

from pivot.model.stage import OutKind, Stage
from pivot.model.upstream import value_path
from pivot.paths import ProjectPath

_OF_VALUES = (OutKind.VALUE, OutKind.VALUES)


def at_home(stage: Stage, home: ProjectPath) -> Stage:
    """A stage with the folder of its pipeline file, which says where its value lies."""
    stage = replace(stage, home=home)
    outs = tuple(
        replace(out, path=value_path(stage.key, listed=out.kind is OutKind.VALUES))
        if out.kind in _OF_VALUES
        else out
        for out in stage.outs
    )
    return replace(stage, outs=outs)
