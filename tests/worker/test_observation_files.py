"""Which files a stage is seen to read, to look for, to list and to write."""

import os
import sqlite3
from dataclasses import replace

import pytest

from pivot.loaders import JSON
from pivot.model.digest import digest_bytes
from pivot.model.observation import ABSENT, PRESENT, folder_state, made_state
from pivot.store.hashing import hash_file

DIGEST = digest_bytes(b"{}")

READS = {
    "open": "open('config.json').close()",
    "bytes": "open(b'config.json', 'rb').close()",
    "io": "import io; io.open('config.json').close()",
    "a library": "import yaml, pandas; pandas.read_json('config.json')",
    "updating": "open('config.json', 'r+').close()",
    "appending and reading": "open('config.json', 'a+').close()",
    "os.open": "import os; os.close(os.open('config.json', os.O_RDONLY))",
    "os.open in a folder": "import os; os.open('config.json', os.O_RDONLY, dir_fd=os.open('.', os.O_RDONLY))",
    "an opener": """
        import os
        def opener(path, flags): return os.open(path, flags, dir_fd=os.open('.', os.O_RDONLY))
        open('config.json', opener=opener).close()
    """,
    "a folder's walk": """
        import os
        for _, _, files, fd in os.fwalk('.'):
            if 'config.json' in files: os.open('config.json', os.O_RDONLY, dir_fd=fd)
    """,
    "stat in a folder": "import os; os.stat('config.json', dir_fd=os.open('.', os.O_RDONLY))",
    "a folder beyond a link": "import os; os.mkdir('b'); os.symlink('../a', 'b/l'); open('b/l/../config.json').close()",
    "a module by its path": """
        import importlib.util
        from importlib.machinery import SourceFileLoader
        spec = importlib.util.spec_from_loader('x', SourceFileLoader('x', 'config.json'))
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    """,
    "os.open to update": "import os; os.close(os.open('config.json', os.O_RDWR))",
    "absolute": "import os; open(os.path.abspath('config.json')).close()",
    "dots": "open('a/../config.json').close()",
    "pathlib": "import pathlib; pathlib.Path('config.json').read_text()",
    "json in a thread": """
        import threading
        thread = threading.Thread(target=lambda: open('config.json').close()); thread.start(); thread.join()
    """,
    "a library's function in a pool": """
        import concurrent.futures, pathlib
        with concurrent.futures.ThreadPoolExecutor() as pool: list(pool.map(pathlib.Path.read_text, [pathlib.Path('config.json')]))
    """,
    "another current folder": "import os; os.mkdir('b'); os.chdir('b'); open('../config.json').close()",
    "link": "import os; os.symlink('config.json', 'link'); open('link').close()",
    "renamed": "import os; os.rename('config.json', 'c2.json'); os.rename('c2.json', 'config.json')",
    "copied": "import shutil; shutil.copy2('config.json', 'copy.json')",
    "moved": "import shutil; shutil.move('config.json', 'moved.json')",
    "size": "import os; os.path.getsize('config.json')",
    "size by pathlib": "import pathlib; pathlib.Path('config.json').stat().st_size",
    "stat": "import os; os.stat('config.json')",
    "exists, then open": "import os; os.path.exists('config.json'); open('config.json').close()",
    "removed after": "import os; open('config.json').close(); os.remove('config.json')",
    "written after": "open('config.json').close(); open('config.json', 'w').write('x')",
    "appended to, then read": "f = open('config.json', 'a'); f.write('x'); f.close(); open('config.json').read()",
    "subprocess": "import subprocess; subprocess.run(['cat', 'config.json'], check=True)",
    "shell": "import subprocess; subprocess.run('cat config.json | wc -l', shell=True, check=True)",
    "system": "import os; os.system('cat \"config.json\"')",
    "option": "import subprocess; subprocess.run(['echo', '--config=config.json'], check=True)",
    "elsewhere": "import subprocess; subprocess.run(['cat', '../config.json'], cwd='a', check=True)",
    "loader's data": "__spec__.loader.get_data(__file__.replace('stages.py', 'config.json'))",
    "importlib.resources": """
        import importlib.resources, importlib
        (importlib.resources.files('pkg') / '..' / 'config.json').read_text()
    """,
    "eval": "eval(\"open('config.json').close()\")",
}


@pytest.mark.parametrize("body", READS.values(), ids=READS)
def test_a_file_that_is_read_is_seen_with_its_content_at_that_time(project, body):
    project.write("config.json", "{}")
    project.write("a/x.txt", "")
    project.write("pkg/__init__.py", "")
    seen = project.observe(body)
    assert project.files(seen)["config.json"] == DIGEST
    assert "config.json" not in project.written(seen)


def test_pkgutil_data_is_read(project):
    project.write("pkg/__init__.py", "")
    project.write("pkg/data.json", "{}")
    seen = project.observe("import pkgutil; return pkgutil.get_data('pkg', 'data.json').decode()")
    assert project.files(seen)["pkg/data.json"] == DIGEST


def test_a_database_is_read(project):
    with sqlite3.connect(project.folder / "a.db") as made:
        made.execute("create table t (x)")
    made.close()
    digest = hash_file(str(project.folder / "a.db"))[0]
    body = "import sqlite3; c = sqlite3.connect('a.db'); c.execute('select * from t').fetchall(); c.close()"
    assert project.files(project.observe(body)) == {"a.db": digest, "a.db-wal": ABSENT}


def test_a_database_s_journal_is_read_too_and_one_that_the_stage_made_is_its_own(project):
    project.write("a.db-wal", "{}")
    body = "import sqlite3; c = sqlite3.connect('a.db'); c.execute('create table t (x)'); c.close()"
    found = project.files(project.observe(body))
    assert found["a.db-wal"] == DIGEST
    assert found["a.db"] == made_state(hash_file(str(project.folder / "a.db"))[0])


def test_the_digest_is_the_stores(project):
    data = os.urandom(200_000)
    (project.folder / "large.bin").write_bytes(data)
    seen = project.observe("open('large.bin', 'rb').close()")
    assert project.files(seen) == {"large.bin": hash_file(str(project.folder / "large.bin"))[0]}


NO_READS = {
    "nothing": "pass",
    "outside": "open('/etc/hostname').close() if __import__('os').path.exists('/etc/hostname') else None",
    "outside by stat": "import os; os.path.exists('/nowhere'); os.stat('/')",
    "null": "open('/dev/null').close()",
    "the declared out": "open('out.json', 'w').write('1'); open('out.json').close()",
    "Pivot's own": "open('.pivot/x').close()",
    "git's": "open('.git/HEAD').close()",
    "bytecode": "open('__pycache__/a.pyc', 'rb').close()",
    "an import": "import helper",
    "a reload of lines": "import linecache; linecache.getline(__file__, 1)",
    "source": "import inspect; inspect.getsource(run)",
    "a traceback": "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.format_exc()",
    "metadata": "import importlib.metadata; importlib.metadata.version('pytest')",
    "installed": "open('.venv/lib/python3/site-packages/x.py').close()",
    "a descriptor": "import os; f = os.open('/dev/null', os.O_RDONLY); open(f).close()",
    "print": "print('to the log')",
    "a warning": "import warnings; warnings.warn('look', stacklevel=1)",
    "folders made": "import os; os.makedirs('x/y'); os.makedirs('x/y', exist_ok=True)",
    "folders made by pathlib": "import pathlib; pathlib.Path('x/y').mkdir(parents=True, exist_ok=True)",
    "a temporary folder": """
        import tempfile, os
        with tempfile.TemporaryDirectory(dir='.') as d:
            open(d + '/a', 'w').close(); open(d + '/a').close(); os.listdir(d); os.path.exists(d + '/b')
    """,
    "an absolute name": "import pathlib, os; pathlib.Path('helper.py').resolve(); os.path.realpath('helper.py')",
    "odd": """
        for name in ('a\\0b', b'a\\0b', '', 12345, None, object()):
            try: open(name).close()
            except (OSError, ValueError, TypeError): pass
    """,
    "odd looks": """
        import os
        for name in ('a\\0b', '', 12345, None, object()):
            for ask in (os.path.exists, os.path.isfile, os.stat, lambda n: os.access(n, 0), os.listdir):
                try: ask(name)
                except (OSError, ValueError, TypeError): pass
    """,
}


@pytest.mark.parametrize("body", NO_READS.values(), ids=NO_READS)
def test_what_is_not_the_projects_or_not_read_is_not_seen(project, body):
    for name in (".pivot/x", ".git/HEAD", "__pycache__/a.pyc", ".venv/lib/python3/site-packages/x.py"):
        project.write(name, "x = 1")
    project.write("helper.py", "")
    seen = project.observe(body)
    listed = (
        {"."} if "os.listdir" in body and "None" in body else set()
    )  # os.listdir(None) lists the current folder
    assert set(project.files(seen)) == listed


def test_deps_and_what_is_under_a_declared_folder_are_not_seen_but_what_a_loader_reads_besides_is(project):
    project.write("in.json", "1")
    project.write("units.json", "{}")
    project.write(
        "stages.py",
        """
        import json
        class Loader:
            def load(self, path):
                json.load(open("units.json"))
                return json.load(open(path))
        def run(dep0): return open("in.json").read()
        """,
    )
    task = project.task(deps=[("in.json", JSON())])
    payload = b"cstages\nLoader\n(tR."  # a pickled instance of a class that only the worker can import
    dep = task.deps[0]
    changed = replace(dep, loader=replace(dep.loader, payload=payload))
    seen = project.run(replace(task, deps=(changed,)))
    assert project.files(seen) == {"units.json": DIGEST}


LOOKS = {
    "exists": "os.path.exists('{}')",
    "isfile": "os.path.isfile('{}')",
    "isdir": "os.path.isdir('{}')",
    "lexists": "os.path.lexists('{}')",
    "access": "os.access('{}', os.R_OK)",
    "pathlib": "pathlib.Path('{}').exists()",
    "pathlib is_file": "pathlib.Path('{}').is_file()",
    "bytes": "os.path.exists(b'{}')",
    "absolute": "os.path.exists(os.path.abspath('{}'))",
    "taken before": "exists('{}')",
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_question_whether_a_file_is_there_is_seen_and_its_content_does_not_matter(project, look):
    project.write("here.txt", "text")
    lines = "import os, pathlib\nfrom os.path import exists\ndef run():\n    {}\n    {}\n"
    seen = project.observe(lines.format(look.format("here.txt"), look.format("gone.txt")))
    assert project.files(seen) == {"here.txt": PRESENT, "gone.txt": ABSENT}


def test_a_failed_open_is_absent_and_so_is_a_failed_listing(project):
    body = """
        import os
        for ask in (lambda: open('gone.txt'), lambda: os.listdir('nowhere')):
            try: ask()
            except FileNotFoundError: pass
    """
    assert project.files(project.observe(body)) == {"gone.txt": ABSENT, "nowhere": ABSENT}


LISTINGS = {
    "listdir": "os.listdir('data')",
    "scandir": "list(os.scandir('data'))",
    "glob": "glob.glob('data/*.csv')",
    "pathlib": "list(pathlib.Path('data').iterdir())",
    "pathlib glob": "list(pathlib.Path('data').glob('*.csv'))",
    "walk": "list(os.walk('data'))",
    "current": "os.chdir('data'); os.listdir()",
    "descriptor": "os.listdir(os.open('data', os.O_RDONLY))",
}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_a_listed_folder_is_seen_with_its_names(project, listing):
    project.write("data/a.csv", "")
    project.write("data/b.txt", "")
    project.write("data/__pycache__/c.pyc", "")
    seen = project.observe(f"import glob, os, pathlib\ndef run():\n    {listing}\n")
    assert project.files(seen)["data"] == folder_state(["a.csv", "b.txt"])


def test_a_listing_leaves_out_declared_files_and_what_came_and_went(project):
    project.write("data/a.csv", "")
    project.write("data/in.json", "1")
    text = """
        import os
        def run(dep0):
            open("data/passing", "w").close()
            open("data/lasting", "w").close()
            names = os.listdir("data")
            os.remove("data/passing")
            return names
    """
    seen = project.observe(text, deps=[("data/in.json", JSON())], out="data/out.json")
    assert project.files(seen) == {"data": folder_state(["a.csv", "lasting"])}
    assert project.written(seen) == ["data/lasting"]


WRITES = {
    "write": "open('new.txt', 'w').write('{}')",
    "both": "open('new.txt', 'w+').write('{}')",
    "os.open": "import os; f = os.open('new.txt', os.O_RDWR | os.O_CREAT | os.O_TRUNC); os.write(f, b'{}'); os.close(f)",
    "pathlib": "import pathlib; pathlib.Path('new.txt').write_text('{}')",
    "rename": "open('tmp', 'w').write('{}'); import os; os.replace('tmp', 'new.txt')",
}


@pytest.mark.parametrize("body", WRITES.values(), ids=WRITES)
def test_what_the_stage_wrote_first_is_no_read(project, body):
    seen = project.observe(f"{body}; open('new.txt').read()")
    assert (project.files(seen), project.written(seen)) == ({}, ["new.txt"])


def test_what_was_appended_to_nothing_and_then_read_is_said_with_what_was_left(project):
    seen = project.observe("open('new.txt', 'a').write('{}'); open('new.txt').read()")
    assert project.files(seen) == {"new.txt": made_state(digest_bytes(b"{}"))}


def test_what_was_made_only_if_it_was_not_there_counts_as_absent_though_it_is_gone(project):
    body = "import os; open('a', 'x').close(); os.mkdir('f'); os.rename('a', 'b'); os.rmdir('f')"
    assert project.files(project.observe(body)) == {"a": ABSENT, "f": ABSENT}


MAKES = {
    "appending and reading": "open('new.txt', 'a+').close()",
    "a lock's file": "import os; os.close(os.open('new.txt', os.O_RDWR | os.O_CREAT))",
}


@pytest.mark.parametrize("body", MAKES.values(), ids=MAKES)
def test_what_opening_made_is_said_with_what_was_left(project, body):
    assert project.files(project.observe(body)) == {"new.txt": made_state(digest_bytes(b""))}


def test_what_was_looked_for_and_then_made_is_said_with_what_was_left(project):
    body = """
        import os
        if not os.path.exists("cache.json"): open("cache.json", "w").write("{}")
        if not os.path.isdir("folder"): os.mkdir("folder")
        try: open("passing").close()
        except FileNotFoundError: open("passing", "w").close()
        os.remove("passing")
        open("cache.json").read()
        open("created.json", "x").write("{}")
        import tempfile, shutil
        tempfile.NamedTemporaryFile(dir=".").close()
        shutil.copy("cache.json", "copy.json")
    """
    seen = project.observe(body)
    expected = {"cache.json": made_state(DIGEST), "folder": made_state(PRESENT), "passing": ABSENT}
    expected["copy.json"] = expected["created.json"] = made_state(DIGEST)
    assert project.files(seen) == expected


def test_a_stage_that_is_not_observed_has_seen_nothing(project):
    project.write("config.json", "{}")
    seen = project.observe("import os; open('config.json').close(); os.environ.get('X_Y')", root="")
    assert (seen.files, seen.environment, seen.code, seen.imported) == ({}, {}, (), {})


def test_a_project_reached_by_another_name_is_the_same(project):
    project.write("config.json", "{}")
    link = project.folder.parent / f"{project.folder.name}-link"
    link.symlink_to(project.folder)
    seen = project.observe(f"open({str(link / 'config.json')!r}).close()")
    assert project.files(seen) == {"config.json": DIGEST}


def test_wrapped_functions_behave_as_python_s_own_and_are_put_back(project):
    text = """
        import os, posix
        def run():
            assert os.stat in os.supports_fd and os.stat in os.supports_dir_fd
            assert os.stat in os.supports_follow_symlinks and os.access in os.supports_effective_ids
            folder = os.open(".", os.O_RDONLY)
            assert os.stat("stages.py", dir_fd=folder, follow_symlinks=False).st_size
            assert os.lstat("stages.py", dir_fd=folder) and os.stat(folder) and os.access("stages.py", os.R_OK, dir_fd=folder)
            os.close(folder)
            for wrong in (lambda: os.stat(), lambda: os.stat("a", 1), lambda: os.stat([])):
                try: wrong()
                except TypeError: continue
                raise AssertionError
            original = os.stat
            os.stat = lambda *given, **named: original(*given, **named)
            os.environ = dict(os.environ)
        def after():
            assert os.stat is posix.stat and os.lstat is posix.lstat and os.access is posix.access
            assert len(os.supports_fd) == len({f.__name__ for f in os.supports_fd})
            assert type(os.environ) is os._Environ
            import sys
            assert not hasattr(sys, "monitoring") or all(sys.monitoring.get_tool(n) is None for n in range(6))
            assert not any(type(finder).__module__ == "pivot.worker.imports" for finder in sys.meta_path)
    """
    project.observe(text)
    task = project.task(function="after", root="")
    project.run(task)
