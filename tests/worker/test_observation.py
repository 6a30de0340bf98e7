"""What a stage is seen to read of the environment, to run, to import and to start; and what a warm worker must not hide."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pivot.executors.inline import InlineExecutor
from pivot.model.digest import digest_bytes
from pivot.model.observation import ABSENT, PRESENT, Seen, environment_state
from pivot.model.task import Success

CALLS = sys.version_info >= (3, 12)
SEES_CALLS = pytest.mark.skipif(not CALLS, reason="Python 3.11 does not tell of calls")
DIGEST = digest_bytes(b"{}")
STATE = environment_state("stage", "MODE", "fast")

READS = {
    "item": "os.environ['MODE']",
    "get": "os.environ.get('MODE')",
    "getenv": "os.getenv('MODE')",
    "in": "'MODE' in os.environ",
    "not in": "'MODE' not in os.environ",
    "setdefault": "os.environ.setdefault('MODE', 'slow')",
    "pop": "os.environ.pop('MODE')",
    "taken earlier": "environ['MODE']",
    "expanded": "os.path.expandvars('$MODE')",
    "mapped": "list(map(os.environ.get, ['MODE']))",
    "formatted": "'{MODE}'.format_map(os.environ)",
    "chained": "import collections; collections.ChainMap({}, os.environ)['MODE']",
    "chosen in a loop": "[os.environ[name] for name in os.environ if name == 'MODE']",
    "in a thread": "threads.submit(lambda: os.environ['MODE']).result()",
    "by a thread's own function": "threads.submit(os.getenv, 'MODE').result()",
    "in bytes": "os.environb[b'MODE']",
    "by a name in bytes": "os.getenvb(b'MODE')",
    "through a helper": "helper.mode()",
    "then set": "os.environ['MODE']; os.environ['MODE'] = 'slow'",
}
HEAD = """
    import concurrent.futures, os, helper
    from os import environ
    threads = concurrent.futures.ThreadPoolExecutor(1)
"""


@pytest.mark.parametrize("body", READS.values(), ids=READS)
def test_a_variable_that_project_code_reads_is_seen(project, body):
    project.write("helper.py", "import os\ndef mode(): return os.environ['MODE']")
    seen = project.observe(f"{HEAD}\n    def run():\n        {body}", environment={"MODE": "fast"})
    assert seen.environment == {"MODE": STATE}


NO_READS = {
    "copied": "os.environ.copy(); dict(os.environ)",
    "unpacked": "{**os.environ, 'A': '1'}",
    "as arguments": "dict(**os.environ)",
    "updated": "d = {}; d.update(os.environ)",
    "joined": "os.environ | {'A': '1'}; {'A': '1'} | os.environ",
    "looped": "for name in os.environ: pass",
    "items": "[value for _, value in os.environ.items()]",
    "values": "list(os.environ.values())",
    "counted": "len(os.environ); repr(os.environ); os.environ == {}",
    "set before": "os.environ['MODE'] = 'x'; os.environ['MODE']; os.getenv('MODE')",
    "removed before": "del os.environ['MODE']; os.environ.get('MODE')",
    "passed on": "import subprocess; subprocess.run(['true'], check=True)",
    "ignored": "os.environ['IGNORED_ONE']; os.environ.get('IGNORED_TWO')",
    "no name at all": "_fails()",
}


@pytest.mark.parametrize("body", NO_READS.values(), ids=NO_READS)
def test_the_environment_as_a_whole_and_what_the_stage_set_is_not_seen(project, body):
    text = f"""
import os
def _fails():
    try: os.environ[1]
    except TypeError: return True
def run():
    {body}
"""
    environment = {"MODE": "fast", "IGNORED_ONE": "1"}
    seen = project.observe(text, environment=environment, ignored=["IGNORED_*", "PATH"])
    assert seen.environment == {}


def test_of_a_library_the_files_count_and_the_variables_do_not(project):
    library = project.folder.parent / f"{project.folder.name}-library" / "site-packages"
    library.mkdir(parents=True)
    reads = "import os\ndef read(): os.environ['MODE']; os.path.exists('stages.py'); return open('config.json').read()"
    (library / "some_library.py").write_text(reads)
    project.write("config.json", "{}")
    body = f"import sys; sys.path.append({str(library)!r}); import some_library; some_library.read()"
    seen = project.observe(body, environment={"MODE": "fast"})
    assert (project.files(seen), seen.environment) == ({"config.json": DIGEST}, {})


def test_a_function_that_a_library_is_given_asks_for_the_project(project):
    library = project.folder.parent / f"{project.folder.name}-library" / "site-packages"
    library.mkdir(parents=True)
    (library / "some_mapper.py").write_text("def each(f, names): return [f(name) for name in names]")
    project.write("here.txt", "")
    project.write("config.json", "{}")
    body = f"""
        import os, sys
        sys.path.append({str(library)!r})
        import some_mapper
        some_mapper.each(os.path.exists, ["here.txt", "gone.txt"])
        some_mapper.each(os.path.getsize, ["config.json"])
    """
    seen = project.observe(body)
    assert project.files(seen) == {"here.txt": PRESENT, "gone.txt": ABSENT, "config.json": DIGEST}
    assert "some_library" not in seen.imported


def test_a_module_elsewhere_in_the_path_is_the_projects_own(project):
    elsewhere = project.folder.parent / f"{project.folder.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared_code.py").write_text("import os\ndef read(): return os.environ['MODE']")
    body = f"import sys; sys.path.append({str(elsewhere)!r}); import shared_code; shared_code.read()"
    project.observe(body, environment={"MODE": "fast"})
    seen = project.run(project.task(environment={"MODE": "fast"}))
    assert seen.environment == {"MODE": STATE}
    assert seen.imported["shared_code"] == str(elsewhere / "shared_code.py")


def test_absent_variables_and_secrets_have_states_of_their_own(project):
    body = "import os; os.getenv('GONE_ONE'); os.getenv('API_TOKEN')"
    seen = project.observe(body, environment={"API_TOKEN": "abc"})
    assert seen.environment == {"GONE_ONE": ABSENT, "API_TOKEN": PRESENT}


@SEES_CALLS
def test_functions_that_run_are_seen_by_file_and_first_line(project):
    helper = project.write(
        "helper.py",
        """
        def used(): return [one for one in (lambda: [1])()]
        def unused(): pass
        class Model:
            def fit(self): return sum(x for x in [1])
            @staticmethod
            def helper(): yield 1
        """,
    )
    text = """
        import helper
        def run():
            import threading
            thread = threading.Thread(target=list(helper.Model.helper()) and helper.Model().fit); thread.start(); thread.join()
            return getattr(helper, "us" + "ed")()
        def other(): pass
    """
    seen = project.observe(text)
    stages = str(project.folder / "stages.py")
    assert set(seen.code) == {(stages, 2), *((str(helper), line) for line in (1, 4, 5))}
    assert seen.calls


@SEES_CALLS
def test_a_text_under_a_name_of_our_own_counts_and_text_made_at_run_time_does_not(project):
    project.write(
        "stages.py",
        """
        import collections
        def run():
            exec("def made(): return 1\\nmade()", {})
            collections.namedtuple("Point", "x")(1)
        """,
    )
    seen = project.run(project.task([project.module("stages", "<notebook>")]))
    assert seen.code == (("<notebook>", 2),)


@SEES_CALLS
def test_calls_are_seen_once_more_in_the_next_stage_of_a_worker(project):
    project.write("stages.py", "import os\ndef used(): return os.getpid()\ndef run(): return used()")
    first, second = (project.run(project.task(stage=name)) for name in "ab")
    assert (
        first.code
        == second.code
        == ((str(project.folder / "stages.py"), 2), (str(project.folder / "stages.py"), 3))
    )


@SEES_CALLS
def test_where_all_tools_are_taken_calls_are_not_seen(project):
    text = """
        import sys
        def take():
            for tool in range(6): sys.monitoring.use_tool_id(tool, "other")
        def run(): return 1
    """
    project.write("stages.py", text)
    project.run(project.task(function="take", root=""))
    seen = project.run(project.task(function="run", root=""))
    assert seen == Seen()
    with InlineExecutor() as inline:
        for tool in range(6):
            if sys.monitoring.get_tool(tool) is None:
                sys.monitoring.use_tool_id(tool, "test")
        try:
            result = inline.submit(project.task()).result()
        finally:
            for tool in range(6):
                if sys.monitoring.get_tool(tool) == "test":
                    sys.monitoring.free_tool_id(tool)
    assert isinstance(result, Success)
    assert (result.seen.calls, result.seen.code) == (False, ())


@pytest.mark.skipif(CALLS, reason="newer Pythons tell of calls")
def test_python_3_11_says_that_it_sees_no_calls(project):
    seen = project.observe("pass")
    assert (seen.calls, seen.code) == (False, ())


def test_modules_that_are_imported_and_those_that_are_nowhere_are_seen(project):
    plugin = project.write("plugins/csv_reader.py", "")
    project.write("plugins/__init__.py", "")
    text = """
        import importlib
        try: import nowhere_at_all.sub
        except ImportError: pass
        def run():
            importlib.import_module("plugins." + "csv_reader")
            try: from plugins import excel_reader
            except ImportError: pass
            import importlib.util as finding
            finding.find_spec("nowhere_two")
            import pytest
    """
    seen = project.observe(text)
    assert set(seen.missing) == {"nowhere_at_all", "plugins.excel_reader", "nowhere_two"}
    assert seen.imported == {
        "stages": str(project.folder / "stages.py"),
        "plugins": str(project.folder / "plugins/__init__.py"),
        "plugins.csv_reader": str(plugin),
    }


PROGRAMS = {
    "subprocess": "import subprocess; subprocess.run(['true'], check=True)",
    "system": "import os; os.system('true')",
    "fork": "import os; pid = os.fork(); pid or os._exit(0); os.waitpid(pid, 0)",
    "posix_spawn": "import os; os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    "multiprocessing": "import multiprocessing as m; p = m.get_context('spawn').Process(target=print); p.start(); p.join()",
    "in an import": "import helper",
}


@pytest.mark.parametrize("body", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_programs_and_child_processes_are_noticed(project, body):
    project.write("helper.py", "import os; os.system('true')")
    assert project.observe(body).started_process


def test_a_stage_on_its_own_starts_no_process(project):
    assert not project.observe(
        "import subprocess, multiprocessing, threading; threading.Thread(target=print).start()"
    ).started_process


IMPORT_READS = {
    "file": "CONFIG = open('config.json').read()",
    "look": "import os\nHERE = os.path.exists('config.json')",
    "listing": "import os\nNAMES = tuple(sorted(os.listdir('data')))",
    "variable": "import os\nMODE = os.environ['MODE']",
    "a function of another module": "import reader\nTEXT = reader.text()",
}


@pytest.mark.parametrize("text", IMPORT_READS.values(), ids=IMPORT_READS)
def test_what_an_import_read_is_seen_in_each_stage_of_a_worker(project, text):
    project.write("config.json", "{}")
    project.write("data/a", "")
    project.write("reader.py", "def text(): return open('config.json').read()")
    project.write("helper.py", text)
    project.write("stages.py", "import helper\ndef run(): return 1")
    names = ["reader", "helper", "stages"]
    first, second = (project.run(project.task(names, environment={"MODE": "fast"})) for _ in range(2))
    assert first == second
    assert first.files or first.environment == {"MODE": STATE}


def test_a_memo_hides_its_file_from_no_stage(project):
    project.write("config.json", "{}")
    project.write(
        "helper.py",
        "import functools\n@functools.cache\ndef config(): return open('config.json').read()",
    )
    project.write("stages.py", "import helper\ndef run(): return helper.config()")
    task = project.task(["helper", "stages"])
    for name in "abc":
        assert project.files(project.run(replace(task, stage=name))) == {"config.json": DIGEST}


def test_a_plugin_is_seen_in_each_stage_that_takes_it(project):
    project.write("plugin.py", "def f(): return 1")
    project.write(
        "stages.py", "import importlib\ndef run(): return importlib.import_module('plug' + 'in').f()"
    )
    first, second = (project.run(project.task()) for _ in range(2))
    assert first == second
    assert first.imported["plugin"] == str(project.folder / "plugin.py")


def test_a_worker_that_hides_nothing_is_kept(project):
    project.write("stages.py", "import os\ndef used(): return 1\nused()\ndef run(): print(os.getpid())")
    first, second = (project.run(project.task(stage=name)) for name in "ab")
    assert first == second  # what its import called belongs to both
    assert len(set((project.folder / "stage.log").read_text().split())) == 1


def test_two_stages_that_run_beside_each_other_in_threads_of_a_stage_lose_nothing(project):
    for number in range(40):
        project.write(f"data/{number}.json", "{}")
    body = """
        import concurrent.futures, os
        def read(number): open(f"data/{number}.json").close(); os.path.exists(f"gone{number}"); return os.getenv(f"V{number}")
        with concurrent.futures.ThreadPoolExecutor(8) as pool: list(pool.map(read, range(40)))
    """
    seen = project.observe(body)
    expected = {f"data/{n}.json": DIGEST for n in range(40)} | {f"gone{n}": ABSENT for n in range(40)}
    assert project.files(seen) == expected
    assert len(seen.environment) == 40


def test_the_driver_s_own_process_can_be_observed_too_and_is_left_as_it_was(project):
    project.write("config.json", "{}")
    project.write("stages.py", "import os\ndef run(): open('config.json').close(); os.environ.get('MODE')")
    before = (os.stat, os.lstat, os.access, type(os.environ), len(sys.meta_path))
    with InlineExecutor() as inline, ThreadPoolExecutor(1) as thread:
        result = thread.submit(lambda: inline.submit(project.task()).result()).result()
    assert isinstance(result, Success)
    assert project.files(result.seen) == {"config.json": DIGEST}
    assert set(result.seen.environment) == {"MODE"}
    assert (os.stat, os.lstat, os.access, type(os.environ), len(sys.meta_path)) == before
