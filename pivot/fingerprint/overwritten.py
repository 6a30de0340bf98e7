"""Bindings that nothing in their file can see: the name is bound again before anything could read it."""

import builtins
from collections.abc import Iterator, Sequence

from pivot.fingerprint.definition import Definition, Overwritten
from pivot.fingerprint.uses import Load, Use

_RUNS_CODE = Use.CALL | Use.PASS | Use.ACT | Use.REBIND | Use.BASE
_BUILTIN = frozenset(dir(builtins))


def overwritten(definitions: Sequence[Definition]) -> tuple[Overwritten, ...]:
    """The plain bindings of names that are plainly bound again before anything reads them.

    Only what stands in the file is seen: another module may still read such a name if it is imported in between.
    """
    bindings: dict[str, list[int]] = {}
    for number, definition in enumerate(definitions):
        for name in definition.names:
            bindings.setdefault(name, []).append(number)
    if all(len(numbers) == 1 for numbers in bindings.values()):
        return ()
    starred = any(item.name == "*" for definition in definitions for item in definition.imports)
    known = frozenset() if starred else _BUILTIN - bindings.keys()
    read = _first_reads(definitions, bindings)
    found: list[Overwritten] = []
    for name, numbers in bindings.items():
        until = -1
        for number in reversed(numbers):
            definition = definitions[number]
            plain = definition.guard < 0 and name in definition.sure
            if until >= 0 and plain and read.get(name, until + 1) > until and _is_quiet(definition, known):
                found.append(Overwritten(name, number, until))
            if plain:
                until = number
    return tuple(sorted(found))


def _is_quiet(definition: Definition, known: frozenset[str]) -> bool:
    """Whether the statement calls nothing but builtins: no decorator or base class can have kept what it binds."""
    return all(
        load.chain in known and not load.source
        for load in definition.loads
        if load.uses & Use.NOW and load.uses & _RUNS_CODE
    )


def _first_reads(definitions: Sequence[Definition], bindings: dict[str, list[int]]) -> dict[str, int]:
    """For each name the first statement that, when it runs, may lead to a read of it, through functions too."""
    writers: dict[str, list[int]] = {}
    for number, definition in enumerate(definitions):
        for name in definition.writes:
            writers.setdefault(name, []).append(number)
    read: dict[str, int] = {}
    for number, definition in enumerate(definitions):
        stack = list(_names(definition, now=not _may_call_itself(definition)))
        while stack:
            name = stack.pop()
            if name in read:
                continue
            read[name] = number
            if not name:  # the whole namespace
                stack += bindings
            for other in (*bindings.get(name, ()), *writers.get(name, ())):
                stack += _names(definitions[other], now=False)
    return read


def _may_call_itself(definition: Definition) -> bool:
    """Whether the bodies in a statement may run with it: a decorator may call the function, ``map`` a lambda."""
    return any(load.uses & Use.NOW and load.uses & _RUNS_CODE for load in definition.loads)


def _names(definition: Definition, *, now: bool) -> Iterator[str]:
    """Names of the file that a statement reads when it runs (`now`), or ever."""
    for load in definition.loads:
        if load.uses & Use.NOW or not now:
            yield from _roots(load)
    for load in definition.annotations:
        yield from _roots(load)
    words = [*definition.returns, *definition.declared]
    words += [name for _, names in definition.parameters for name in names]
    yield from (word.partition(".")[0] for word in words)


def _roots(load: Load) -> Iterator[str]:
    if load.source == "?":  # a dotted name in a string may begin with this module's own
        yield from load.chain.split(".")
    elif not load.source:
        yield load.chain.partition(".")[0]
