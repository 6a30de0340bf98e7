"""What a stage returned, held against what it declares: before anything is written, everything at once."""

import os
from collections.abc import Iterable, Mapping, Sequence

from pivot.model.stage import Returns
from pivot.model.task import Failure, Task, TaskOut
from pivot.paths import ProjectPath
from pivot.store.contents import contents
from pivot.worker.failures import TaskError
from pivot.worker.keys import inner_paths

_MOST = 10  # problems of one folder that are told


def checked(task: Task, returned: object) -> dict[ProjectPath, object]:
    """The value of each output: of a folder, a dict from the path inside it to the value of that file.

    Raises:
        TaskError: everything that is wrong: keys, numbers of values, names of files, and files that the stage
            should have written itself.
    """
    values, problems, hint = _by_name(task, returned)
    found: dict[ProjectPath, object] = {}
    for name, outs in _groups(task).items():
        if task.returns is not Returns.NOTHING and name not in values:
            continue
        parts = [None] * len(outs) if task.returns is Returns.NOTHING else _parts(name, outs, values[name])
        if isinstance(parts, str):
            problems.append(parts)
            continue
        for out, part in zip(outs, parts, strict=True):
            if out.written_by_stage:
                own = out.declared if task.returns is Returns.NOTHING else part
                problems += _own_problems(out, own, task.cwd)
            elif out.directory:
                found[out.path], wrong = _files(out, part)
                problems += wrong
            else:
                found[out.path] = part
    if problems:
        raise TaskError(Failure("result", f"stage {task.stage!r} {_joined(problems)}", hint=hint))
    return found


def article(value: object) -> str:
    """``a DataFrame``, ``an int``, ``None``."""
    if value is None:
        return "None"
    name = type(value).__qualname__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _by_name(task: Task, returned: object) -> tuple[Mapping[str, object], list[str], str | None]:
    """The value under each name, what is wrong with the names, and the way out."""
    if task.returns is Returns.NOTHING:
        return {}, [], None
    if task.returns is Returns.SINGLE:
        return {task.outs[0].name: returned}, [], None
    declared = {out.name for out in task.outs}
    if not isinstance(returned, Mapping):
        return {}, [f"returned {article(returned)} instead of a dict with the keys {_quoted(declared)}"], None
    given = {str(key) for key in returned}
    problems = []
    if declared - given:
        problems.append(f"did not return {_quoted(declared - given)}")
    if given - declared:
        problems.append(f"returned {_quoted(given - declared)}, which no output declares")
    return dict(returned), problems, f"its outputs are {_quoted(declared)}" if problems else None


def _groups(task: Task) -> dict[str, list[TaskOut]]:
    """The outputs under each name, several in the order of their paths."""
    groups: dict[str, list[TaskOut]] = {}
    for out in task.outs:
        groups.setdefault(out.name, []).append(out)
    return {name: sorted(outs, key=lambda out: out.index or 0) for name, outs in groups.items()}


def _parts(name: str, outs: Sequence[TaskOut], value: object) -> Sequence[object] | str:
    """One value for each output under a name; or what is wrong."""
    if outs[0].index is None:
        return [value]
    paths = ", ".join(out.declared for out in outs)
    if not isinstance(value, list | tuple):
        return f"returned {article(value)} for {name!r} instead of a list of {len(outs)} values ({paths})"
    if len(value) != len(outs):
        values = "1 value" if len(value) == 1 else f"{len(value)} values"
        paths = f"{len(outs)} path{'' if len(outs) == 1 else 's'} ({paths})"
        return f"returned {values} for {name!r}, which has {paths}"
    return value


def _files(out: TaskOut, value: object) -> tuple[dict[str, object], list[str]]:
    if not isinstance(value, Mapping):
        return {}, [f"returned {article(value)} for {out.name!r} instead of a dict from file name to value"]
    paths, problems = inner_paths(value)
    if problems:
        return {}, [f"returned keys for {out.name!r} that cannot be files: {_some(problems)}"]
    return {path: value[key] for path, key in paths.items()}, []


def _own_problems(out: TaskOut, value: object, cwd: str) -> list[str]:
    """What the stage wrote itself: the returned path is the declared one, and there is what was declared."""
    if not isinstance(value, str | os.PathLike):
        return [f"returned {article(value)} for {out.name!r} instead of the path {out.declared!r}"]
    declared = _real(os.path.join(cwd, out.declared))  # may be a symbolic link to the target
    if _real(os.path.join(cwd, os.fsdecode(value))) not in {declared, _real(out.target)}:
        return [f"returned {os.fspath(value)!r} for {out.name!r}, but {out.declared!r} is declared"]
    if not os.path.lexists(out.target):
        return [f"did not write {out.declared!r}"]
    if not out.directory:
        return (
            [] if os.path.isfile(out.target) else [f"left something at {out.declared!r} that is not a file"]
        )
    if not os.path.isdir(out.target) or os.path.islink(out.target):
        return [f"left something at {out.declared!r} that is not a folder"]
    found = contents(out.target, beyond=False)
    wrong = [
        *(f"{path!r} {problem}" for path, problem in found.broken),
        *(f"{path!r} is a symbolic link that leads out of it" for path in found.outside),
    ]
    return [f"left in {out.declared!r} what cannot be kept: {_some(wrong)}"] if wrong else []


def _real(path: str) -> str:
    # the folder is resolved, not the file: the stage may make a symbolic link
    folder, name = os.path.split(path.rstrip("/"))
    return os.path.join(os.path.realpath(folder), name)


def _some(problems: Sequence[str]) -> str:
    more = len(problems) - _MOST
    return "; ".join([*problems[:_MOST], *([f"and {more} more"] if more > 0 else [])])


def _joined(problems: Sequence[str]) -> str:
    return " and ".join(problems) if len(problems) < 3 else "; ".join(problems)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
