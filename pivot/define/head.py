"""The door of a cell's head: a function that stands in no file yet, and what is said over its declarations."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# now, not with the first cell: others may have changed by then what pydantic is made with (`textwrap`, say)
import pivot.config.validation  # noqa: F401
from pivot.config.params import check_params_names
from pivot.config.pivotfile import read_entry, read_pivotfile
from pivot.config.supply import ParamSupply
from pivot.define.links import at_home
from pivot.define.locate import PipelineFile
from pivot.define.outs import Given
from pivot.define.pivotfile import made_stage, once
from pivot.define.signatures import Signatures
from pivot.define.variants import made_by
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.context import NOTHING_SAID, FileContext
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind, Stage
from pivot.paths import absolute
from pivot.yamlio import YamlDocument


def unclaimed_params(
    params: YamlDocument | None, home: PipelineFile, stages: Sequence[Stage]
) -> tuple[PivotError, ...]:
    """What the ``params.yaml`` beside a pipeline file says of no stage, or of one without params.

    Args:
        params: of that file.
        stages: besides those that the file itself names, of which nothing is told.
    """
    own: list[str] = []
    with (
        contextlib.suppress(OSError, PivotError),
        open(absolute(home.file, home.root), encoding="utf-8") as file,
    ):
        own = [entry.name for entry in read_pivotfile(file.read(), home.file, []).stages]
    own = [name for name in own if name not in {stage.name for stage in stages}]
    takers = [stage.name for stage in stages if stage.params is not None]
    return tuple(check_params_names(params, [*takers, *own], [*own, *(stage.name for stage in stages)]))


def stages_from_head(
    function: Callable[..., Any],
    name: str,
    table: Mapping[str, Any],
    *,
    ref: ObjectRef,
    place: Place,
    home: PipelineFile,
    params: YamlDocument | None,
    context: FileContext = NOTHING_SAID,
) -> tuple[Stage, ...]:
    """The stages that a function makes where it stands: one, or one for each variant of a matrix.

    Args:
        name: of the stage; with a matrix perhaps a template.
        table: what an entry of ``pivot.yaml`` says, without ``python``; any kind of output may stand under ``outs``.
        ref: the name under which workers find the function.
        place: of the head, for messages.
        home: of the pipeline file that the entry would stand in.
        params: of the ``params.yaml`` beside it.
        context: what that file says for all its stages.

    Raises:
        DefinitionErrors: everything that is wrong with them.
    """
    errors: list[PivotError] = []
    entry = read_entry(name, {"python": str(ref), **table}, place)
    stages: list[Stage] = []
    told: set[str] = set()
    signatures = Signatures()
    for made in made_by(entry, {}, errors):
        outs: Given = {
            None: made.paths["outs"],
            OutKind.METRIC: made.paths["metrics"],
            OutKind.PLOT: made.paths["plots"],
        }
        try:
            supply = ParamSupply(params)
            stage = made_stage(entry, made, (function, ref), outs, supply, home, place, signatures, context)
            stages.append(at_home(stage, home.folder))
        except PivotError as error:
            errors.extend(once(error, made.name, told))
    if errors:
        raise DefinitionErrors(errors)
    return tuple(stages)
