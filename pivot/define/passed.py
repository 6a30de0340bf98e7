"""Which parameter gets the value of which other stage: the rule of ``depends_on`` and ``map``.

Of the parameters that nothing else provides, the first gets the item of a mapped stage; as many as are left then must
be as many as ``depends_on`` names, or none at all, for the order alone.
"""

from collections.abc import Collection, Sequence

from pivot.config.mapping import MapEntry, ValueEntry
from pivot.config.params import MissingParamError
from pivot.define.declared import Free, unprovided
from pivot.define.draft import Draft
from pivot.model.place import Place
from pivot.model.upstream import StageMap, Upstream

NOTHING = ValueEntry()

_Names = tuple[tuple[str, Place], ...]


def passed_values(
    draft: Draft, said: ValueEntry, bound: Collection[str] = ()
) -> tuple[tuple[Upstream, ...], StageMap | None]:
    """What a stage takes from others, and over what it is mapped; what is wrong is added to the draft's errors.

    Args:
        said: by the door and the decorator.
        bound: parameters that get their value from elsewhere (``params:``).
    """
    if not draft.declared.free and not said.depends_on and said.map is None:
        return (), None
    free = [one for one in draft.declared.free if one.name not in bound]
    names = said.depends_on or ()
    fanout = None
    if said.map is not None:
        fanout, names, free = _fanout(draft, said.map, names, free)
    upstreams = _upstreams(draft, names, free)
    if upstreams is None:
        return (), fanout
    filled = {one.argument for one in upstreams}
    for one in free:
        if one.required and one.name not in filled:
            message, hint = unprovided(one.name, one.annotation)
            draft.errors.append(MissingParamError(draft.error(message, draft.code).message, hint))
    return tuple(upstreams), fanout


def _fanout(
    draft: Draft, said: MapEntry, names: _Names, free: list[Free]
) -> tuple[StageMap | None, _Names, list[Free]]:
    """The map, and the stages and parameters that are left."""
    over = said.over
    if over is None:  # as Flowdapt has it: over the first of the stages that it depends on
        if not names:
            hint = "name the stage that gives the list: map: STAGE, or depends_on: [STAGE]"
            draft.wrong("it is to run for each item, but nothing says of what", said.place, hint)
            return None, names, free
        over, names = names[0][0], names[1:]
    elif len(names) > len(free) - 1:  # beside the item, its list is not wanted
        names = tuple(pair for pair in names if pair[0] != over)
    if draft.declared.outs:
        paths = ", ".join(repr(str(out.path)) for out, _ in draft.declared.outs.values())
        hint = "return the value of the item without Out(…): the list of them is passed to who depends on it"
        draft.wrong(f"it runs for each item, but each would write {paths}", draft.code, hint)
    elif not free:
        hint = "add one: the first that nothing else provides gets the item"
        draft.wrong(f"no parameter of {draft.function} is left for the item of map", said.place, hint)
    else:
        fanout = StageMap(over, free[0].name, said.on_error, said.max_parallel, said.place)
        return fanout, names, free[1:]
    return None, names, free[1:]


def _upstreams(draft: Draft, names: _Names, free: Sequence[Free]) -> list[Upstream] | None:
    """Each stage and the parameter that gets its value; ``None`` after an error."""
    required = [one for one in free if one.required]
    star = draft.declared.star
    takers: list[tuple[str | None, int | None]]
    if star is not None and len(names) >= len(required):
        rest = len(names) - len(required)
        takers = [*((one.name, None) for one in required), *((star, number) for number in range(rest))]
    elif len(names) in (len(free), len(required)):
        wanted = free if len(names) == len(free) else required
        takers = [(one.name, None) for one in wanted]
    elif not required or not names:
        takers = [(None, None)] * len(names)
    else:
        draft.wrong(*_mismatch(names, required))
        return None
    return [
        Upstream(name, argument, index, place)
        for (name, place), (argument, index) in zip(names, takers, strict=True)
    ]


def _mismatch(names: _Names, required: Sequence[Free]) -> tuple[str, Place, str]:
    stages = ", ".join(name for name, _ in names)
    left = ", ".join(one.name for one in required)
    counted = "1 parameter is" if len(required) == 1 else f"{len(required)} parameters are"
    listed = "1 stage" if len(names) == 1 else f"{len(names)} stages"
    return (
        f"{counted} left for values ({left}), but depends_on names {listed} ({stages})",
        names[0][1],
        "name a stage for each of them, take them out for the order alone, or annotate them with Dep(…)",
    )
