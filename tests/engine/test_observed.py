"""What a stage touches without declaring it runs it again when it changes, and only then."""

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pivot.model.decision import ChangeKind
from pivot.model.event import Notice
from pivot.project import Project

CALLS_ARE_SEEN = sys.version_info >= (3, 12)


def why(folder, stage: str = "work") -> list[tuple[ChangeKind, str]]:
    """The reasons for which a stage would run."""
    with Project(str(folder.path)) as project:
        decisions = {decision.stage: decision for decision in project.status()}
    return [(change.kind, change.name) for change in decisions[stage].changes]


def grown(folder, name: str) -> None:
    folder.write(name, folder.read(name) + "more\n" if folder.exists(name) else "new\n")


# title: (body of the stage, files before, what changes, the reason)
TOUCHED: dict[str, tuple[str, dict[str, str], Callable, tuple[ChangeKind, str]]] = {
    "a file that it opens": (
        "return Path('config.txt').read_text()",
        {"config.txt": "one\n"},
        lambda folder: grown(folder, "config.txt"),
        (ChangeKind.FILE, "config.txt"),
    ),
    "a file in a folder, by an absolute path": (
        "return open(os.path.abspath('conf/a.txt')).read()",
        {"conf/a.txt": "one\n"},
        lambda folder: grown(folder, "conf/a.txt"),
        (ChangeKind.FILE, "conf/a.txt"),
    ),
    "a file that it reads and then writes": (
        "with open('count.txt', 'r+') as file:\n    text = file.read()\n    file.seek(0)\n    file.write(text)",
        {"count.txt": "one\n"},
        lambda folder: grown(folder, "count.txt"),
        (ChangeKind.FILE, "count.txt"),
    ),
    "a folder that it lists": (
        "return ' '.join(sorted(os.listdir('inputs')))",
        {"inputs/a": ""},
        lambda folder: folder.write("inputs/b"),
        (ChangeKind.FILE, "inputs"),
    ),
    "a pattern that it globs": (
        "return str(sorted(Path('inputs').glob('*.csv')))",
        {"inputs/a.csv": ""},
        lambda folder: folder.write("inputs/b.csv"),
        (ChangeKind.FILE, "inputs"),
    ),
    "a file that it asks for and that is not there": (
        "return 'a' if os.path.exists('flag') else 'b'",
        {},
        lambda folder: folder.write("flag"),
        (ChangeKind.FILE, "flag"),
    ),
    "a file that it asks for and that is there": (
        "return 'a' if Path('flag').is_file() else 'b'",
        {"flag": ""},
        lambda folder: (folder.path / "flag").unlink(),
        (ChangeKind.FILE, "flag"),
    ),
    "a file that it fails to open": (
        "try:\n    return open('extra.txt').read()\nexcept OSError:\n    return 'none'",
        {},
        lambda folder: folder.write("extra.txt", "x"),
        (ChangeKind.FILE, "extra.txt"),
    ),
    "a file that a forked child reads": (
        "import multiprocessing as mp\nreturn mp.get_context('fork').Pool(1).apply(Path.read_text, (Path('con' + 'fig.txt'),))",
        {"config.txt": "one\n"},
        lambda folder: grown(folder, "config.txt"),
        (ChangeKind.FILE, "config.txt"),
    ),
    "a folder that it asks for and that becomes a file": (
        "return str(os.path.isdir('inputs'))",
        {"inputs/a": ""},
        lambda folder: ((folder.path / "inputs").rename(folder.path / "old"), folder.write("inputs")),
        (ChangeKind.FILE, "inputs"),
    ),
    "a program that it starts": (
        "import subprocess\nreturn subprocess.run([sys.executable, 'tool.py'], capture_output=True).stdout.decode()",
        {"tool.py": "print(1)\n"},
        lambda folder: folder.write("tool.py", "print(2)\n"),
        (ChangeKind.FILE, "tool.py"),
    ),
    "a file that native code reads by a name in the text": (
        "import pyarrow.csv\nreturn str(pyarrow.csv.read_csv('table.csv').num_rows)",
        {"table.csv": "a\n1\n"},
        lambda folder: folder.write("table.csv", "a\n1\n2\n"),
        (ChangeKind.FILE, "table.csv"),
    ),
}


@pytest.mark.parametrize("title", TOUCHED)
def test_a_stage_runs_again_when_what_it_touched_changes(folder, title: str):
    body, files, change, reason = TOUCHED[title]
    for name, text in files.items():
        (folder.path / name).parent.mkdir(exist_ok=True)
        folder.write(name, text)
    folder.stage("work", body)
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == {"work": "unchanged"}
    change(folder)
    assert why(folder) == [reason]
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == {"work": "unchanged"}


def test_a_stage_runs_again_when_a_link_leads_elsewhere(folder):
    (folder.path / "link").symlink_to("v1")  # which is nowhere
    folder.stage("work", "return os.path.realpath('link') + str(os.path.exists('link'))")
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == {"work": "unchanged"}
    (folder.path / "link").unlink()
    (folder.path / "link").symlink_to("v2")
    assert why(folder) == [(ChangeKind.FILE, "link")]
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == {"work": "unchanged"}


# what a stage does with files of its own: (body, files before)
ITS_OWN = {
    "lists a folder and then adds to it": (
        "Path('made').mkdir(exist_ok=True)\nos.listdir('made')\nPath('made/x').touch()"
    ),
    "lists the folder of its output": "str(os.listdir('.'))",
    "writes a file and reads it": "Path('scratch.txt').write_text('x')\nreturn Path('scratch.txt').read_text()",
    "makes a folder unless it is there": "os.makedirs('made', exist_ok=True)\nPath('made/x').write_text('x')",
    "asks for a folder and makes it": "if not os.path.exists('made'):\n    os.mkdir('made')",
    "locks a file": "os.close(os.open('lock', os.O_RDWR | os.O_CREAT))",
    "makes a log to append to": "open('log.txt', 'a+').close()",
    "removes a folder and makes it anew": (
        "import shutil\nshutil.rmtree('made', ignore_errors=True)\nos.mkdir('made')\nPath('made/x').touch()"
    ),
    "keeps what it computed in a file": (
        "path = Path('memo.txt')\nif not path.exists():\n    path.write_text('x')\nreturn path.read_text()"
    ),
    "lists a folder that it fills": "Path('made').mkdir(exist_ok=True)\nPath('made/x').touch()\nos.listdir('made')",
    "writes a file beside and renames it": "Path('a.tmp').write_text('x')\nos.replace('a.tmp', 'a.txt')\nopen('a.txt').read()",
    "reads its previous output": "return 'x' if os.path.exists('work.txt') else 'x'",
    "uses a temporary file in the project": (
        "import tempfile\nwith tempfile.NamedTemporaryFile('w+', dir='.') as file:\n    file.write('x')\n"
        "    file.flush()\n    return open(file.name).read()"
    ),
}


@pytest.mark.parametrize("title", ITS_OWN)
def test_files_that_a_stage_makes_itself_are_no_reason(folder, title: str):
    folder.stage("work", ITS_OWN[title])
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == {"work": "unchanged"}


def test_a_file_that_the_stage_made_and_somebody_changed_is_a_reason(folder):
    folder.stage("work", ITS_OWN["keeps what it computed in a file"])
    folder.outcomes()
    folder.write("memo.txt", "other")
    assert why(folder) == [(ChangeKind.FILE, "memo.txt")]


VARIABLES = [
    "os.environ['MODE']",
    "os.environ.get('MODE')",
    "str(os.getenv('MODE', ''))",
    "str('MODE' in os.environ)",
]


@pytest.mark.parametrize("read", VARIABLES)
def test_a_variable_that_a_stage_reads_runs_it_again(folder, monkeypatch, read: str):
    monkeypatch.setenv("MODE", "fast-and-loose")
    folder.stage("work", f"return {read}")
    folder.outcomes()
    assert folder.outcomes() == {"work": "unchanged"}
    assert "fast-and-loose" not in (folder.path / ".pivot/stages/work.lock").read_text()
    monkeypatch.delenv("MODE")
    assert why(folder) == [(ChangeKind.ENVIRONMENT, "MODE")]


def test_variables_that_a_stage_does_not_read_or_the_machine_owns_are_no_reason(folder, monkeypatch):
    folder.stage("work", "return str(len({**os.environ}) > 0 and os.environ.get('HOME') and 'x')")
    folder.outcomes()
    monkeypatch.setenv("OTHER", "1")
    monkeypatch.setenv("HOME", "/elsewhere")
    assert folder.outcomes() == {"work": "unchanged"}


def test_of_a_secret_only_its_presence_counts(folder, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "one")
    folder.stage("work", "return str('API_TOKEN' in os.environ)")
    folder.outcomes()
    monkeypatch.setenv("API_TOKEN", "two")
    assert folder.outcomes() == {"work": "unchanged"}
    monkeypatch.delenv("API_TOKEN")
    assert folder.outcomes() == {"work": "ran"}


def test_a_module_that_only_its_name_leads_to_is_code(folder):
    folder.write("name", "plugin_one")
    folder.write("plugin_one.py", "def value():\n    return 'one'\n")
    folder.stage("work", "import importlib\nreturn importlib.import_module(d0).value()", deps=["name"])
    folder.outcomes()
    assert folder.outcomes() == {"work": "unchanged"}
    folder.write("plugin_one.py", "# a comment\ndef value():\n    return 'one'\n")
    assert folder.outcomes() == {"work": "unchanged"}
    folder.write("plugin_one.py", "def value():\n    return 'two'\n")
    assert why(folder) == [(ChangeKind.CODE, "func:value")]
    assert folder.outcomes() == {"work": "ran"}


def test_a_class_that_arrives_in_a_pickle_is_code(folder, monkeypatch):
    source = "class Thing:\n    def value(self):\n        return 'one'\n"
    folder.write("things.py", source)
    monkeypatch.syspath_prepend(str(folder.path))
    import things  # the test's own project

    (folder.path / "thing.pkl").write_bytes(pickle.dumps(things.Thing()))
    del sys.modules["things"]
    folder.functions += "\nfrom pivot.loaders import Pickle\n"
    folder.functions += (
        "def load(thing: Annotated[object, pivot.Dep('thing.pkl', Pickle())]):\n    return thing\n"
    )
    folder.stage("work", "import pickle\nreturn pickle.load(open('thing.pkl', 'rb')).value()")
    folder.outcomes()
    assert folder.outcomes() == {"work": "unchanged"}
    folder.write("things.py", source.replace("one", "two"))
    assert why(folder) == [(ChangeKind.CODE, "class:Thing")]
    with Project(str(folder.path)) as project:
        (detail,) = project.explain()[0].details
    assert "+        return 'two'" in detail.diff
    folder.outcomes()
    assert folder.read("work.txt") == "two"


def test_a_module_that_was_looked_for_in_vain_is_a_reason_once_it_is_there(folder):
    body = "import importlib\ntry:\n    return importlib.import_module(d0).value()\nexcept ImportError:\n    return 'no'"
    folder.write("name", "plugin_two")
    folder.stage("work", body, deps=["name"])
    folder.outcomes()
    assert folder.outcomes() == {"work": "unchanged"}
    folder.write("plugin_two.py", "def value():\n    return 'yes'\n")
    assert folder.outcomes() == {"work": "ran"}
    assert folder.read("work.txt") == "yes"


REGISTRY = """
REGISTRY = {}


def register(function):
    REGISTRY[function.__name__] = function
    return function


@register
def used():
    return 'used'


@register
def unused():
    return 'unused'
"""


def test_of_registered_functions_the_one_that_ran_counts(folder):
    folder.write("plugins.py", REGISTRY)
    folder.functions += "\nimport plugins\n"
    folder.write("name", "used")
    folder.stage("work", "return plugins.REGISTRY[d0]()", deps=["name"])
    folder.outcomes()
    folder.write("plugins.py", REGISTRY.replace("return 'unused'", "return 'never'"))
    assert folder.outcomes() == {"work": "unchanged" if CALLS_ARE_SEEN else "ran"}
    folder.write("plugins.py", REGISTRY.replace("return 'used'", "return 'again'"))
    assert folder.outcomes() == {"work": "ran"}
    assert folder.read("work.txt") == "again"


def test_another_stages_output_must_be_declared(folder):
    folder.stage("make")
    folder.stage("work", "while not os.path.exists('make.txt'): pass\nreturn Path('make.txt').read_text()")
    run, _ = folder.repro(jobs=1)
    end = run.stages["work"]
    assert str(end.outcome) == "failed"
    assert (
        "stage 'work': read make.txt, which stage 'make' writes, without declaring it (pivot.yaml:4)"
        in end.reason
    )
    assert 'Dep("make.txt")' in (end.hint or "")
    assert not folder.exists("work.txt")


def test_an_undeclared_file_is_a_hint_and_in_a_strict_project_an_error(folder):
    folder.write("config.txt", "x")
    folder.stage("work", "return Path('config.txt').read_text()")
    _, events = folder.repro()
    hints = [event.text for event in events if isinstance(event, Notice) and event.stage == "work"]
    assert len(hints) == 1
    assert "config.txt" in hints[0]
    assert 'Dep("config.txt")' in hints[0]
    folder.write(".pivot/config.yaml", "strict: true\n")
    run, _ = folder.repro(force=True)
    assert str(run.stages["work"].outcome) == "failed"
    assert "config.txt, which it does not declare" in run.stages["work"].reason


def test_a_warm_worker_does_not_hide_what_a_memo_has_read(folder):
    folder.write("config.txt", "one")
    folder.write(
        "reader.py",
        "import functools\n\n@functools.cache\ndef config():\n    return open('config.txt').read()\n",
    )
    folder.functions += "\nimport reader\n"
    for name in ("first", "second"):
        folder.stage(name, "return reader.config()")
    folder.outcomes(jobs=1)
    folder.write("config.txt", "two")
    assert folder.outcomes(jobs=1) == {"first": "ran", "second": "ran"}
    assert folder.read("second.txt") == "two"


def test_what_an_import_read_counts_for_every_stage_that_imports_it(folder):
    folder.write("config.txt", "one")
    folder.write(
        "reader.py",
        "from pathlib import Path\n\nCONFIG = Path(__file__).with_name('config.txt').read_text()\n",
    )
    folder.functions += "\nimport reader\n"
    for name in ("first", "second"):
        folder.stage(name, "return reader.CONFIG")
    folder.outcomes(jobs=1)
    folder.write("config.txt", "two")
    assert folder.outcomes(jobs=1) == {"first": "ran", "second": "ran"}


def test_going_back_restores_what_belongs_to_what_was_observed(folder):
    folder.write("config.txt", "one")
    folder.stage("work", "return Path('config.txt').read_text()")
    folder.outcomes()
    folder.write("config.txt", "two")
    folder.outcomes()
    folder.write("config.txt", "one")
    assert folder.outcomes() == {"work": "restored"}
    assert folder.read("work.txt") == "one"
    folder.write("config.txt", "two")
    assert folder.outcomes() == {"work": "restored"}
    assert folder.read("work.txt") == "two"


def test_a_project_copied_elsewhere_runs_nothing(folder, tmp_path_factory):
    import shutil

    folder.write("config.txt", "one")
    (folder.path / "sub").mkdir()
    folder.stage("work", "return Path('config.txt').read_text() + str(os.listdir('sub'))")
    folder.outcomes()
    copy = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.copytree(folder.path, copy)
    with Project(str(copy)) as project:
        assert [str(decision.verdict) for decision in project.status()] == ["unchanged"]


def test_the_same_size_and_time_but_other_bytes_is_seen(folder):
    folder.write("config.txt", "one")
    folder.stage("work", "return Path('config.txt').read_text()")
    folder.outcomes()
    path = Path(folder.path / "config.txt")
    before = path.stat()
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert folder.outcomes() == {"work": "ran"}
    os.utime(path, ns=(0, 0))  # a clock that was set back
    assert folder.outcomes() == {"work": "unchanged"}


def test_the_record_says_what_was_not_seen(folder):
    folder.stage("work")
    folder.outcomes()
    observed = json.loads((folder.path / ".pivot/stages/work.lock").read_text())["observed"]
    assert observed["complete"] is CALLS_ARE_SEEN
