"""Importing the modules that a pipeline file names; every failure is one line that says where it lies."""

import ast
import importlib
import inspect
import os
import tokenize
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from pivot.config.spelling import did_you_mean
from pivot.define.locate import PipelineFile
from pivot.define.sources import ProjectImporter
from pivot.errors import DefinitionError, PivotError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef
from pivot.paths import absolute, relative_to_root


@dataclass(frozen=True, slots=True)
class Modules:
    """Imports modules, each once; a module that fails is reported for the first stage that needs it.

    Attributes:
        importer: installed by the caller.
    """

    home: PipelineFile
    importer: ProjectImporter
    _failed: dict[str, PivotError] = field(default_factory=dict)

    def function(self, dotted: str, stage: str, place: Place) -> tuple[Any, ObjectRef] | PivotError | None:
        """The object that ``package.module.function`` names.

        Returns:
            the object and its name; an error; or ``None`` if an error for its module was returned before.
        """
        module, _, name = dotted.rpartition(".")
        if not module or not all(part.isidentifier() for part in dotted.split(".")):
            message = f"stage {stage!r}: python {dotted!r} names no function ({place})"
            guess = dotted.replace(":", ".").replace("/", ".").removesuffix("()")
            is_right = "." in guess and all(part.isidentifier() for part in guess.split("."))
            return DefinitionError(
                message, f"write {guess if is_right else 'module.function, e.g. stages.train'}"
            )
        if module in self._failed:
            return None
        found = self.module(module, stage, place)
        if isinstance(found, PivotError):
            self._failed[module] = found
            return found
        value = getattr(found, name, None)
        if value is None:
            return self._without(found, module, name, stage, place)
        return value, ObjectRef(module, name)

    def _without(self, found: ModuleType, module: str, name: str, stage: str, place: Place) -> PivotError:
        """Why a module has not the function that is asked for."""
        line = self._main_only(module, name)
        if line:
            where = self._place(self.importer.files[module], line)
            why = "it is defined under if __name__ == '__main__', which no worker runs"
            message = f"stage {stage!r}: Can't get attribute {name!r} on <module '__main__'>: {why} ({where})"
            return DefinitionError(message, "move it out of the if, to module level")
        message = f"stage {stage!r}: module {module} has no function {name!r} ({place})"
        if module not in self.importer.files and module in self._known():
            hint = f"{module} is a module that Python or Pivot has imported already: rename your {module}.py"
            return DefinitionError(message, hint)
        names = [
            key for key, item in vars(found).items() if inspect.isfunction(item) and not key.startswith("_")
        ]
        return DefinitionError(message, did_you_mean(name, names))

    def _main_only(self, module: str, name: str) -> int:
        """The line where a module defines a function only if it is run as a program; 0 if it does not."""
        file = self.importer.files.get(module)
        if file is None:
            return 0
        with tokenize.open(file) as source:
            guards = [node for node in ast.parse(source.read()).body if _is_main_guard(node)]
        nodes = (node for guard in guards for node in ast.walk(guard))
        functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        return next((function.lineno for function in functions if function.name == name), 0)

    def module(self, name: str, stage: str | None, place: Place) -> ModuleType | PivotError:
        """A module by name, or why it cannot be imported."""
        who = f"stage {stage!r}: " if stage else ""
        try:
            return importlib.import_module(name)
        except PivotError as error:
            return DefinitionError(f"{who}{error.message} ({self._where(error) or place})", error.hint)
        except ModuleNotFoundError as error:
            if error.name is not None and (error.name == name or name.startswith(error.name + ".")):
                return self._missing(name, error, who, place)
            hint = "install it, or mend the import"
            if error.name is not None and error.name.partition(".")[0] == "flowdapt":
                hint = "take it from pivot: `pivot import flowdapt` lists what to change"
            return DefinitionError(
                f"{who}importing {name} failed: {error} ({self._where(error) or place})", hint
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the user's module, or a library in Rust, may raise anything
            kind = type(error).__name__
            said = str(error.msg) if isinstance(error, SyntaxError) else str(error)
            text = next(
                (line.strip() for line in said.splitlines() if line.strip()), ""
            )  # errors are one line
            where = self._where(error) or place
            message = f"{who}importing {name} failed: {kind}: {text} ({where})"
            return DefinitionError(message)

    def _missing(self, name: str, error: ModuleNotFoundError, who: str, place: Place) -> PivotError:
        parent, _, last = name.rpartition(".")
        above = self.importer.loaded.get(parent)
        if above is not None and "is not a package" in str(error):
            message = f"{who}module {parent} holds no module {last!r} ({place})"
            return DefinitionError(message, "a stage is a function at module level, not a method")
        return DefinitionError(
            f"{who}no module named {error.name!r} ({place})", did_you_mean(name, self._known())
        )

    def _known(self) -> list[str]:
        """The modules that lie directly in the import roots."""
        names = set()
        for root in self.home.roots:
            folder = absolute(root, self.home.root)
            for entry in os.listdir(folder):
                stem, extension = os.path.splitext(entry)
                if extension == ".py" and stem.isidentifier() and entry != "setup.py":
                    names.add(stem)
                elif os.path.exists(os.path.join(folder, entry, "__init__.py")):
                    names.add(entry)
        return sorted(names)

    def _where(self, error: BaseException) -> Place | None:
        """The innermost line of the project that an error came through."""
        if isinstance(error, SyntaxError) and error.filename and self.importer.holds(error.filename):
            return self._place(error.filename, error.lineno or 0)
        frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
        for frame in reversed(frames):
            if frame.filename in self.importer.files.values():
                return self._place(frame.filename, frame.lineno or 0)
        return None

    def _place(self, filename: str, line: int) -> Place:
        try:
            return Place(relative_to_root(os.path.realpath(filename), os.path.realpath(self.home.root)), line)
        except PivotError:
            return Place(filename, line)


def _is_main_guard(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    return {ast.unparse(side) for side in sides} == {"__name__", "'__main__'"}
