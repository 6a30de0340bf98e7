"""The value that a stage returned → its output files in staging, all of them or none."""

import contextlib
import os
import pickle
import stat
from collections.abc import Iterable, Mapping

import xxhash

from pivot.model.digest import Digest
from pivot.model.record import OutputState
from pivot.model.stage import Returns
from pivot.model.task import Failure, Task, TaskOut
from pivot.paths import ProjectPath
from pivot.worker.failures import TaskError, failure_of

_CHUNK = 4 * 1024 * 1024
_INLINE_LIMIT = 1024 * 1024


def make_room(task: Task) -> None:
    """Make the folders of files that the stage writes itself."""
    for out in task.outs:
        if out.written_by_stage:
            os.makedirs(os.path.dirname(out.target), exist_ok=True)


def save(task: Task, returned: object) -> dict[ProjectPath, OutputState]:
    """Write every output to its staging path and describe it.

    Nothing is written before the returned value has been checked as a whole; when a loader fails, the staging
    files of the others are removed.

    Raises:
        TaskError: the value has not the declared shape, a file was not written, or a loader failed.
    """
    values = _by_output(task, returned)
    _check_own_files(task, values)
    try:
        for out in task.outs:
            if not out.written_by_stage:
                _save_one(out, values[out.name], task)
        return {out.path: _state(out) for out in task.outs}
    except BaseException:
        for out in task.outs:
            if not out.written_by_stage:
                with contextlib.suppress(OSError):
                    os.unlink(out.staging)
        raise


def _by_output(task: Task, returned: object) -> dict[str, object]:
    if task.returns is Returns.NOTHING:
        return {}
    if task.returns is Returns.SINGLE:
        return {task.outs[0].name: returned}
    if not isinstance(returned, Mapping):
        keys = _quoted(out.name for out in task.outs)
        raise _result_error(task, f"returned {_article(returned)} instead of a dict with the keys {keys}")
    declared, given = {out.name for out in task.outs}, {str(key) for key in returned}
    problems = []
    if declared - given:
        problems.append(f"did not return {_quoted(declared - given)}")
    if given - declared:
        problems.append(f"returned {_quoted(given - declared)}, which no output declares")
    if problems:
        raise _result_error(task, " and ".join(problems), f"its outputs are {_quoted(declared)}")
    return dict(returned)


def _check_own_files(task: Task, values: Mapping[str, object]) -> None:
    """Files that the stage writes itself: the returned path is the declared one, and the file is there."""
    problems = []
    for out in task.outs:
        if not out.written_by_stage:
            continue
        value, declared = values.get(out.name, out.target), out.declared
        if not isinstance(value, str | os.PathLike):
            problems.append(
                f"returned {_article(value)} for {out.name!r} instead of the path {out.declared!r}"
            )
        elif _real(os.path.join(task.cwd, os.fspath(value))) != _real(out.target):
            problems.append(
                f"returned {os.fspath(value)!r} for {out.name!r}, but {out.declared!r} is declared"
            )
        elif not os.path.lexists(out.target):
            problems.append(f"did not write {declared!r}")
        elif not os.path.isfile(out.target):
            problems.append(f"left something at {declared!r} that is not a file")
    if problems:
        raise _result_error(task, " and ".join(problems))


def _real(path: str | bytes) -> str:
    # the folder is resolved, not the file: the stage may make a symbolic link
    text = os.fsdecode(path)
    return os.path.join(os.path.realpath(os.path.dirname(text)), os.path.basename(text))


def _save_one(out: TaskOut, value: object, task: Task) -> None:
    doing = f"output {out.name!r} ({out.declared})"
    try:
        os.makedirs(os.path.dirname(out.staging), exist_ok=True)
        pickle.loads(out.loader.payload).save(value, out.staging)
    except Exception as error:
        what = f"{doing}: {out.loader.name.rpartition('.')[2]} cannot save {_article(value)}"
        hint = "return a value that the loader can save, or name another loader in the output's annotation"
        raise TaskError(failure_of(error, "result", task.modules, doing=what, hint=hint)) from error
    if not os.path.isfile(out.staging):
        message = f"{doing}: {out.loader.name} wrote no file at the path it was given"
        raise TaskError(Failure("result", message, hint="its save(value, path) must write exactly that file"))


def _state(out: TaskOut) -> OutputState:
    path = out.target if out.written_by_stage else out.staging
    state = xxhash.xxh3_128()
    content = bytearray()
    with open(path, "rb", buffering=0) as file:
        info = os.fstat(file.fileno())
        inline = out.inline and info.st_size <= _INLINE_LIMIT
        size = 0
        while chunk := file.read(_CHUNK):
            state.update(chunk)
            size += len(chunk)
            if inline:
                content += chunk
    return OutputState(
        digest=Digest(state.hexdigest()),
        size=size,
        executable=bool(info.st_mode & stat.S_IXUSR),
        content=bytes(content) if inline else None,
    )


def _result_error(task: Task, problem: str, hint: str | None = None) -> TaskError:
    return TaskError(Failure("result", f"stage {task.stage!r} {problem}", hint=hint))


def _quoted(names: Iterable[str]) -> str:

    return ", ".join(repr(name) for name in sorted(names))


def _article(value: object) -> str:
    if value is None:
        return "None"
    name = type(value).__qualname__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
