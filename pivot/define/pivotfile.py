"""The door of ``pivot.yaml``: entries that name annotated functions → stages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pivot.config.params import MissingParamError
from pivot.config.pivotfile import Scalar, StageEntry, read_pivotfile
from pivot.config.supply import ParamSupply
from pivot.config.tables import ConfigPart, config_text, in_folder, merged_config
from pivot.define.annotations import Overrides, stage_from_function
from pivot.define.functions import code_place
from pivot.define.imports import Modules
from pivot.define.locate import FileStages, Inclusion, PipelineFile, included_file
from pivot.define.outs import Given
from pivot.define.signatures import Signatures
from pivot.define.variants import Made, made_by, shared_params, stage_variant, vars_of
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.context import NOTHING_SAID, FileContext
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind, Stage
from pivot.paths import ProjectPath, project_path


def stages_from_pivotfile(
    text: str, params: ParamSupply, modules: Modules, errors: list[PivotError]
) -> FileStages:
    """The stages of a ``pivot.yaml``; what is wrong with the others is added to ``errors``.

    Args:
        text: of the file.
        params: where its stages' params come from, beside itself.
        modules: import the named functions.
        errors: is added to.

    Raises:
        PivotError: the file itself is not as it must be.
    """
    home = modules.home
    said = read_pivotfile(text, home.file, errors)
    read: list[str] = []
    values = vars_of(said.vars, home.folder, home.root, errors, read)
    if said.params is not None:
        table = shared_params(said.params, values, errors)
        params = params.with_shared(table, said.params.place("params"), said.params.document)
    context = file_context(params, said.config, home, errors, read)
    inclusions = []
    for path, place in said.include:
        try:
            inclusions.append(Inclusion(included_file(path, home), None))
        except PivotError as error:
            errors.append(DefinitionError(f"include: {error.message} ({place})", error.hint))
    stages: list[Stage] = []
    signatures = Signatures()
    functions: dict[str, tuple[Any, ObjectRef]] = {}  # an entry for each file makes thousands of one function
    written: dict[ObjectRef, Place | None] = {}
    # all of them before the first import: what is read from here on is watched
    for entry, several, wrong in [_expanded(entry, values) for entry in said.stages]:
        found = functions.get(entry.python) or modules.function(
            entry.python, entry.name, entry.place("python")
        )
        errors += [found, *wrong] if isinstance(found, PivotError) else wrong
        if isinstance(found, tuple):
            functions[entry.python] = found
        told: set[str] = set()
        for made in several:
            if isinstance(found, tuple):
                try:
                    outs: Given = {
                        OutKind.OUT: made.paths["outs"],
                        OutKind.METRIC: made.paths["metrics"],
                        OutKind.PLOT: made.paths["plots"],
                    }
                    if found[1] not in written:
                        written[found[1]] = code_place(found[0], home.root)
                    code = written[found[1]] or entry.place()
                    stage = made_stage(entry, made, found, outs, params, home, code, signatures, context)
                    stages += [stage] if entry.name not in said.broken else []
                except PivotError as error:
                    new = once(error, made.name, told)
                    is_broken = entry.name in said.broken  # what was taken out is not missing
                    errors.extend(e for e in new if not (is_broken and isinstance(e, MissingParamError)))
    errors.extend(params.unclaimed(surely=not errors))
    return FileStages(tuple(stages), tuple(inclusions), tuple(read), said.notices, said.is_workflow)


def _expanded(
    entry: StageEntry, values: Mapping[str, Scalar]
) -> tuple[StageEntry, list[Made], list[PivotError]]:
    """An entry, the stages that it makes, and what is wrong with it."""
    wrong: list[PivotError] = []
    return entry, list(made_by(entry, values, wrong)), wrong


def once(error: PivotError, stage: str, told: set[str]) -> Iterator[PivotError]:
    """The errors of a stage; what all variants would tell, the first one tells."""
    for one in error.errors if isinstance(error, DefinitionErrors) else (error,):
        text = str(one).replace(repr(stage), "")
        if text not in told:
            told.add(text)
            yield one


def made_stage(
    entry: StageEntry,
    made: Made,
    found: tuple[Any, ObjectRef],
    outs: Given,
    params: ParamSupply,
    home: PipelineFile,
    code: Place,
    signatures: Signatures,
    context: FileContext = NOTHING_SAID,
) -> Stage:
    """One of the stages that an entry makes.

    Args:
        found: the function, and the name under which it was found.
        outs: what the entry says of outputs.
        params: where they come from, beside the entry.
        code: where the function is written.
        signatures: what is known of functions and loaders.
        context: what the file says for all its stages.

    Raises:
        PivotError: what is wrong with it.
    """
    function, ref = found
    return stage_from_function(
        function,
        name=made.name,
        folder=home.folder if made.cwd is None else _shifted(entry, made, home),
        home=home.folder,
        roots=home.roots,
        place=entry.place(),
        code=code,
        ref=ref,
        overrides=Overrides(
            deps=made.paths["deps"],
            outs=outs,
            params=params.layers(made.name, made.params),
            mutex=made.mutex,
            rules=made.rules,
            variant=stage_variant(made.variant),
            context=context,
            values=made.values,
        ),
        signatures=signatures,
    )


def file_context(
    params: ParamSupply,
    config: Sequence[ConfigPart],
    home: PipelineFile,
    errors: list[PivotError],
    read: list[str],
) -> FileContext:
    """What a pipeline file says for all its stages; what is wrong with its config is added to ``errors``.

    Args:
        params: with what the file says of them.
        config: its own, the weakest first; what was set for this command comes over it.
        read: absolute paths of the files that were looked at are added to it.
    """
    found = merged_config((*config, *params.config()), in_folder(home.folder, home.root), errors, read)
    shared = params.said_for_all()
    return FileContext(config_text(shared), config_text(found)) if found or shared else NOTHING_SAID


def _shifted(entry: StageEntry, made: Made, home: PipelineFile) -> ProjectPath:
    place = entry.place("cwd")
    try:
        given = made.cwd or ""
        return project_path(given.rstrip("/") or given, home.folder)
    except PivotError as error:
        raise DefinitionError(f"stage {made.name!r}: cwd: {error.message} ({place})", error.hint) from error
