"""The three ways into a project, each asked the same: run the stage, make the edits, will it run again?

    python doors.py DOOR < rows     one JSON line in, one JSON line out

In: ``{"before": {name: text}, "after": {...}, "argument": expression}``. Out: an `Answer`. A file's door keeps one
project and writes one row after the other into it, as a long day's work would. In the notebook, cells may patch
builtins and libraries, so each row is executed in a fork. ``canonical`` and ``places`` must be importable, as libraries.
"""

import importlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import places

from pivot.engine.footing import inquire
from pivot.errors import PivotError
from pivot.project import Project

STAGE = "train"
RESULT = "result.txt"
CHECKS = 6
"""Until one of them leaves a manifest; definitions that are read anew each time get none."""
NEEDS = """from typing import Annotated as _Annotated
from pivot import Out as _Out
from canonical import Canonical as _Canonical
"""
WRAPPER = """
def run_train() -> _Annotated[object, _Out("result.txt", _Canonical())]:
    try:
        return train({argument})
    except Exception as error:
        return error
"""
DOORS = {
    "pivot.yaml": "stages:\n  train:\n    python: stages.run_train\n",
    "pipeline.py": "from pivot import Pipeline\nfrom stages import run_train\n"
    "pipeline = Pipeline('corpus')\npipeline.register(run_train, name='train')\n",
}


@dataclass
class Answer:
    """What a door said about one row.

    Attributes:
        result: what the stage gave before the edits.
        settled: the verdict when nothing has changed yet.
        had_manifest: whether there was a manifest before the edits.
        known: whether it said after them that there is nothing to do.
        verdict: the verdict after the edits; empty if there is none.
        restored: what the cache gave back, where the verdict was to restore.
        refusal: the error that came instead, and in which step.
    """

    result: str = ""
    settled: str = ""
    had_manifest: bool = False
    known: bool = False
    verdict: str = ""
    restored: str = ""
    refusal: str = ""
    step: str = "run"


class FileDoor:
    """A project whose stage is defined by a file, used for one row after the other."""

    def __init__(self, folder, name):
        self.folder = folder
        self._file = name
        places.write(folder, {name: DOORS[name]})
        self._project = Project(folder)

    def ask(self, before, after, argument):
        """Go through a row; the answer."""
        places.clear(self.folder, keep={self._file, ".pivot"})
        places.write(
            self.folder,
            before | {"stages.py": before["stages.py"] + NEEDS + WRAPPER.format(argument=argument)},
        )
        answer = Answer()
        try:
            run = self._project.repro(jobs=1)
            if not run.ok:
                return Answer(refusal=run.stages[STAGE].reason)
            answer.result = read(os.path.join(self.folder, RESULT))
            answer.settled = self._settle()
            answer.had_manifest = self._knows()
            answer.step = "edit"
            changed = after | {"stages.py": after["stages.py"] + NEEDS + WRAPPER.format(argument=argument)}
            change(self.folder, before, changed)
            answer.known = self._knows()
            answer.verdict = str(self._project.status()[0].verdict)
            if answer.verdict == "restore":  # an earlier row had this very text
                self._project.repro(jobs=1)
                answer.restored = read(os.path.join(self.folder, RESULT))
        except PivotError as error:
            answer.refusal = f"{type(error).__name__}: {error}"
        return answer

    def _settle(self):
        """How runs end when nothing has changed yet; the first that finds all at rest leaves a manifest.

        Under PIVOT_FULL_CHECK none does, and each run looks at everything.
        """
        for _ in range(CHECKS):
            outcome = str(self._project.repro(jobs=1).stages[STAGE].outcome)
            if outcome != "unchanged" or self._knows():
                break
        return outcome

    def _knows(self):
        inquiry = inquire(self._project.root, self._project.root, (), single_stage=False)
        return inquiry is not None and inquiry.known((), 1, datetime.now(UTC), ()) is not None

    def close(self):
        """End its workers."""
        self._project.close()


def change(folder, before, after):
    for name in set(before) - set(after):
        os.unlink(os.path.join(folder, name))
    places.write(folder, {name: text for name, text in after.items() if before.get(name) != text})


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main(name):
    with tempfile.TemporaryDirectory() as folder:
        if name == "notebook":
            preload()
            answer_each(in_fork)
        else:
            door = FileDoor(places.make(folder), name)
            answer_each(door.ask)
            door.close()


def answer_each(ask):
    for line in sys.stdin:
        print(json.dumps(asdict(ask(**json.loads(line)))), flush=True)


def preload():
    import IPython.core.interactiveshell  # noqa: F401 - so that the forks need not import it

    import pivot_jupyter.extension  # noqa: F401


def in_fork(before, after, argument):
    """`Notebook.ask` in a process and a folder of their own."""
    here, there = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            os.close(here)
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silent, stream)
            try:
                answer = Notebook(places.make(folder)).ask(before, after, argument)
                with os.fdopen(there, "w") as pipe:
                    json.dump(asdict(answer), pipe)
            finally:
                os._exit(0)
        os.close(there)
        with os.fdopen(here) as pipe:
            data = pipe.read()
        os.waitpid(child, 0)
    return Answer(**json.loads(data)) if data else Answer(refusal="the kernel ended")


class Notebook:
    """A kernel's shell with the text of ``stages.py`` in one cell and the stage in another."""

    def __init__(self, folder):
        from IPython.core.interactiveshell import InteractiveShell

        self.folder = folder
        os.environ["IPYTHONDIR"] = os.path.join(folder, ".ipython")
        os.chdir(folder)
        sys.path.insert(0, folder)
        self.shell = InteractiveShell.instance()
        self.shell.history_manager.enabled = False

    def ask(self, before, after, argument):
        """Go through a row; the answer."""
        from pivot_jupyter.doorway import current_session

        answer = Answer()
        places.write(self.folder, {name: text for name, text in before.items() if name != "stages.py"})
        try:
            self.run("%load_ext pivot_jupyter\n%pivot module stages", "load")
            session = current_session()
            self.run(before["stages.py"], "stages")
            self.run(NEEDS, "needs")
            self.run("%%pivot_stage --name train" + WRAPPER.format(argument=argument), "stage")
            self.run("%pivot run", "run")
            answer.result = read(RESULT)
            answer.settled = str(session.status()[0].verdict)
            answer.step = "edit"
            on_disk = {name for name in before | after if before.get(name) != after.get(name)} - {"stages.py"}
            change(self.folder, before | {"stages.py": ""}, after | {"stages.py": ""})
            if before["stages.py"] != after["stages.py"]:
                self.forget(on_disk)
                self.run(after["stages.py"], "stages")
            answer.verdict = str(session.status()[0].verdict)
        except Exception as error:
            answer.refusal = f"{type(error).__name__}: {error}"
        finally:
            self.run("%unload_ext pivot_jupyter", "load")
        return answer

    def run(self, text, cell):
        self.shell.run_cell(text, store_history=True, cell_id=cell).raise_error()

    def forget(self, names):
        """Let the kernel import edited modules again, as whoever edits a module must."""
        importlib.invalidate_caches()
        for name in names:
            module = os.path.splitext(name)[0].replace(os.sep, ".").removesuffix(".__init__")
            while module:
                sys.modules.pop(module, None)
                module = module.rpartition(".")[0]


if __name__ == "__main__":
    main(sys.argv[1])
