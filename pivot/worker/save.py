"""The value that a stage returned → its output files in staging, all of them or none."""

import contextlib
import os
import pickle
import shutil
import stat
from collections.abc import Mapping

import xxhash

from pivot.loaders.value import null
from pivot.model.digest import Digest
from pivot.model.record import OutputState
from pivot.model.stage import LoaderRef
from pivot.model.task import Failure, Task, TaskOut
from pivot.paths import ProjectPath
from pivot.store.contents import contents
from pivot.worker.failures import TaskError, failure_of, way_out
from pivot.worker.returned import article, checked
from pivot.worker.trees import tree_state

_CHUNK = 4 * 1024 * 1024
_INLINE_LIMIT = 1024 * 1024


def make_room(task: Task) -> None:
    """Make the folders of files that the stage writes itself, and the folders that it fills."""
    for out in task.outs:
        if out.written_by_stage:
            os.makedirs(out.target if out.directory else os.path.dirname(out.target), exist_ok=True)


def save(task: Task, returned: object) -> dict[ProjectPath, OutputState]:
    """Write every output to its staging path and describe it.

    Nothing is written before the returned value has been checked as a whole; when a loader fails, the staging
    files of the others are removed.

    Raises:
        TaskError: the value has not the declared shape, a file was not written, or a loader failed.
    """
    values = checked(task, returned)
    try:
        for out in task.outs:
            if not out.written_by_stage:
                _write(out, values[out.path], task)
        return {out.path: _state(out, task) for out in task.outs}
    except BaseException:
        for out in task.outs:
            if not out.written_by_stage:
                _clear(out)
        raise


def _clear(out: TaskOut) -> None:
    if out.directory:
        shutil.rmtree(out.staging, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(out.staging)


def _write(out: TaskOut, value: object, task: Task) -> None:
    if out.token is not None:
        _keep_value(out, value, task)
        return
    doing = f"output {out.name!r} ({out.declared})"
    if not out.directory:
        _save(out.loader, value, out.staging, doing, task)
        return
    assert isinstance(value, Mapping)  # path inside the folder → value, as `checked` gave it
    os.makedirs(out.staging, exist_ok=True)
    for name in sorted(value):
        doing = f"output {out.name!r} ({os.path.join(out.declared, name)})"
        _save(out.loader, value[name], os.path.join(out.staging, name), doing, task)
    more = set(contents(out.staging).files).difference(value)
    if more:
        names = ", ".join(map(repr, sorted(more)))
        message = f"output {out.name!r} ({out.declared}): {out.loader.name} wrote {names}, which no key names"
        raise TaskError(Failure("result", message, hint="its save(value, path) must write exactly that file"))


def _keep_value(out: TaskOut, value: object, task: Task) -> None:
    """Write what a stage returned that names no file."""
    try:
        os.makedirs(os.path.dirname(out.staging), exist_ok=True)
        if value is None:
            with open(out.staging, "wb") as file:
                file.write(null(out.token or ""))
        else:
            pickle.loads(out.loader.payload).save(value, out.staging)
    except Exception as error:
        doing = f"stage {task.stage!r} returned {article(value)}, which cannot be kept for other stages"
        hint = "return what can be pickled; or write a file, and annotate the return type with Out(path)"
        failure = failure_of(error, "result", task.modules, doing=doing, hint=way_out(error) or hint)
        raise TaskError(failure) from error


def _save(loader: LoaderRef, value: object, path: str, doing: str, task: Task) -> None:
    try:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):  # as most often it is, made for all outputs
            os.makedirs(folder, exist_ok=True)
        pickle.loads(loader.payload).save(value, path)
    except Exception as error:
        what = f"{doing}: {loader.name.rpartition('.')[2]} cannot save {article(value)}"
        hint = "return a value that the loader can save, or name another loader in the output's annotation"
        failure = failure_of(error, "result", task.modules, doing=what, hint=way_out(error) or hint)
        raise TaskError(failure) from error
    if not os.path.isfile(path):
        message = f"{doing}: {loader.name} wrote no file at the path it was given"
        raise TaskError(Failure("result", message, hint="its save(value, path) must write exactly that file"))


def _state(out: TaskOut, task: Task) -> OutputState:
    path = out.target if out.written_by_stage else out.staging
    if not out.directory:
        return file_state(path, inline=out.inline)
    try:
        return tree_state(path, contents(path).files)
    except Exception as error:
        doing = f"output {out.name!r} ({out.declared})"
        raise TaskError(failure_of(error, "result", task.modules, doing=doing)) from error


def file_state(path: str, *, inline: bool) -> OutputState:
    """The state of a single file; `inline`: with its bytes, where they are few."""
    state = xxhash.xxh3_128()
    content = bytearray()
    with open(path, "rb", buffering=0) as file:
        info = os.fstat(file.fileno())
        inline = inline and info.st_size <= _INLINE_LIMIT
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
