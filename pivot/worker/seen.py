"""What a stage touches while it runs: the one face of the worker's observation.

audit events ─┐
os.stat, …   ─┼→ Recorder: who asks (frames)? ─→ files, environment, code, modules ─→ Seen
os.environ   ─┤                         ↑
PY_START     ─┤                  forked children
imports      ─┘
"""

import contextlib
import importlib.util
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from types import CodeType, FrameType
from typing import Any, NamedTuple, cast

from pivot.define.sources import ProjectImporter
from pivot.model.context import settled, stronger, take_down
from pivot.model.observation import ABSENT, FOLDER, PRESENT, Seen, environment_state
from pivot.model.stored import KeyName
from pivot.model.task import Task
from pivot.worker.audit import listening, tell
from pivot.worker.calls import Calls, calls, is_function
from pivot.worker.children import Reports, processes_made
from pivot.worker.context import Note, unnoted
from pivot.worker.descriptors import opened
from pivot.worker.desk import KeyLog, stage_desk
from pivot.worker.environment import environment_reads
from pivot.worker.files import INSTALLED, Entry, FileLog
from pivot.worker.frames import Frames, Kind
from pivot.worker.imports import Imported, ImportLog, last_finder
from pivot.worker.looks import FILE as LOOKS
from pivot.worker.looks import looks
from pivot.worker.pickled import code_of


@contextlib.contextmanager
def observing(task: Task, importer: ProjectImporter, imports: ImportLog) -> Iterator["Watch"]:
    """Watches what the process does meanwhile, in all its threads; without a ``task.root``, nothing."""
    if not task.root:
        yield Watch(Seen, unnoted)
        return
    recorder = Recorder(task, importer, imports)
    children = processes_made()
    with contextlib.ExitStack() as stack:
        stack.enter_context(listening(recorder.hear))
        stack.enter_context(looks(recorder))
        stack.enter_context(environment_reads(recorder.frames, recorder.variable))
        stack.enter_context(last_finder(recorder.frames, recorder.missing))
        noted = stack.enter_context(calls(recorder.call))
        stack.enter_context(imports.watched(lambda: recorder.at_border(noted)))
        stack.callback(recorder.end_reports)
        stack.enter_context(
            stage_desk(task, recorder.keys, is_importing=lambda: imports.current() is not None)
        )
        yield Watch(recorder.seen, recorder.asked)
        recorder.sees_calls = noted.are_seen()
        recorder.started_process |= processes_made() != children
        recorder.note_modules_from_elsewhere()


class Watch(NamedTuple):
    """``seen`` says what was seen, once nothing is watched; ``asked`` is told what is asked of the context."""

    seen: Callable[[], Seen]
    asked: Note


class Recorder:
    """Takes what happens and keeps what counts. Nothing that goes wrong in it reaches the stage.

    Attributes:
        sees_calls: whether it is told of calls.
        started_process: whether a program or child process was started.
        keys: what became of keys of the object store.
    """

    def __init__(self, task: Task, importer: ProjectImporter, imports: ImportLog) -> None:
        self.sees_calls = self.started_process = False
        self.keys = KeyLog(self._say_key, self._catch_up)
        self._interpreter = tuple(f"{prefix}{os.sep}" for prefix in {sys.prefix, sys.base_prefix})
        self._modules = frozenset(sys.modules)
        self._texts = frozenset(module.filename for module in task.modules)
        self.frames = Frames(self._is_project)
        outs = (path for out in task.outs for path in (out.target, out.staging))
        self.files = FileLog(task.root, (*task.unobserved, task.log, *outs))
        self._task = task
        self._importer = importer
        self._imports = imports
        self._environment: dict[str, str] = {}
        self._context: dict[str, str] = {}
        self._code: set[tuple[str, int]] = set()
        self._missing: set[str] = set()
        self._pickled: set[tuple[str, str]] = set()
        self._elsewhere: dict[str, str] = {}
        self._own = _Thread()
        self._process = os.getpid()
        self._reports: Reports | None = None
        self._is_child = False

    def seen(self) -> Seen:
        """What was seen, once nothing is watched any more."""
        held, pickled = list(self._imports.modules.values()), code_of(self._pickled, self._counts)
        return Seen(
            files=self.files.states(),
            written=self.files.written(),
            environment=dict(self._environment),
            context=settled(self._context),
            code=tuple(sorted(self._code if self.sees_calls else self._code.union(pickled))),
            import_code=tuple(sorted(set().union(*(module.code for module in held)))),
            imported={**self._elsewhere, **self._importer.files, **self._importer.compiled},
            missing=tuple(sorted(self._missing.union(*(module.missing for module in held)))),
            started_process=self.started_process,
            calls=self.sees_calls,
            keys=self.keys.states,
            puts=self.keys.puts,
            deleted=tuple(self.keys.deleted),
        )

    def at_border(self, noted: Calls) -> None:
        """The execution of a module begins or ends: what it calls, others may call again."""
        noted.again()
        if self._tells():
            for name, file in {**self._importer.files, **self._importer.compiled}.items():
                self._tell("imported", name, file)

    def end_reports(self) -> None:
        """Nothing more that children say will be heard."""
        if self._reports is not None:
            self._take_reports(self._reports)
            self._reports.close()

    def hear(self, event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
        """An audit event."""
        if frame.f_code.co_filename == LOOKS and frame.f_back is not None:
            frame = frame.f_back  # the wrapper's caller
        self._unnoticed(tell, self, event, arguments, frame)

    def is_near(self, path: object) -> bool:
        """Whether a path may be one that is observed."""
        return self.files.is_near(path)

    def look(self, path: Any, frame: FrameType, found: os.stat_result | None, *, detailed: bool) -> None:
        """Somebody asked for a file by ``os.stat`` (``detailed``: with its size) and the like."""
        self._unnoticed(self._look, path, frame, found, detailed)

    def follow(self, path: Any, frame: FrameType, target: str | None) -> None:
        """Somebody asked where a link leads."""
        self._unnoticed(self._follow, path, frame, target)

    @contextlib.contextmanager
    def opening_in(self, folder: int) -> Iterator[None]:
        """A file is opened by its name in an open folder."""
        self._own.folder = opened(folder)
        try:
            yield
        finally:
            self._own.folder = None

    def _unnoticed(self, act: Callable[..., object], *given: object) -> None:
        """Do what must not be heard itself. The stage must notice no error of ours."""
        own = self._own
        if own.busy:
            return
        own.busy = True
        try:
            if self._tells():
                own.touched = set()
                act(*given)
                for path in own.touched:
                    self._tell("file", path, *self.files.entry(path))
                return
            self._catch_up()
            act(*given)
        except Exception:  # noqa: BLE001, S110
            pass
        finally:
            own.busy = False

    def _say_key(self, *report: object) -> None:
        self._blame_import()
        if self._tells():
            self._tell(*report)

    def _catch_up(self) -> None:
        if self._reports is not None and not self._tells():
            self._take_reports(self._reports)

    def _tells(self) -> bool:
        """Whether this is a forked child, which must say what it sees."""
        if os.getpid() != self._process:
            self._process, self._is_child = os.getpid(), True
            self.files.renew_lock()
        return self._is_child

    def _tell(self, *report: object) -> None:
        if self._reports is not None:
            self._reports.send(*report)

    def _take_reports(self, reports: Reports) -> None:
        for kind, name, *rest in cast("Iterable[tuple[str, str, *tuple[Any, ...]]]", reports.take()):
            match kind:
                case "file":
                    self.files.adopt(name, cast("Entry", tuple(rest)))
                case "variable":
                    self._environment.setdefault(name, rest[0])
                case "asked":
                    self._context[name] = stronger(self._context.get(name), rest[0])
                case "code":
                    self._code.add((name, rest[0]))
                case "missing":
                    self._missing.add(name)
                case "imported":
                    self._elsewhere.setdefault(name, rest[0])
                case _:
                    self.keys.note(kind, KeyName(name), *rest)

    def variable(self, name: str, value: str | None) -> None:
        """Project code read a variable."""
        if not any(fnmatchcase(name, pattern) for pattern in self._task.ignored_environment):
            state = self._environment.setdefault(
                name, environment_state(self._task.key or self._task.stage, name, value)
            )
            self._blame_import()
            if self._tells():
                self._tell("variable", name, state)

    def asked(self, at: str, seen: object) -> None:
        """The stage asked for something of its run context; of what is known whole nothing more is to be noted."""
        state = take_down(self._context, self._task.key or self._task.stage, at, seen)
        if state is None:
            return
        self._blame_import()
        if self._tells():
            self._tell("asked", at, state)

    def missing(self, name: str) -> None:
        """Project code wants a module that is nowhere."""
        self._missing.add(name)
        if self._tells():
            self._tell("missing", name)
        module = self._imports.current()
        if module is not None:
            module.missing.add(name)

    def call(self, code: CodeType) -> None:
        """A function starts."""
        if not is_function(code) or not self._counts(code.co_filename):
            return
        place = (code.co_filename, code.co_firstlineno)
        if self._tells():
            self._tell("code", *place)
        module = self._imports.current()
        # what the import calls, the stage may call again: each border lets calls be noted anew
        (self._code if module is None else module.code).add(place)

    def read(self, path: object, frame: FrameType) -> None:
        """A file is opened to be read."""
        if not self.frames.is_read(frame):
            return
        if self.frames.kind(frame.f_code.co_filename) is Kind.IMPORT and str(path).endswith(".pyc"):
            path = importlib.util.source_from_cache(str(path))  # for which it stands
        if (place := self._asked(path)) is not None:
            self.files.read(place)

    def list_folder(self, path: object, frame: FrameType) -> None:
        """A folder is listed."""
        path = os.curdir if path is None else path
        if self.frames.is_read(frame) and (place := self._asked(path)) is not None:
            self.files.listing(place)

    def write(self, path: object, frame: FrameType, *, anew: bool) -> None:
        """A file is opened to be written."""
        if self.frames.is_change(frame) and (place := self._place(path)) is not None:
            self.files.write(place, anew=anew)

    def create(self, path: object, frame: FrameType) -> None:
        """A file is made, unless it is there."""
        if self.frames.is_change(frame) and (place := self._asked(path)) is not None:
            self.files.try_to_make(place, by_chance=self.frames.is_named_by_chance(frame))
            self.files.write(place)

    def make_folder(self, path: object, frame: FrameType) -> None:
        """A folder is made, unless it is there."""
        if self.frames.is_change(frame) and (place := self._asked(path)) is not None:
            if self.frames.is_read(frame):
                self.files.try_to_make(place, by_chance=self.frames.is_named_by_chance(frame))
            self.files.make_folder(place)

    def move(self, source: object, target: object, frame: FrameType) -> None:
        """A file or folder gets another name."""
        if self.frames.is_change(frame):
            self.files.move(self._asked(source), self._place(target))

    def remove(self, path: object, frame: FrameType) -> None:
        """A file is removed."""
        if self.frames.is_change(frame) and (place := self._asked(path)) is not None:
            self.files.remove(place, asks=self.frames.is_read(frame))

    def start_program(self, words: Iterable[object], folder: object, frame: FrameType) -> None:
        """A program is started."""
        if not self.frames.is_read(frame):
            return
        self.started_process = True
        self._blame_import()
        base = os.path.abspath(os.fsdecode(folder)) if isinstance(folder, str | bytes | os.PathLike) else None
        for word in words:
            with contextlib.suppress(Exception):
                self.files.given(word, folder=base, afar=self._task.afar is not None)

    def fork(self, frame: FrameType) -> None:
        """This process is about to have a child that has all of this, too."""
        if self._reports is None:
            self._reports = Reports()
        self.start_program((), None, frame)

    def unpickle(self, module: str, name: str) -> None:  # noqa: D102
        self._pickled.add((module, name))

    def note_modules_from_elsewhere(self) -> None:
        """Project modules outside the import roots, which Python imports by itself, without our hearing of it."""
        for name in sys.modules.keys() - self._modules - self._importer.files.keys():
            file = None
            with contextlib.suppress(Exception):  # some modules answer for themselves
                file = getattr(sys.modules[name], "__file__", None)
            if isinstance(file, str) and self.frames.kind(file) is Kind.PROJECT:
                self._elsewhere[name] = file
                self._imports.modules[name] = Imported(asked=True)

    def _asked(self, path: object) -> str | None:
        if self.files.is_near(path):
            self._blame_import()
        return self._place(path)

    def _place(self, path: object) -> str | None:
        place = self.files.place(path, folder=self._own.folder)
        if self._is_child and place is not None:
            self._own.touched.add(place)
        return place

    def _blame_import(self) -> None:
        module = self._imports.current()
        if module is not None:
            module.asked = True

    def _look(self, path: object, frame: FrameType, found: os.stat_result | None, detailed: bool) -> None:
        if not self.frames.is_read(frame):
            return
        place = self._asked(path)
        if place is None or (found is not None and place in self._texts and not self.frames.is_direct(frame)):
            return  # libraries look at the files of modules that they compile or show
        if found is not None and detailed:
            if stat.S_ISLNK(found.st_mode) and frame.f_code.co_name != "lexists":
                self.files.follow(place, os.readlink(place))
            elif self._wants_details(frame):
                self.files.read(place)
        self.files.look(
            place, ABSENT if found is None else FOLDER if stat.S_ISDIR(found.st_mode) else PRESENT
        )

    def _follow(self, path: object, frame: FrameType, target: str | None) -> None:
        if not self.frames.is_followed(frame) or (place := self._asked(path)) is None:
            return
        if target is None:
            self.files.look(place, PRESENT if os.path.lexists(place) else ABSENT)
        else:
            self.files.follow(place, target)

    def _wants_details(self, frame: FrameType) -> bool:
        """Whether the size and times are what is wanted, rather than whether something is there."""
        name, asker = frame.f_code.co_name, frame
        if name in {"stat", "lstat"} and frame.f_back is not None:  # of a pathlib.Path
            asker = frame.f_back
        return name == "getsize" or self.frames.kind(asker.f_code.co_filename) is Kind.PROJECT

    def _counts(self, file: str) -> bool:
        return (file in self._texts or file[:1] != "<") and self.frames.kind(file) is Kind.PROJECT

    def _is_project(self, file: str) -> bool:
        """Whether it is no library: a file under a root, or elsewhere in the path but in no library folder."""
        if file in self._texts:
            return True
        if not os.path.isabs(file) or not INSTALLED.isdisjoint(file.split(os.sep)):
            return False
        return self._importer.holds(file) or not file.startswith(self._interpreter)


class _Thread(threading.local):
    """What is under way in a thread; ``busy``: our own doing."""

    def __init__(self) -> None:
        self.busy = False
        self.folder: str | None = None  # in which a file is being opened
        self.touched: set[str] = set()  # places that the event at hand is about
