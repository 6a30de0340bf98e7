"""What a person waits for before anything begins imports little."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HEAVY = {
    "pydantic",
    "pandas",
    "numpy",
    "networkx",
    "pyarrow",
    "yaml",
    "IPython",
    "asyncio",
    "sqlite3",
    "_hashlib",
}
COMMAND = "from pivot.cli.main import main; main({})"
AHEAD = "from pivot.cli.main import begun_ahead; begun_ahead(['repro', '-k', 'clean']).close()"
LOAD = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "pivot_jupyter")
assert "pivot" in shell.magics_manager.magics["line"]
"""
NEXT_CELL = f"""{LOAD}
shell.run_cell("import sys; ready = 'pydantic.main' in sys.modules")
assert shell.user_ns["ready"], "a cell could change what pydantic is made with"
"""


@pytest.mark.parametrize(
    ("code", "environment", "most", "wanted"),
    [
        ("import pivot", {}, 1, set()),
        (COMMAND.format(["--help"]), {}, 5, set()),
        (COMMAND.format(["repro", "--help"]), {}, 11, set()),
        (COMMAND.format([]), {"COMP_WORDS": "pivot re", "COMP_CWORD": "1"}, 5, set()),
        (COMMAND.format([]), {"COMP_WORDS": "pivot repro ", "COMP_CWORD": "2"}, 22, {"yaml"}),
        (AHEAD, {}, 11, set()),
        (LOAD, {}, 5, {"IPython", "sqlite3", "asyncio", "_hashlib"}),
        (NEXT_CELL, {}, 250, {"IPython", "sqlite3", "asyncio", "pydantic", "_hashlib"}),
    ],
    ids=[
        "import pivot",
        "--help",
        "repro --help",
        "completion of a command",
        "completion of a stage",
        "the fork server of a first run",
        "%load_ext",
        "the cell after it",
    ],
)
def test_start_up_imports_little(tmp_path, code, environment, most, wanted):
    (tmp_path / ".pivot").mkdir()
    (tmp_path / "pivot.yaml").write_text("stages:\n  clean:\n    python: stages.clean\n")
    listing = (
        "import atexit, json, os, sys\nbefore = set()\nfd = int(sys.argv[1])\n"
        "atexit.register(lambda: os.write(fd, json.dumps(sorted(set(sys.modules) - before)).encode()))\n"
    )
    read, write = os.pipe()
    with open(read, encoding="utf-8") as told:
        ran = subprocess.run(
            [sys.executable, "-c", listing + code, str(write)],
            cwd=tmp_path,
            env={**os.environ, "_PIVOT_COMPLETE": "bash_complete" if environment else "", **environment},
            pass_fds=[write],
            capture_output=True,
            text=True,
            check=False,
        )
        os.close(write)
        loaded = json.loads(told.read())
    assert ran.returncode == 0, ran.stderr
    own = [name for name in loaded if name.split(".")[0] in ("pivot", "pivot_jupyter")]
    assert len(own) <= most, own
    assert HEAVY & set(loaded) <= wanted
