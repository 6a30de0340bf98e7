"""IncrementalOut: the parameter that gets the last value of an output, paired with the output itself."""

from typing import Any

from pivot.define.draft import Draft
from pivot.define.loader_ref import check_incremental, loader_ref
from pivot.errors import PivotError
from pivot.loaders import infer_loader
from pivot.model.stage import LoaderRef, Returns
from pivot.outputs import IncrementalOut, Out
from pivot.paths import project_path


def last_value_arguments(draft: Draft) -> dict[str, str]:
    """Output → the parameter that gets its last value. What is wrong is added to the draft's errors."""
    givers = {
        key: (o, kind) for key, (o, kind) in draft.declared.outs.items() if isinstance(o, IncrementalOut)
    }
    takers = draft.declared.incremental
    if not givers and not takers:
        return {}
    pairs: dict[str, str] = {}
    if draft.declared.returns is Returns.SINGLE:
        if len(takers) > 1:
            names = ", ".join(map(repr, takers))
            message = f"parameters {names} are each an IncrementalOut, but the stage returns one value"
            draft.wrong(message, draft.code, "keep one, or return a TypedDict with a field for each")
            return {}
        pairs = dict(zip(givers, takers, strict=False))
    else:
        pairs = {key: key for key in givers if key in takers}
    for name, (taker, kind) in takers.items():
        if name not in pairs.values():
            _without_output(draft, name, taker, kind, {key: out for key, (out, _) in givers.items()})
    for key, (out, kind) in givers.items():
        if key in pairs:
            _compare(draft, pairs[key], takers[pairs[key]], key, (out, kind))
        elif not any(_same_path(draft, out, taker) for taker, _ in takers.values()):
            name = key if draft.declared.returns is not Returns.SINGLE else "last"
            hint = f"add a parameter: {name}: Annotated[{_word(kind)}, IncrementalOut({out.path!r}, …)]"
            message = f"output {key!r} is an IncrementalOut, but no parameter gets its last value"
            draft.wrong(message, draft.code, hint)
    return pairs


def _without_output(draft: Draft, name: str, taker: Out[Any], kind: Any, givers: dict[str, Out[Any]]) -> None:
    same = [key for key, out in givers.items() if _same_path(draft, out, taker)]
    if same:
        message = f"parameter {name!r} and field {same[0]!r} are one IncrementalOut under two names"
        draft.wrong(message, draft.code, f"name the parameter {same[0]!r}")
        return
    message = f"parameter {name!r} is an IncrementalOut, but the return type holds none for it"
    field = f"Annotated[{_word(kind)}, IncrementalOut({taker.path!r}, …)]"
    is_field = draft.declared.returns is Returns.MAPPING
    draft.wrong(message, draft.code, f"add the field {name}: {field}" if is_field else f"return {field}")


def _compare(
    draft: Draft, name: str, taken: tuple[Out[Any], Any], key: str, given: tuple[Out[Any], Any]
) -> None:
    """Both sides must say the same, with a loader that can do all of it."""
    taker, giver = taken[0], given[0]
    sides = f"parameter {name!r} and output {key!r}"
    if not _same_path(draft, taker, giver):
        message = f"{sides} are one IncrementalOut with two paths: {taker.path!r} and {giver.path!r}"
        draft.wrong(message, draft.code, "write the same path on both sides")
        return
    try:
        ours, theirs = _loader(*taken), _loader(*given)
    except PivotError as error:
        draft.wrong(f"IncrementalOut {key!r}: {error.message}", draft.code, error.hint)
        return
    if ours != theirs:
        message = f"{sides} are one IncrementalOut with two loaders: {_shown(ours)} and {_shown(theirs)}"
        draft.wrong(message, draft.code, "write the same loader on both sides")
    elif giver.cache and not taker.cache:
        message = f"parameter {name!r} says cache=False, but output {key!r} does not"
        draft.wrong(message, draft.code, "write the same on both sides")


def _loader(out: Out[Any], kind: Any) -> LoaderRef:
    loader = out.loader if out.loader is not None else infer_loader(str(out.path), kind)
    check_incremental(loader)
    return loader_ref(loader)


def _same_path(draft: Draft, one: Out[Any], other: Out[Any]) -> bool:
    try:
        first, second = (project_path(str(out.path), draft.folder) for out in (one, other))
    except PivotError:
        return one.path == other.path  # what is wrong with it is said elsewhere
    return first == second


def _shown(loader: LoaderRef) -> str:
    return f"{loader.name.rpartition('.')[2]}({loader.options})"


def _word(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))
