"""Export: the notebook module as a file, and its stages in ``pivot.yaml``; what others wrote there stays."""

import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pivot.errors import DefinitionError, UsageError
from pivot.model.digest import digest_text
from pivot.paths import ProjectPath, absolute, project_path, relative_to_root
from pivot.project import Project, initialize
from pivot.yamlio import YamlDocument, dump_yaml, read_yaml
from pivot_jupyter.awaited import require_known
from pivot_jupyter.defined import Defined
from pivot_jupyter.drift import Drift, drift_of
from pivot_jupyter.stages import Ground

PIPELINE = "pivot.yaml"


def pipeline_text(
    entries: Mapping[str, Mapping[str, Any]], modules: Collection[str], existing: str | None = None
) -> str:
    """The text of ``pivot.yaml`` with these stages.

    Args:
        entries: name → entry, of the notebook.
        modules: the notebook module's name and its former ones; entries whose ``python:`` begins with one belong to
            the notebook.
        existing: the text that is there now; all of it but the notebook's own entries is kept byte for byte.

    Raises:
        PivotError: the text is no YAML, a stage of the same name belongs to somebody else, or the stages are
            written in a form that cannot be edited line by line.
    """
    if existing is None or not existing.strip():
        return dump_yaml({"stages": dict(entries)})
    document = read_yaml(existing, PIPELINE)
    if document.data is None:
        return existing.rstrip("\n") + "\n" + dump_yaml({"stages": dict(entries)})
    old = _stages_of(document)
    ours = {name for name, entry in old.items() if _is_ours(entry, modules)}
    for name in entries:
        if name in old and name not in ours:
            raise DefinitionError(
                f"stage '{name}' belongs to {_function(old[name])} already ({PIPELINE}:"
                f"{document.line(('stages', name))})",
                "rename one of the two; if that is this notebook's module under an earlier name, delete the entry "
                "or go back to that name with %pivot module",
            )
    text = _spliced(existing, document, entries, ours)
    kept = {name: entry for name, entry in old.items() if name not in ours}
    again = read_yaml(text, PIPELINE).data
    if again != {**document.data, "stages": {**kept, **entries}}:
        raise UsageError(
            f"{PIPELINE} cannot be edited without touching what others wrote in it",
            "write each of its stages as a block of its own lines",
        )
    return text


def _stages_of(document: YamlDocument) -> dict[str, Any]:
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("stages") or {}, dict):
        raise DefinitionError(f"{PIPELINE} has no table of stages ({PIPELINE}:1)", "it begins with stages:")
    return data.get("stages") or {}


def _function(entry: Any) -> str:
    return str(entry.get("python", "something else")) if isinstance(entry, dict) else "something else"


def _is_ours(entry: Any, modules: Collection[str]) -> bool:
    return isinstance(entry, dict) and str(entry.get("python", "")).rpartition(".")[0] in modules


def _spliced(text: str, document: YamlDocument, entries: Mapping[str, Any], ours: set[str]) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if "stages" not in document.data:
        return "".join(lines) + dump_yaml({"stages": dict(entries)})
    if not document.data["stages"]:
        at = document.line(("stages",)) - 1
        return "".join([*lines[:at], dump_yaml({"stages": dict(entries)}), *lines[at + 1 :]])
    starts = sorted(set(document.lines.values()))
    names = list(document.data["stages"])
    indent = _indent(lines[document.line(("stages", names[0])) - 1])
    left = dict(entries)
    out: list[str] = []
    position, end = 0, 0
    for name in names:
        first = document.line(("stages", name)) - 1
        end = _end_of_block(lines, first, indent, starts)
        out.extend(lines[position:first])
        position = end
        if name not in ours:
            out.extend(lines[first:end])
        elif name in left:
            out.append(_block(name, left.pop(name), indent))
    added = [_block(name, entry, indent) for name, entry in left.items()]
    return "".join([*out, *added, *lines[end:]])


def _block(name: str, entry: Any, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in dump_yaml({name: entry}).splitlines())


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _end_of_block(lines: Sequence[str], first: int, indent: str, starts: Sequence[int]) -> int:
    """Past the last line of a stage's entry; blank lines and comments after it are not its own."""
    end = first + 1
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        deeper = len(_indent(line)) > len(indent)
        if not deeper or (number + 1 in starts and _indent(line) == indent):
            break
        end = number + 1
    return end


@dataclass(frozen=True, slots=True)
class Exported:
    """What export did.

    Attributes:
        files: that hold what the notebook says now.
        kept: file that a person had edited and that was overwritten → where its text is.
    """

    files: tuple[ProjectPath, ...]
    kept: Mapping[ProjectPath, ProjectPath]


def export(defined: Defined, ground: Ground, *, force: bool = False, former: Sequence[str] = ()) -> Exported:
    """Writes the module and ``pivot.yaml`` into the notebook's folder, each at once or not at all.

    Args:
        defined: the notebook's module and stages.
        ground: where they stand.
        force: overwrite a module file that was made or edited by hand; its text is kept beside.
        former: names that the module had before; their entries in ``pivot.yaml`` are replaced.

    Raises:
        PivotError: a file of the user's is in the way.
    """
    module_file, pipeline_file, pipeline = _plan(defined, ground, former)
    memory = _memory(defined, ground)
    module, existing = (_read(absolute(file, ground.root)) for file in (module_file, pipeline_file))
    edited: dict[ProjectPath, str] = {}
    if module not in {None, defined.module.text} and _read(memory) != digest_text(module or ""):
        edited[module_file] = module or ""
    own = _own_entries(existing, (defined.module.name, *former))
    if own not in ({}, dict(defined.entries)) and _read(f"{memory}.stages") not in {None, _digest(own)}:
        edited[pipeline_file] = existing or ""
    if edited and not force:
        raise UsageError(
            f"{' and '.join(edited)}: not written by export, or edited since (%pivot export --check shows how)",
            "take the changes into the notebook, give the module another name (%pivot module NAME), "
            "or overwrite them with %pivot export --force",
        )
    initialize(ground.root)  # a folder .pivot without its format would be refused by the next command
    kept = {file: _kept(file, text, memory, ground.root) for file, text in edited.items()}
    write_whole(absolute(module_file, ground.root), defined.module.text)
    write_whole(absolute(pipeline_file, ground.root), pipeline)
    write_whole(memory, defined.text.digest)
    write_whole(f"{memory}.stages", _digest(defined.entries))
    return Exported((module_file, pipeline_file), kept)


def _own_entries(pipeline: str | None, modules: Collection[str]) -> dict[str, Any]:
    """The entries of ``pivot.yaml`` that belong to the notebook."""
    document = read_yaml(pipeline or "", PIPELINE)
    stages = _stages_of(document) if document.data else {}
    return {name: entry for name, entry in stages.items() if _is_ours(entry, modules)}


def _digest(entries: Mapping[str, Any]) -> str:
    return digest_text(dump_yaml(dict(entries)))


def _kept(file: ProjectPath, text: str, memory: str, root: str) -> ProjectPath:
    """Where the text of a file is from now on."""
    stem, ending = os.path.splitext(os.path.basename(file))
    place = os.path.join(os.path.dirname(memory), f"{stem}.{digest_text(text)[:8]}{ending}")
    write_whole(place, text)
    return relative_to_root(place, root)


def export_elsewhere(
    defined: Defined, ground: Ground, project: Project, folder: str, *, data: bool, force: bool = False
) -> tuple[Exported, tuple[str, ...]]:
    """`export` into a folder that becomes a project of its own, with the results of the stages.

    Args:
        project: in which the stages are.
        data: also take the files along that no stage writes.

    Returns:
        what was exported, and lines that tell what was taken along and what still has to be.

    Raises:
        PivotError: the folder lies in a project, or holds files of another content.
    """
    along = project.take_along(folder, defined.stages, data=data)
    done = export(defined, replace(ground, root=os.path.abspath(folder)), force=force)
    lines = []
    if along.results:
        lines.append(f"results of {', '.join(along.results)} are there: pivot repro restores them")
    if along.unknown:
        lines.append(f"{', '.join(along.unknown)} never ran, and will there")
    if along.inputs:
        lines.append(f"bring {', '.join(along.inputs)} there too, or export --with-data")
    return Exported((*done.files, *along.files), done.kept), tuple(lines)


def drifts(defined: Defined, ground: Ground, former: Sequence[str] = ()) -> tuple[Drift, ...]:
    """The files on disk that export would write otherwise, and how."""

    def cell_at(line: int) -> str:
        place = defined.module.place(line)
        return place.file if place is not None else ""

    module_file, pipeline_file, pipeline = _plan(defined, ground, former)
    found = (
        drift_of(module_file, _read(absolute(module_file, ground.root)), defined.module.text, cell_at),
        drift_of(pipeline_file, _read(absolute(pipeline_file, ground.root)), pipeline),
    )
    return tuple(drift for drift in found if drift is not None)


def _plan(defined: Defined, ground: Ground, former: Sequence[str]) -> tuple[ProjectPath, ProjectPath, str]:
    folder = ground.folder
    for other in ("pipeline.py", "pivot.yml"):
        if os.path.exists(os.path.join(absolute(folder, ground.root), other)):
            raise UsageError(
                f"{project_path(other, folder)} defines stages in this folder",
                f"move its stages to {PIPELINE}, or put the notebook in a folder of its own",
            )
    pipeline_file = project_path(PIPELINE, folder)
    existing = _read(absolute(pipeline_file, ground.root))
    text = pipeline_text(defined.entries, (defined.module.name, *former), existing)
    require_known(defined.stages, _stages_of(read_yaml(text, PIPELINE)))
    return project_path(f"{defined.module.name}.py", folder), pipeline_file, text


def _memory(defined: Defined, ground: Ground) -> str:
    """The file that knows the digest of the module's text as it was exported last."""
    name = project_path(defined.module.name, ground.folder).replace("/", "__")
    return os.path.join(ground.root, ".pivot", "exports", name)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def write_whole(path: str, text: str) -> None:
    """Replaces a file whole; a file that holds the text already is left alone."""
    if _read(path) == text:
        return
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".pivot-export-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current


def refuse_together(folder: str | None, *, check: bool, data: bool) -> None:
    """Lets words after ``export`` pass that can stand together.

    Raises:
        UsageError: they cannot.
    """
    if check and folder:
        raise UsageError("--check compares the files beside the notebook", f"leave {folder} out")
    if data and not folder:
        raise UsageError("--with-data is for an export into another folder", "name the folder")


def is_same(folder: str, other: str) -> bool:
    """Whether two paths are of one folder."""
    return os.path.realpath(folder) == os.path.realpath(other)
