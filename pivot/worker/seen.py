"""What a stage touches while it runs: the one face of the worker's observation.

audit events ─┐
os.stat, …   ─┼→ Recorder: who asks (frames)? ─→ files, environment, code, modules ─→ Seen
os.environ   ─┤
PY_START     ─┤
imports      ─┘
"""

import contextlib
import multiprocessing.process
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from types import CodeType, FrameType
from typing import Any

from pivot.define.sources import ProjectImporter
from pivot.model.observation import Seen, environment_state
from pivot.model.task import Task
from pivot.worker.audit import listening, tell
from pivot.worker.calls import calls, is_function
from pivot.worker.environment import environment_reads
from pivot.worker.files import INSTALLED, FileLog
from pivot.worker.frames import Frames, Kind
from pivot.worker.imports import Imported, ImportLog, last_finder
from pivot.worker.looks import looks


@contextlib.contextmanager
def observing(task: Task, importer: ProjectImporter, imports: ImportLog) -> Iterator[Callable[[], Seen]]:
    """Watches what the process does meanwhile, in all its threads; without a ``task.root``, nothing.

    Gives a function for afterwards, which says what was seen.
    """
    if not task.root:
        yield Seen
        return
    recorder = Recorder(task, importer, imports)
    children = _children()
    with contextlib.ExitStack() as stack:
        stack.enter_context(listening(recorder.hear))
        stack.enter_context(looks(recorder.files.is_near, recorder.look))
        stack.enter_context(environment_reads(recorder.frames, recorder.variable))
        stack.enter_context(last_finder(recorder.frames, recorder.missing))
        again = stack.enter_context(calls(recorder.call))
        stack.enter_context(imports.watched(again or recorder.do_nothing))
        recorder.sees_calls = again is not None
        yield recorder.seen
        recorder.started_process |= _children() != children
        recorder.note_modules_from_elsewhere()


class Recorder:
    """Takes what happens and keeps what counts. Nothing that goes wrong in it reaches the stage.

    Attributes:
        sees_calls: whether it is told of calls.
        started_process: whether a program or child process was started.
    """

    def __init__(self, task: Task, importer: ProjectImporter, imports: ImportLog) -> None:
        self.sees_calls = False
        self.started_process = False
        self._interpreter = tuple(f"{prefix}{os.sep}" for prefix in {sys.prefix, sys.base_prefix})
        self._modules = frozenset(sys.modules)
        self._texts = frozenset(module.filename for module in task.modules)
        self.frames = Frames(self._is_project)
        outs = (path for out in task.outs for path in (out.target, out.staging))
        self.files = FileLog(task.root, (*task.unobserved, task.log, *outs))
        self._task = task
        self._importer = importer
        self._imports = imports
        self._environment: dict[str, str | None] = {}
        self._code: set[tuple[str, int]] = set()
        self._missing: set[str] = set()
        self._elsewhere: dict[str, str] = {}
        self._own = _Busy()
        self._process = os.getpid()  # a forked child may find a lock taken, and tells nobody what it saw

    def seen(self) -> Seen:
        """What was seen, once nothing is watched any more."""
        held = list(self._imports.modules.values())
        stage = self._task.stage
        return Seen(
            files=self.files.states(),
            written=self.files.written(),
            environment={
                name: environment_state(stage, name, value) for name, value in self._environment.items()
            },
            code=tuple(sorted(self._code)),
            import_code=tuple(sorted(set().union(*(module.code for module in held)))),
            imported={**self._elsewhere, **self._importer.files, **self._importer.compiled},
            missing=tuple(sorted(self._missing.union(*(module.missing for module in held)))),
            started_process=self.started_process,
            calls=self.sees_calls,
        )

    def do_nothing(self) -> None:
        """Where calls are not seen, none need be seen again."""

    def hear(self, event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
        """An audit event."""
        own = self._own
        if own.busy or os.getpid() != self._process:
            return
        own.busy = True
        try:
            tell(self, event, arguments, frame)
        except Exception:  # noqa: BLE001, S110 - the stage must not notice us
            pass
        finally:
            own.busy = False

    def look(self, path: Any, frame: FrameType, present: bool, detailed: bool) -> None:
        """Somebody asked for a file by ``os.stat`` (``detailed``: with its size) and the like."""
        own = self._own
        if own.busy or os.getpid() != self._process:
            return
        own.busy = True
        try:
            self._look(path, frame, present, detailed)
        except Exception:  # noqa: BLE001, S110 - the stage must not notice us
            pass
        finally:
            own.busy = False

    def variable(self, name: str, value: str | None) -> None:
        """Project code read a variable."""
        if not any(fnmatchcase(name, pattern) for pattern in self._task.ignored_environment):
            self._environment.setdefault(name, value)
            self._blame_import()

    def missing(self, name: str) -> None:
        """Project code wants a module that is nowhere."""
        self._missing.add(name)
        module = self._imports.current()
        if module is not None:
            module.missing.add(name)

    def call(self, code: CodeType) -> None:
        """A function starts."""
        file = code.co_filename
        if self.frames.kind(file) is not Kind.PROJECT or not is_function(code):
            return
        if file.startswith("<") and file not in self._texts:
            return
        place = (file, code.co_firstlineno)
        module = self._imports.current()
        # what the import calls, the stage may call again: each border lets calls be noted anew
        (self._code if module is None else module.code).add(place)

    def read(self, path: object, frame: FrameType, folder: str | None = None) -> None:
        """A file is opened to be read."""
        if self.frames.is_read(frame) and (place := self._asked(path, folder)) is not None:
            self.files.read(place)

    def list_folder(self, path: object, frame: FrameType) -> None:
        """A folder is listed."""
        path = os.curdir if path is None else path
        if self.frames.is_read(frame) and (place := self._asked(path)) is not None:
            self.files.listing(place)

    def write(self, path: object, frame: FrameType, *, anew: bool) -> None:
        """A file is opened to be written."""
        if self.frames.is_change(frame) and (place := self.files.place(path)) is not None:
            self.files.write(place, anew=anew)

    def create(self, path: object, frame: FrameType) -> None:
        """A file is made, unless it is there."""
        if self.frames.is_change(frame) and (place := self._asked(path)) is not None:
            self.files.try_to_make(place)
            self.files.write(place)

    def make_folder(self, path: object, frame: FrameType) -> None:
        """A folder is made, unless it is there."""
        if self.frames.is_change(frame) and (place := self._asked(path)) is not None:
            if self.frames.is_read(frame):
                self.files.try_to_make(place)
            self.files.make_folder(place)

    def move(self, source: object, target: object, frame: FrameType) -> None:
        """A file or folder gets another name."""
        if self.frames.is_change(frame):
            self.files.move(self._asked(source), self.files.place(target))

    def remove(self, path: object, frame: FrameType) -> None:
        """A file is removed."""
        if self.frames.is_change(frame) and (place := self._asked(path)) is not None:
            self.files.remove(place)

    def start_program(self, words: Iterable[object], folder: object, frame: FrameType) -> None:
        """A program is started, or this process forked."""
        if not self.frames.is_read(frame):
            return
        self.started_process = True
        self._blame_import()
        base = os.path.abspath(os.fsdecode(folder)) if isinstance(folder, str | bytes | os.PathLike) else None
        for word in words:
            with contextlib.suppress(Exception):
                place = self.files.place(word, folder=base)
                if place is not None and os.path.isfile(place):
                    self.files.read(place)

    def note_modules_from_elsewhere(self) -> None:
        """Project modules outside the import roots, which Python imports by itself, without our hearing of it."""
        for name, module in list(sys.modules.items()):
            if name in self._modules or name in self._importer.files:
                continue
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and self.frames.kind(file) is Kind.PROJECT:
                self._elsewhere[name] = file
                self._imports.modules[name] = Imported(asked=True)

    def _asked(self, path: object, folder: str | None = None) -> str | None:
        if self.files.is_near(path):
            self._blame_import()
        return self.files.place(path, folder=folder)

    def _blame_import(self) -> None:
        module = self._imports.current()
        if module is not None:
            module.asked = True

    def _look(self, path: object, frame: FrameType, present: bool, detailed: bool) -> None:
        direct = self.frames.is_direct(frame)
        if not direct and (present or not self.frames.is_read(frame)):
            return
        place = self._asked(path)
        if place is None:
            return
        if present and detailed and self._wants_details(frame):
            self.files.read(place)
        self.files.look(place, present=present)

    def _wants_details(self, frame: FrameType) -> bool:
        """Whether the size and times are what is wanted, rather than whether something is there."""
        name, asker = frame.f_code.co_name, frame
        if name in {"stat", "lstat"} and frame.f_back is not None:  # of a pathlib.Path
            asker = frame.f_back
        return name == "getsize" or self.frames.kind(asker.f_code.co_filename) is Kind.PROJECT

    def _is_project(self, file: str) -> bool:
        """Whether it is no library: a file under a root, or elsewhere in the path but in no library folder."""
        if file in self._texts:
            return True
        if not os.path.isabs(file) or not INSTALLED.isdisjoint(file.split(os.sep)):
            return False
        return self._importer.holds(file) or not file.startswith(self._interpreter)


class _Busy(threading.local):
    """Whether what this thread does is our own doing."""

    busy = False


def _children() -> str:
    """Changes when a `multiprocessing` process is made, which fires no audit event unless it is forked."""
    return repr(getattr(multiprocessing.process, "_process_counter", None))
