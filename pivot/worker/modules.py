"""The project modules that this process holds, each compiled from the text that a task names.

The state lives where the interpreter looks for it: the hook of one `ProjectImporter` on ``sys.path_hooks``,
and the modules in ``sys.modules``. Code is never reloaded in place: a process that holds an older text is not
used again.
"""

import functools
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from pivot.define.sources import ProjectImporter
from pivot.model.fingerprint import ModuleText
from pivot.model.stage import ObjectRef
from pivot.worker.imports import ImportLog
from pivot.worker.residue import remembers


def stale(modules: Sequence[ModuleText], roots: Sequence[str], *, observed: bool = False) -> tuple[str, ...]:
    """The modules that this process cannot give to a task as a new process would, sorted.

    They were imported from an older text, from elsewhere or under other import roots, or may hold something
    that an earlier stage put there. A process that has held no project module is never stale.

    Args:
        observed: whether what the task touches is recorded. Then a module must not hide it either: not what its
            import asked of the world, nor, if it is not among `modules`, that the task imports it.
    """
    importer = _importer()
    if importer is None:
        return ()
    log = importer.watch
    if tuple(importer.roots) != tuple(roots) or not isinstance(log, ImportLog):
        return tuple(sorted(importer.loaded))
    found = {module.name for module in modules if _is_stale(module, importer)}
    if observed:
        asked = {name for name, module in log.modules.items() if module.asked}
        found |= asked | ({*importer.loaded, *importer.compiled} - {module.name for module in modules})
    return tuple(sorted(found))


def _is_stale(module: ModuleText, importer: ProjectImporter) -> bool:
    held = sys.modules.get(module.name)
    return held is not None and (importer.loaded.get(module.name) != module.digest or remembers(held))


def install(modules: Sequence[ModuleText], roots: Sequence[str]) -> tuple[ProjectImporter, ImportLog]:
    """From now on project modules are imported from these texts; those held already stay.

    Gives what imports them, and what keeps what their imports did.
    """
    texts = {module.name: module for module in modules}
    importer = _importer()
    log = importer.watch if importer is not None else None
    if importer is not None and tuple(importer.roots) == tuple(roots) and isinstance(log, ImportLog):
        importer.texts.clear()
        importer.texts.update(texts)
        importlib.invalidate_caches()
        return importer, log
    forget()
    log = ImportLog()
    importer = ProjectImporter(roots, texts, log)
    importer.install()
    return importer, log


def forget() -> None:
    """Undo `install`: the next import of a project module starts anew."""
    importer = _importer()
    if importer is not None:
        importer.uninstall()


def resolve(ref: ObjectRef) -> Any:
    """The object that a reference names; imports its module.

    Raises:
        AttributeError: its module defines no such name.
        BaseException: whatever the import of its module raised.
    """
    found: Any = load(ref.module)
    return functools.reduce(getattr, ref.qualname.split("."), found)


def load(name: str) -> ModuleType:
    """Import a module, from the installed texts where they hold it."""
    return importlib.import_module(name)


def _importer() -> ProjectImporter | None:
    owners = (getattr(hook, "__self__", None) for hook in sys.path_hooks)
    return next((owner for owner in owners if isinstance(owner, ProjectImporter)), None)
