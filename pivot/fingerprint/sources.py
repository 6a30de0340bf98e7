"""Finds the source of modules without importing anything.

A **project module** is one whose source lies under an import root of the project, or on the search path outside the
library folders, or where an editable install keeps it. All else is a **library**, counted by its version, or missing.
"""

import io
import os
import site
import sys
import sysconfig
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES

from pivot.errors import CodeError
from pivot.fingerprint.editable import mapped_modules, path_entries, steering_files
from pivot.model.digest import Digest, digest_bytes
from pivot.model.fingerprint import ModuleText, ProjectModule
from pivot.paths import ProjectPath, absolute

OWN_PACKAGES = frozenset({"pivot", "pivot_jupyter"})
"""Pivot's own packages: declarations to us, neither a project's code nor a library in reach."""

_COMPILED = (*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)
_ENDINGS = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
_SITES = frozenset({"site-packages", "dist-packages"})
_LIBRARY_FOLDERS = _SITES | {"lib-dynload"}


class Origin(Enum):
    """Where the code of a module comes from."""

    PROJECT = "project"
    NAMESPACE = "namespace"  # a folder without __init__.py
    COMPILED = "compiled"  # a local module without source
    LIBRARY = "library"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Located:
    """What a module name stands for.

    Attributes:
        path: of the file; empty for libraries, namespaces and texts without a file.
        folders: where submodules are looked for, each with whether it belongs to a library.
    """

    origin: Origin
    path: str = ""
    folders: tuple[tuple[str, bool], ...] = ()
    is_package: bool = False


class Sources:
    """One snapshot of a project's modules: what was looked up once stays as it was found.

    Args:
        root: the absolute project root.
        roots: import roots in order.
        overlay: modules that exist only as text (a notebook's module), by name; they win over files.
        search: further folders in which modules are looked for; the default is this interpreter's ``sys.path``.
        digest: of a file by its absolute path, from somebody who knows which files have not changed; the default
            reads it.
        names: in a folder by its absolute path, none where it is none; from somebody who knows which folders have not
            changed. The default lists it.
    """

    def __init__(
        self,
        root: str,
        roots: Sequence[ProjectPath],
        overlay: Mapping[str, ModuleText] | None = None,
        search: Sequence[str] | None = None,
        digest: Callable[[str], Digest | None] | None = None,
        names: Callable[[str], frozenset[str]] | None = None,
    ) -> None:
        self.root = os.path.abspath(root)
        self._overlay = dict(overlay or {})
        self._located: dict[str, Located] = {}
        self._modules: dict[str, ProjectModule | None] = {}
        self._texts: dict[str, ModuleText] = {}
        self._digest = digest or _digest_of_file
        self._names = names or _names_in
        self._listings: dict[str, frozenset[str]] = {}
        path = [absolute(folder, self.root) for folder in roots]
        own = {os.path.normpath(folder) for folder in path}
        libraries = _library_roots()
        entries: dict[str, bool] = dict.fromkeys((os.path.normpath(folder) for folder in path), False)
        for entry in sys.path if search is None else search:
            if entry and os.path.normpath(entry) not in own:
                folder = os.path.normpath(os.path.abspath(entry))
                entries.setdefault(folder, _is_library_folder(folder, self.root, libraries))
        sites = [folder for folder in entries if os.path.basename(folder) in _SITES]
        for site_folder in sites:
            for folder in path_entries(site_folder, self._listing(site_folder)):
                entries.setdefault(folder, _is_library_folder(folder, self.root, libraries))
        self._path = tuple(entries.items())
        self._mapped = {
            name: path
            for folder in reversed(sites)
            for name, path in mapped_modules(folder, self._listing(folder)).items()
        }

    @property
    def library_folders(self) -> tuple[str, ...]:
        """Folders of the search path that hold libraries."""
        return tuple(folder for folder, is_library in self._path if is_library)

    def looked_at(self) -> dict[str, bool]:
        """All paths that the answers so far rest on, each with whether it was surely there."""
        found = {folder: bool(names) for folder, names in self._listings.items()}
        for folder, names in self._listings.items():
            if os.path.basename(folder) in _SITES:
                found.update({os.path.join(folder, name): True for name in steering_files(names)})
        found.update({located.path: True for located in self._located.values() if located.path})
        return found

    def locate(self, name: str) -> Located:
        """What the dotted, absolute module name `name` stands for."""
        known = self._located.get(name)
        if known is None:
            known = self._located[name] = self._look_for(name)
        return known

    def find(self, name: str) -> ProjectModule | None:
        """A project module, or ``None`` where `name` is none. Its file need not be read for that."""
        if name not in self._modules:
            self._modules[name] = self._found(name)
        return self._modules[name]

    def is_library_module(self, name: str) -> bool:
        """Whether a library's folder holds the module of a dotted name, such as ``scipy.optimize``."""
        top, *inner, leaf = name.split(".")
        folders = (folder for folder, is_library in self.locate(top).folders if is_library)
        listings = (self._listing(os.path.join(folder, *inner)) for folder in folders)
        return any(leaf in names or _module_file(leaf, names) for names in listings)

    def text(self, module: ProjectModule) -> ModuleText:
        """A module of this snapshot with its text.

        Raises:
            CodeError: the file cannot be read as Python source (its coding line is wrong), or has changed since the
                snapshot was made.
        """
        if module.name not in self._texts:
            self._texts[module.name] = self._overlay.get(module.name) or self._read(module)
        return self._texts[module.name]

    def _read(self, module: ProjectModule) -> ModuleText:
        try:
            with open(module.filename, "rb") as file:
                data = file.read()
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            text = io.IncrementalNewlineDecoder(None, translate=True).decode(data.decode(encoding))
        except (OSError, SyntaxError, UnicodeDecodeError, LookupError) as error:
            raise CodeError(
                f"{module.place}: cannot be read as Python source: {error}", "save the file as UTF-8"
            ) from error
        if digest_bytes(data) != module.digest:
            raise CodeError(f"{module.place}: was edited while Pivot was at work", "run again")
        return ModuleText(module.name, module.filename, module.place, text, module.digest, module.is_package)

    def submodules(self, name: str) -> tuple[str, ...]:
        """The full names of the project modules directly inside the package `name`, sorted."""
        prefix = f"{name}."
        found = {n for n in self._overlay if n.startswith(prefix) and "." not in n[len(prefix) :]}
        for folder, is_library in self.locate(name).folders:
            for entry in () if is_library else self._listing(folder):
                stem = entry.removesuffix(".py")
                if stem.isidentifier() and stem != "__init__":
                    found.add(prefix + stem)
        wanted = (Origin.PROJECT, Origin.COMPILED)
        return tuple(sorted(n for n in found if self.locate(n).origin in wanted))

    def installed(self, name: str) -> str:
        """The module that tells which distribution the dotted `name` is from: the first that has a file.

        Of a namespace, many distributions have a part. The top-level module where nothing is found.
        """
        words = name.split(".")
        for length in range(1, len(words) + 1):
            module = ".".join(words[:length])
            located = self.locate(module)
            if located.path:
                return module
            if not located.folders:
                break
        return words[0]

    def compiled_digest(self, name: str) -> Digest:
        """The digest of the bytes of a local compiled module."""
        return self._digest(self.locate(name).path) or digest_bytes(b"")

    def place(self, path: str) -> str:
        """A file as reasons name it: its project path, or the whole path if it lies elsewhere."""
        if path.startswith(self.root + os.sep):
            return os.path.relpath(path, self.root).replace(os.sep, "/")
        return path

    def _look_for(self, name: str) -> Located:
        if name in self._overlay:
            folders = self._package_folders(name) if self._overlay[name].is_package else ()
            return Located(Origin.PROJECT, "", folders, self._overlay[name].is_package)
        found = self._look_on_path(name)
        return self._look_in_mapping(name) if found.origin is Origin.MISSING and self._mapped else found

    def _look_on_path(self, name: str) -> Located:
        parent, _, leaf = name.rpartition(".")
        if not parent:
            if name in OWN_PACKAGES or name in sys.builtin_module_names:
                return Located(Origin.LIBRARY)
            found = self._search(leaf, self._path)
            if found.origin is Origin.MISSING and name in sys.stdlib_module_names:
                return Located(Origin.LIBRARY)
            return found
        above = self.locate(parent)
        in_namespace = bool(above.folders) and not above.path
        if above.origin is Origin.MISSING or (above.origin is Origin.LIBRARY and not in_namespace):
            return above
        found = self._search(leaf, above.folders)
        lost = found.origin is Origin.MISSING and above.origin is Origin.LIBRARY
        return Located(Origin.LIBRARY) if lost else found

    def _look_in_mapping(self, name: str) -> Located:
        if name in self._mapped:
            folder, leaf = os.path.split(self._mapped[name])
            return self._search(leaf, ((folder, False),))
        if any(other.startswith(f"{name}.") for other in self._mapped):
            return Located(Origin.NAMESPACE, "", (), True)
        return Located(Origin.MISSING)

    def _package_folders(self, name: str) -> tuple[tuple[str, bool], ...]:
        filename = self._overlay[name].filename
        return ((os.path.dirname(filename), False),) if os.path.isabs(filename) else ()

    def _search(self, leaf: str, folders: Sequence[tuple[str, bool]]) -> Located:
        portions: list[tuple[str, bool]] = []
        for folder, is_library in folders:
            names = self._listing(folder)
            inside = os.path.join(folder, leaf)
            if leaf in names and (content := self._listing(inside)):
                package = _module_file("__init__", content)
                if package:
                    return _located(os.path.join(inside, package), is_library, ((inside, is_library),))
                portions.append((inside, is_library))
            module = _module_file(leaf, names)
            if module:
                return _located(os.path.join(folder, module), is_library, ())
        if portions:
            only_library = all(is_library for _, is_library in portions)
            return Located(Origin.LIBRARY if only_library else Origin.NAMESPACE, "", tuple(portions), True)
        return Located(Origin.MISSING)

    def _listing(self, folder: str) -> frozenset[str]:
        known = self._listings.get(folder)
        if known is None:
            known = self._listings[folder] = self._names(folder)
        return known

    def _found(self, name: str) -> ProjectModule | None:
        text = self._overlay.get(name)
        if text is not None:
            return ProjectModule(name, text.filename, text.place, text.digest, text.is_package)
        located = self.locate(name)
        if located.origin is not Origin.PROJECT or not located.path:
            return None
        digest = self._digest(located.path)
        place = self.place(located.path)
        return (
            None if digest is None else ProjectModule(name, located.path, place, digest, located.is_package)
        )


def _digest_of_file(path: str) -> Digest | None:
    try:
        with open(path, "rb") as file:
            return digest_bytes(file.read())
    except OSError:
        return None


def _names_in(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _located(path: str, is_library: bool, folders: tuple[tuple[str, bool], ...]) -> Located:
    if is_library:
        return Located(Origin.LIBRARY, path, folders, bool(folders))
    origin = Origin.COMPILED if path.endswith(_COMPILED) else Origin.PROJECT
    return Located(origin, path, folders, bool(folders))


def _module_file(stem: str, names: frozenset[str]) -> str:
    """The file of module `stem` among `names`: compiled for this very Python wins over source, as in its finder."""
    return next((stem + ending for ending in _ENDINGS if stem + ending in names), "")


def _library_roots() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    roots = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib") if key in paths]
    roots += [os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages()]
    return tuple(dict.fromkeys(os.path.normpath(os.path.abspath(root)) for root in roots))


def _is_library_folder(folder: str, root: str, libraries: tuple[str, ...]) -> bool:
    if _LIBRARY_FOLDERS & set(folder.split(os.sep)) or folder.endswith(".zip"):
        return True
    if folder == root or folder.startswith(root + os.sep):
        return False
    return any(folder == library or folder.startswith(library + os.sep) for library in libraries)
