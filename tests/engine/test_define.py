"""Stage definitions are kept exactly as long as they would come out the same."""

import os
import textwrap
from pathlib import Path

import pytest

from pivot.project import Project

PRELUDE = """
import glob, json, os
from pathlib import Path
from typing import Annotated
import pivot
try:
    from local import HERE
except ImportError:
    HERE = "a.json"
"""
STAGE = """
def work() -> Annotated[dict, pivot.Metric({path})]:
    return {{}}
"""


def outs(folder: Path) -> list[str]:
    """The declared outs, found out by a new project."""
    with Project(str(folder)) as project:
        found = [path for stage in project.stages() for path in stage.out_paths()]
        project.store.create()
        return found


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(textwrap.dedent(text))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
    with Project(str(tmp_path)) as project:
        project.store.create()
    return tmp_path


@pytest.fixture
def imports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is there once a module was imported that notes it, without anybody noticing."""
    return tmp_path_factory.mktemp("imports") / "noted"


def test_known_definitions_import_no_user_code(folder: Path, imports: Path):
    write(folder, "pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
    # written by a program, so that project code asks nothing itself
    noting = f"import ctypes\nctypes.CDLL(None).creat({str(imports).encode()!r}, 0o644)\n"
    write(
        folder,
        "stages.py",
        noting + "from typing import Annotated\nimport pivot\n" + STAGE.format(path="'a.json'"),
    )
    assert outs(folder) == ["a.json"]
    imports.unlink()
    assert outs(folder) == ["a.json"]
    assert not imports.exists()


def test_what_the_first_run_learned_is_known_to_the_second(tmp_path: Path, imports: Path):
    write(tmp_path, "pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
    noting = f"import ctypes\nctypes.CDLL(None).creat({str(imports).encode()!r}, 0o644)\n"
    write(tmp_path, "stages.py", noting + PRELUDE + STAGE.format(path="'made/a.json'"))
    with Project(str(tmp_path)) as project:
        assert project.repro().ok
    imports.unlink()
    with Project(str(tmp_path)) as project:
        assert project.repro().executed == ()
    assert not imports.exists()


WHERE = """
PATH = 'a.json'

def path():
    return 'a.json'

class Where:
    @property
    def path(self):
        return 'ma.json'

def elsewhere():
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(path).result()

def helper(x):
    return x + 1

def in_space():
    try:
        import space
    except ImportError:
        return 'a.json'
    return 'm.json'

def inside():
    import outer.inner.leaf
    return getattr(outer.inner, 'PATH', None) or getattr(outer, 'PATH', 'a.json')

def in_between():
    try:
        from outer.inner.leaf import PATH
    except ImportError:
        return 'p.json'
    return PATH

def by_finder():
    from importlib.machinery import PathFinder
    return 'a.json' if PathFinder.find_spec('space') is None else 'q.json'
"""
FIRST = "def first():\n    return 1\n"
"""The function stands where the module itself begins."""
LOOKING = """
def by_its_code():
    return str(helper.__code__.co_consts[-1]).removeprefix('1').removeprefix('None') or 'a.json'
"""

CHANGES = [
    # id, stages.py's path expression, what is done then, new outs
    (
        "text",
        "'a.json'",
        lambda f: write(f, "stages.py", PRELUDE + STAGE.format(path="'b.json'")),
        ["b.json"],
    ),
    (
        "yaml",
        "'a.json'",
        lambda f: write(
            f, "pivot.yaml", "stages:\n  work:\n    python: stages.work\n    metrics:\n      output: c.json\n"
        ),
        ["c.json"],
    ),
    (
        "constant elsewhere",
        "__import__('where').PATH",
        lambda f: write(f, "where.py", "PATH = 'd.json'\n"),
        ["d.json"],
    ),
    (
        "environment",
        "os.environ.get('PIVOT_TEST_PATH', 'a.json')",
        lambda f: os.environ.update(PIVOT_TEST_PATH="e.json"),
        ["e.json"],
    ),
    (
        "file",
        "json.load(open(Path(__file__).parent / 'p.json'))",
        lambda f: write(f, "p.json", '"f.json"'),
        ["f.json"],
    ),
    (
        "listing",
        "sorted(p.name for p in Path(__file__).parent.glob('*.json'))[-1] + '.m'",
        lambda f: write(f, "q.json", ""),
        ["q.json.m"],
    ),
    (
        "absence",
        "'a.json' if not os.path.exists(Path(__file__).parent / 'flag') else 'g.json'",
        lambda f: write(f, "flag", ""),
        ["g.json"],
    ),
    (
        "function that runs",
        "__import__('where').path()",
        lambda f: write(f, "where.py", WHERE.replace("return 'a.json'", "return 'i.json'")),
        ["i.json"],
    ),
    (
        "method that runs",
        "__import__('where').Where().path",
        lambda f: write(f, "where.py", WHERE.replace("return 'ma.json'", "return 'j.json'")),
        ["j.json"],
    ),
    (
        "function that another thread runs",
        "__import__('where').elsewhere()",
        lambda f: write(f, "where.py", WHERE.replace("return 'a.json'", "return 'k.json'")),
        ["k.json"],
    ),
    (
        "function that is looked at",
        "__import__('where').by_its_code()",
        lambda f: write(f, "where.py", (WHERE + LOOKING).replace("x + 1", "'l.json'")),
        ["l.json"],
    ),
    ("module looked up in vain", "HERE", lambda f: write(f, "local.py", "HERE = 'h.json'\n"), ["h.json"]),
    (
        "package looked up in vain",
        "HERE",
        lambda f: write(f, "local/__init__.py", "HERE = 'h.json'\n"),
        ["h.json"],
    ),
    ("folder of sources", "HERE", lambda f: write(f, "src/local.py", "HERE = 'h.json'\n"), ["h.json"]),
    (
        "folder of the search path",
        "HERE",
        lambda f: write(f, "further/local.py", "HERE = 'h.json'\n"),
        ["h.json"],
    ),
    (
        "namespace looked up in vain",
        "__import__('where').in_space()",
        lambda f: write(f, "space/x", ""),
        ["m.json"],
    ),
    (
        "namespace looked up by a finder",
        "__import__('where').by_finder()",
        lambda f: write(f, "space/x", ""),
        ["q.json"],
    ),
    (
        "namespace that becomes a package",
        "__import__('where').inside()",
        lambda f: write(f, "outer/__init__.py", "PATH = 'n.json'\n"),
        ["n.json"],
    ),
    (
        "namespace in a namespace that becomes a package",
        "__import__('where').inside()",
        lambda f: write(f, "outer/inner/__init__.py", "PATH = 'o.json'\n"),
        ["o.json"],
    ),
    (
        "namespace that a module shadows",
        "__import__('where').in_between()",
        lambda f: write(f, "outer/inner.py", ""),
        ["p.json"],
    ),
]


@pytest.mark.parametrize(("path", "change", "after"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_definitions_are_read_anew_when_what_they_rest_on_changes(
    folder: Path, monkeypatch, path, change, after
):
    monkeypatch.setenv("PIVOT_TEST_PATH", "a.json")
    monkeypatch.syspath_prepend(str(folder / "further"))
    write(folder, "outer/inner/leaf.py", "PATH = 'a.json'\n")
    write(folder, "where.py", WHERE + LOOKING * ("by_its_code" in path))
    write(folder, "p.json", '"a.json"')
    write(folder, "stages.py", PRELUDE + STAGE.format(path=path))
    first = outs(folder)
    assert first == outs(folder)
    change(folder)
    assert outs(folder) == after
    assert first != after


def test_a_body_that_did_not_run_is_no_reason_to_read_the_definitions_anew(folder: Path, imports: Path):
    noting = f"import ctypes\nctypes.CDLL(None).creat({str(imports).encode()!r}, 0o644)\n"
    stages = f"{noting}from typing import Annotated\nimport pivot, first, where\n" + STAGE.format(
        path="where.path()"
    )
    write(folder, "stages.py", stages)
    write(folder, "where.py", WHERE)
    write(folder, "first.py", FIRST)
    assert outs(folder) == ["a.json"]
    imports.unlink()
    write(folder, "first.py", FIRST.replace("1", "2"))
    for helper, place in (("x + 2", "return {}"), ("x + 3  # more", "raise OSError")):
        write(folder, "where.py", WHERE.replace("x + 1", helper))
        write(folder, "stages.py", stages.replace("return {}", place))
        assert outs(folder) == ["a.json"]
    assert not imports.exists()
    write(folder, "where.py", WHERE.replace("'a.json'", "'z.json'"))
    assert outs(folder) == ["z.json"]
    assert imports.exists()


def test_definitions_that_were_edited_while_they_were_read_are_not_kept(folder: Path, imports: Path):
    write(folder, "stages.py", PRELUDE + STAGE.format(path="HERE"))
    local = folder / "local.py"
    imports.write_text("HERE = 'b.json'\n")
    # as an editor that saves just then: the module replaces itself, by a way that is not observed
    paths = f"{os.fsencode(imports)!r}, {os.fsencode(local)!r}"
    local.write_text(f"import ctypes\nctypes.CDLL(None).rename({paths})\nHERE = 'a.json'\n")
    assert outs(folder) == ["a.json"]
    assert outs(folder) == ["b.json"]


@pytest.mark.parametrize(
    "path",
    [
        "f'{time.time_ns()}.json'",
        "f'{datetime.datetime.now():%f%s}.json'",
        "f'{random.SystemRandom().random()}.json'",
    ],
)
def test_definitions_that_ask_the_clock_or_chance_are_never_kept(folder: Path, path: str):
    write(folder, "stages.py", "import datetime, random, time\n" + PRELUDE + STAGE.format(path=path))
    assert outs(folder) != outs(folder)
