"""The door of a cell's head: a function that stands in no file yet, and what is said over its declarations."""

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# now, not with the first cell: others may have changed by then what pydantic is made with (`textwrap`, say)
import pivot.config.validation  # noqa: F401
from pivot.config.params import check_params_names
from pivot.config.pivotfile import read_entry, read_pivotfile
from pivot.config.supply import ParamSupply
from pivot.define.locate import PipelineFile
from pivot.define.outs import Given
from pivot.define.pivotfile import file_context, made_stage, once
from pivot.define.reading import params_beside
from pivot.define.signatures import Signatures
from pivot.define.variants import made_by, shared_params, vars_of
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.context import NOTHING_SAID, FileContext
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind, Stage
from pivot.paths import absolute
from pivot.yamlio import YamlDocument, yaml_text

_FOR_ALL = re.compile(r"^(params|config)[ \t]*:", re.MULTILINE)


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


@dataclass(frozen=True, slots=True)
class FileSaid:
    """What the files beside a notebook say of its stages.

    Attributes:
        params: ``params.yaml``, and ``params:`` of ``pivot.yaml``.
        context: ``params:`` and ``config:`` of ``pivot.yaml``.
    """

    params: ParamSupply = field(default_factory=ParamSupply)
    context: FileContext = NOTHING_SAID


def said_beside(home: PipelineFile, errors: list[PivotError]) -> FileSaid:
    """What the files beside a notebook say; what is wrong with its params or config is added to ``errors``.

    Args:
        home: of the ``pivot.yaml``; what is wrong with its stages, who uses those is told.
    """
    supply = ParamSupply(params_beside(home, errors))
    try:
        text = yaml_text(absolute(home.file, home.root), home.file)
        if not _FOR_ALL.search(text):
            return FileSaid(supply)
        said = read_pivotfile(text, home.file, [])
        values = vars_of(said.vars, home.folder, home.root, [], [])
    except OSError:
        return FileSaid(supply)
    except PivotError as error:  # what cells read of it is not known
        errors.extend(error.errors if isinstance(error, DefinitionErrors) else [error])
        return FileSaid(supply)
    if said.params is not None:
        table = shared_params(said.params, values, errors)
        supply = supply.with_shared(table, said.params.place("params"), said.params.document)
    return FileSaid(supply, file_context(supply, said.config, home, errors, []))


def stages_from_head(
    function: Callable[..., Any],
    name: str,
    table: Mapping[str, Any],
    *,
    ref: ObjectRef,
    place: Place,
    home: PipelineFile,
    said: FileSaid,
) -> tuple[Stage, ...]:
    """The stages that a function makes where it stands: one, or one for each variant of a matrix.

    Args:
        name: of the stage; with a matrix perhaps a template.
        table: what an entry of ``pivot.yaml`` says, without ``python``; any kind of output may stand under ``outs``.
        ref: the name under which workers find the function.
        place: of the head, for messages.
        home: of the pipeline file that the entry would stand in.
        said: by the files beside it.

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
            stages.append(
                made_stage(
                    entry, made, (function, ref), outs, said.params, home, place, signatures, said.context
                )
            )
        except PivotError as error:
            errors.extend(once(error, made.name, told))
    if errors:
        raise DefinitionErrors(errors)
    return tuple(stages)
