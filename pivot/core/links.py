"""What stages take from each other by value: ``depends_on`` and ``map`` → deps on the values of other stages."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pivot.errors import DefinitionError
from pivot.model.place import Place
from pivot.model.stage import Returns, Stage, StageDep, StageOut, stage_key
from pivot.model.upstream import Upstream
from pivot.paths import ROOT, ProjectPath


def upstream_keys(stage: Stage) -> tuple[str, ...]:
    """The stages that a stage names, by `Stage.key`, each once."""
    return tuple(dict.fromkeys(_key(name, stage) for name, _ in _named(stage)))


def linked(stages: Sequence[Stage], problems: list[tuple[Place, DefinitionError]]) -> tuple[Stage, ...]:
    """Stages with a dep for each stage that they name; what is wrong is added to ``problems``, with its place.

    May be called again with its own result, or a part of it.
    """
    if not any(stage.depends_on or stage.map for stage in stages):
        return tuple(stages)
    by_key = {stage.key: stage for stage in stages}
    return tuple(_with_deps(stage, by_key, problems) for stage in stages)


def unknown_upstream(stages: Sequence[Stage]) -> dict[str, tuple[str, ...]]:
    """What is named and is no stage, as written, by the name of the stage that names it."""
    keys = {stage.key for stage in stages}
    found = {
        stage.name: tuple(dict.fromkeys(name for name, _ in _named(stage) if _key(name, stage) not in keys))
        for stage in stages
    }
    return {name: names for name, names in found.items() if names}


def without_upstream(stage: Stage, names: Collection[str]) -> Stage:
    """A stage that does not name some others: for a look at it, never to be run."""
    kept = tuple(upstream for upstream in stage.depends_on if upstream.stage not in names)
    over = stage.map if stage.map is not None and stage.map.over not in names else None
    return replace(stage, depends_on=kept, map=over)


def _named(stage: Stage) -> Iterator[tuple[str, Place]]:
    for upstream in stage.depends_on:
        yield upstream.stage, upstream.place
    if stage.map is not None and stage.map.param is None:
        yield stage.map.over, stage.map.place


def _key(name: str, stage: Stage) -> str:
    """The key of a stage by its name as another stage's file writes it."""
    folder, colon, own = name.rpartition(":")
    return stage_key(own, ProjectPath(folder or ROOT) if colon else stage.home)


def _with_deps(
    stage: Stage, by_key: Mapping[str, Stage], problems: list[tuple[Place, DefinitionError]]
) -> Stage:
    added: list[StageDep] = []
    upstreams = list(stage.depends_on)
    if stage.map is not None and stage.map.param is None:
        upstreams.append(Upstream(stage.map.over, stage.map.argument, None, stage.map.place))
    names = {dep.name.partition(": ")[0] for dep in stage.deps}
    for upstream in upstreams:
        if _dep_name(upstream) in names:
            continue  # linked before
        maker = by_key.get(_key(upstream.stage, stage))
        try:
            if maker is None:
                raise _unknown(upstream, stage, by_key.values())
            added += _deps(upstream, stage, maker)
        except DefinitionError as error:
            problems.append((upstream.place, error))
    return replace(stage, deps=(*stage.deps, *added)) if added else stage


def _dep_name(upstream: Upstream) -> str:
    if upstream.argument is None:
        return f"@{upstream.stage}"  # no parameter is called so
    return upstream.argument if upstream.index is None else f"{upstream.argument}[{upstream.index}]"


def _deps(upstream: Upstream, stage: Stage, maker: Stage) -> Iterator[StageDep]:
    if upstream.argument is None:  # the order counts: whatever it gave must be as it was
        for out in maker.outs:
            yield StageDep(f"{_dep_name(upstream)}: {out.name}", out.path, out.loader, None)
        return
    out = _returned(upstream, stage, maker)
    yield StageDep(_dep_name(upstream), out.path, out.loader, upstream.argument, upstream.index)


def _returned(upstream: Upstream, stage: Stage, maker: Stage) -> StageOut:
    """The one output that holds what a stage returns."""
    if maker.returns is Returns.SINGLE and len(maker.outs) == 1:
        return maker.outs[0]
    what = "several outputs" if maker.returns is Returns.MAPPING else "files of its own"
    paths = ", ".join(maker.out_paths())
    raise DefinitionError(
        f"stage {stage.name!r}: parameter {upstream.argument!r} would get what {maker.name!r} returns, "
        f"but that writes {what} ({upstream.place})",
        f"annotate the parameter with Dep(…) of the one that it needs: {paths}",
    )


def _unknown(upstream: Upstream, stage: Stage, stages: Iterable[Stage]) -> DefinitionError:
    import difflib  # lazy: start-up time

    own = [one.key.rpartition(":")[2] for one in stages if one.home == stage.home]
    variants = [name for name in own if name.startswith(f"{upstream.stage}@")]
    near = difflib.get_close_matches(upstream.stage, own, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(own[:12])}"
    if variants:
        hint = f"name its variants: {', '.join(variants)}"
    elif ":" in upstream.stage:
        hint = "take the other folder's stages in with include:"
    message = f"stage {stage.name!r} depends on {upstream.stage!r}, which is no stage ({upstream.place})"
    return DefinitionError(message, hint)
