"""What a stage is told of files that it does not open: what is there, where a link leads; and unusual ways to read."""

import pytest

from pivot.model.digest import digest_bytes
from pivot.model.observation import ABSENT, FOLDER, PRESENT, link_state
from pivot.store.hashing import hash_file

DIGEST = digest_bytes(b"{}")

WHAT_IS_THERE = {
    "folder": ("os.path.exists('folder')", {"folder": FOLDER}),
    "in a folder": ("os.stat('a.txt', dir_fd=os.open('folder', os.O_RDONLY))", {"folder/a.txt": DIGEST}),
    "not in a folder": (
        "os.access('b', os.R_OK, dir_fd=os.open('folder', os.O_RDONLY))",
        {"folder/b": ABSENT},
    ),
    "where a link leads": ("os.readlink('link')", {"link": link_state("folder/a.txt")}),
    "whether it is a link": ("os.path.islink('link')", {"link": link_state("folder/a.txt")}),
    "resolving it": ("os.path.realpath('link')", {"link": link_state("folder/a.txt")}),
    "resolving it by pathlib": ("pathlib.Path('link').resolve()", {"link": link_state("folder/a.txt")}),
    "whether there is a link": ("os.path.lexists('link')", {"link": PRESENT}),
    "reading it after all": ("os.readlink('link'); open('link').close()", {"link": DIGEST}),
    "no link": ("try: os.readlink('folder/a.txt')\n    except OSError: pass", {"folder/a.txt": PRESENT}),
    "a name that is no text": ("os.path.exists(b'\\xff')", {"\udcff": ABSENT}),
}


@pytest.mark.parametrize(("ask", "expected"), WHAT_IS_THERE.values(), ids=WHAT_IS_THERE)
def test_what_is_there_and_where_it_leads_is_told_apart(project, ask, expected):
    project.write("folder/a.txt", "{}")
    (project.folder / "link").symlink_to("folder/a.txt")
    seen = project.observe(f"import os, pathlib\ndef run():\n    {ask}\n")
    assert project.files(seen) == expected


def test_a_pipe_is_not_opened_by_us_and_is_not_seen(project):
    project.write("config.json", "{}")
    body = """
        import os, subprocess
        os.mkfifo("pipe")
        writer = subprocess.Popen(["sh", "-c", "cat config.json > pipe"])
        assert open("pipe").read() == "{}"
        os.unlink("pipe")
        assert writer.wait() == 0
    """
    assert set(project.files(project.observe(body))) == {"config.json"}


def test_a_function_of_os_that_a_module_took_is_heard_in_later_stages_on_the_worker(project):
    project.write("config.json", "{}")
    project.write("sizes.py", "from os import stat\ndef size(): return stat('config.json').st_size")
    project.write("stages.py", "import sizes\ndef run(): return sizes.size()")
    both = project.task(["sizes", "stages"])
    assert [project.files(project.run(both)) for _ in range(2)] == [{"config.json": DIGEST}] * 2


def test_a_module_read_by_its_path_is_seen_though_python_has_its_bytecode(project):
    project.write("plugin.py", "x = 1")
    body = """
        import importlib.util, os, sys
        sys.dont_write_bytecode = False
        spec = importlib.util.spec_from_file_location("plugin_one", os.path.abspath("plugin.py"))
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    """
    digest = hash_file(str(project.folder / "plugin.py"))[0]
    for _ in range(2):
        assert project.files(project.observe(body))["plugin.py"] == digest
    assert any(project.folder.rglob("plugin*.pyc"))
