"""Importing project modules from their source text, never from bytecode.

Python trusts a ``.pyc`` whose recorded time and size match the source; two edits within a second that keep
the size therefore run old code. Here every project module is compiled from its text, nothing is written, and
the digest of that text is known. A module may also be given as text alone (a notebook's).

    importer.install()
      sys.meta_path  ← finds modules given as text; they win over files
      sys.path_hooks ← finds `.py` files in folders under the roots
      sys.path       ← the roots, in front
      sys.modules    ← modules of the project that were imported before are set aside
    importer.uninstall() puts all four back
"""

import importlib
import importlib.abc
import importlib.util
import linecache
import os
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from types import CodeType, ModuleType, TracebackType
from typing import Any, Protocol, Self, cast

from pivot.model.digest import Digest, digest_text
from pivot.model.fingerprint import ModuleText

_OUR_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class ImportWatch(Protocol):
    """Is told when a module of the project is executed."""

    def executing(self, name: str) -> AbstractContextManager[None]:
        """Around the execution of a module."""


class ProjectImporter:
    """Imports the modules under some folders from their text. May be used as a context manager.

    Args:
        roots: absolute folders from which modules are imported, in order.
        texts: module name → text; wins over files.
        watch: who is told when a module is executed.
        placed: module name and its code → the same code with other names of files and numbers of lines.

    Attributes:
        loaded: module name → digest of the text it was compiled from.
        files: module name → the file, or name of our own, that its text stands in.
        compiled: module name → the file of a compiled module (``.so``).
    """

    def __init__(
        self,
        roots: Sequence[str],
        texts: Mapping[str, ModuleText] | None = None,
        watch: ImportWatch | None = None,
        placed: Callable[[str, CodeType], CodeType] = lambda _, code: code,
    ) -> None:
        self.roots = tuple(os.path.abspath(root) for root in roots)
        self.texts = dict(texts or {})
        self.loaded: dict[str, Digest] = {}
        self.files: dict[str, str] = {}
        self.compiled: dict[str, str] = {}
        self.watch = watch
        self.placed = placed
        # asked now: inside an import hook Python 3.13 may still be at work on the answer itself
        self._libraries = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), _OUR_FOLDER)
        self._real_roots = tuple(dict.fromkeys((*self.roots, *map(os.path.realpath, self.roots))))
        self._finder = _TextFinder(self)
        self._aside: dict[str, ModuleType] = {}
        self._path_before: list[str] | None = None

    def install(self) -> None:
        """From now on, imports go through this importer; a second call does nothing."""
        if self._path_before is not None:
            return
        self._path_before = list(sys.path)
        self._aside = self._take_project_modules()
        sys.meta_path.insert(0, self._finder)
        sys.path_hooks.insert(0, self._hook)
        sys.path[:0] = [root for root in self.roots if root not in sys.path]
        # roots in the path already move to the front in their order
        sys.path[:] = [*self.roots, *(entry for entry in sys.path if entry not in self.roots)]
        self._forget_finders()
        for text in self.texts.values():
            _show_in_tracebacks(text)

    def uninstall(self) -> None:
        """Give back what `install` took: project modules imported since are forgotten by Python."""
        if self._path_before is None:
            return
        self._take_project_modules()
        sys.modules.update(self._aside)
        sys.meta_path.remove(self._finder)
        sys.path_hooks.remove(self._hook)
        sys.path[:] = self._path_before
        self._path_before, self._aside = None, {}
        self._forget_finders()
        for text in self.texts.values():
            linecache.cache.pop(text.filename, None)

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.uninstall()

    def executing(self, name: str) -> AbstractContextManager[None]:
        """Around the execution of a module of the project."""
        return nullcontext() if self.watch is None else self.watch.executing(name)

    def holds(self, path: str) -> bool:
        """Whether a file or folder is the project's own: under a root, and in no library folder."""
        return any(
            _is_within(path, root) and _is_project(path, root, self._libraries) for root in self._real_roots
        )

    def _hook(self, path: str) -> FileFinder:
        folder = os.path.abspath(path or os.getcwd())
        if not os.path.isdir(folder) or not self.holds(folder):
            raise ImportError(f"{folder} is no folder of the project")
        return FileFinder(
            folder,
            # called as a class is
            (cast("type[ExtensionFileLoader]", self._compiled_loader), EXTENSION_SUFFIXES),
            (cast("type[SourceFileLoader]", self._loader), SOURCE_SUFFIXES),
        )

    def _compiled_loader(self, name: str, path: str) -> "_CompiledLoader":
        return _CompiledLoader(name, path, self)

    def _loader(self, name: str, path: str) -> "_TextLoader":
        return _TextLoader(name, path, None, self)

    def _take_project_modules(self) -> dict[str, ModuleType]:
        others: set[str] = set()  # folders of libraries: of thousands of modules most lie beside each other
        taken = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            folder = file.rpartition(os.sep)[0] if type(file) is str else ""
            if folder in others and name not in self.texts:
                continue
            if self._is_ours(name, module):
                taken[name] = module
            elif folder and name != "__main__" and isinstance(module, ModuleType):
                others.add(folder)
        for name in taken:
            del sys.modules[name]
        return taken

    def _is_ours(self, name: str, module: Any) -> bool:
        if name in self.texts:
            return True
        if name == "__main__" or not isinstance(module, ModuleType):
            return False
        file = getattr(module, "__file__", None)
        if file is not None:
            return self.holds(os.path.abspath(file))
        # a namespace package has folders only
        spec = getattr(module, "__spec__", None)
        folders = list(getattr(module, "__path__", ())) if spec is not None and spec.origin is None else []
        return bool(folders) and all(self.holds(folder) for folder in folders)

    def _forget_finders(self) -> None:
        for path in list(sys.path_importer_cache):
            if self.holds(os.path.abspath(path)):
                del sys.path_importer_cache[path]
        importlib.invalidate_caches()


class _TextFinder(importlib.abc.MetaPathFinder):
    """Finds the modules that are given as text."""

    def __init__(self, importer: ProjectImporter) -> None:
        self._importer = importer

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        text = self._importer.texts.get(fullname)
        if text is None:
            return None
        loader = _TextLoader(fullname, text.filename, text, self._importer)
        if os.path.isabs(text.filename):
            folders = [os.path.dirname(text.filename)] if text.is_package else None
            return importlib.util.spec_from_file_location(
                fullname, text.filename, loader=loader, submodule_search_locations=folders
            )
        return ModuleSpec(fullname, loader, origin=text.filename, is_package=text.is_package)


class _TextLoader(SourceFileLoader):
    """Compiles a module from its text; leaves the text's digest in ``__pivot_hash__``."""

    def __init__(self, name: str, path: str, text: ModuleText | None, importer: ProjectImporter) -> None:
        super().__init__(name, path)
        self._text = text
        self._importer = importer

    def get_source(self, fullname: str) -> str:
        if self._text is not None:
            return self._text.text
        return importlib.util.decode_source(self.get_data(self.get_filename(fullname)))

    def get_code(self, fullname: str) -> CodeType:
        self._importer.files[fullname] = self.path
        try:
            source = self.get_source(fullname)
            digest = self._text.digest if self._text is not None else digest_text(source)
            self._importer.loaded[fullname] = digest
            return self._importer.placed(fullname, compile(source, self.path, "exec", dont_inherit=True))
        except UnicodeDecodeError as error:
            why = "the file is no UTF-8, and names no other encoding in its first line"
            line = error.object.count(b"\n", 0, error.start) + 1
            raise SyntaxError(why, (self.path, line, None, None)) from error
        except SyntaxError as error:
            error.filename = error.filename or self.path  # of a wrong encoding, Python does not say it
            raise

    def is_package(self, fullname: str) -> bool:
        return self._text.is_package if self._text is not None else super().is_package(fullname)

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        vars(module)["__pivot_hash__"] = self._importer.loaded[module.__name__]
        with self._importer.executing(module.__name__):
            exec(code, vars(module))  # noqa: S102 - this is what importing is


class _CompiledLoader(ExtensionFileLoader):
    """Loads a compiled module of the project, and says so."""

    def __init__(self, name: str, path: str, importer: ProjectImporter) -> None:
        super().__init__(name, path)
        self._importer = importer

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        self._importer.compiled[spec.name] = self.path
        with self._importer.executing(spec.name):
            return super().create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with self._importer.executing(module.__name__):
            super().exec_module(module)


def _show_in_tracebacks(text: ModuleText) -> None:
    # without a time, linecache never compares the lines with a file
    linecache.cache[text.filename] = (len(text.text), None, text.lines(), text.filename)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_project(path: str, root: str, libraries: Sequence[str]) -> bool:
    between = os.path.relpath(path, root).split(os.sep)
    if "site-packages" in between or "dist-packages" in between:
        return False
    return not any(_is_within(path, library) and not _is_within(root, library) for library in libraries)
