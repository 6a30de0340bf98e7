"""The items of a mapped stage as data: their results as the text that is the stage's value, and words for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pivot.model.digest import Digest, digest_parts
from pivot.model.observation import Observation
from pivot.model.record import Inputs, OutputState
from pivot.model.stage import Stage
from pivot.model.stored import KeyName
from pivot.model.tree import TreeEntry, tree_text
from pivot.paths import ProjectPath

DROPPED = "@dropped"
"""Among the params of a record whose stage left failed items out: no field of a model is called so."""


def item_name(stage: str, number: int) -> str:
    """What an item is called in messages: ``fetch[37]``."""
    return f"{stage}[{number}]"


def list_text(results: Iterable[OutputState]) -> str:
    """The value of a mapped stage: the result of each item, in order. Equal results, equal text."""
    return tree_text(
        TreeEntry(f"{number:08d}", state.digest, state.size) for number, state in enumerate(results)
    )


def base_key(stage: Stage, inputs: Inputs) -> Digest:
    """All that the result of any item rests on, beside the item and what was observed."""
    assert stage.map is not None
    left_out = {stage.map.param, DROPPED}
    params = {name: text for name, text in inputs.params.items() if name not in left_out}
    over = mapped_path(stage)
    deps = {path: digest for path, digest in inputs.deps.items() if path != over}
    return digest_parts(["items-1", replace(inputs, params=params, deps=deps).declared_key])


def mapped_path(stage: Stage) -> ProjectPath | None:
    """What a mapped stage goes over; ``None`` for a list in its params."""
    assert stage.map is not None
    paths = (dep.path for dep in stage.deps if dep.argument == stage.map.argument)
    return None if stage.map.param is not None else next(paths)


def joined(observations: Sequence[Observation]) -> Observation:
    """What items observed together. Of a file that two of them found different, the first look counts."""
    files: dict[ProjectPath, str] = {}
    environment: dict[str, str] = {}
    keys: dict[KeyName, str] = {}
    context: dict[str, str] = {}
    for one in reversed(observations):
        files.update(one.files)
        environment.update(one.environment)
        keys.update(one.keys)
        context.update(one.context)
    return Observation(
        files=dict(sorted(files.items())),
        environment=dict(sorted(environment.items())),
        ran=_union(one.ran for one in observations),
        imported=_union(one.imported for one in observations),
        missing=_union(one.missing for one in observations),
        complete=all(one.complete for one in observations),
        context=dict(sorted(context.items())),
        keys=dict(sorted(keys.items())),
    )


def _union(names: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))


def failed_text(failures: Mapping[int, str], total: int, most: int = 3) -> str:
    """``2 of 100 items failed: [37] ValueError: bad; [40] …``."""
    return f"{len(failures)} of {total} items failed: {_listed(failures, most)}"


def dropped_text(failures: Mapping[int, str], total: int, most: int = 3) -> str:
    """``3 of 100 dropped: [37] ValueError: bad; …``."""
    return f"{len(failures)} of {total} dropped: {_listed(failures, most)}"


def _listed(failures: Mapping[int, str], most: int) -> str:
    more = len(failures) - most
    told: Iterator[str] = (f"[{number}] {text}" for number, text in sorted(failures.items())[:most])
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
