"""How much of a project one stage reaches: never all of it because of one registering decorator."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.fingerprint import Beside, Fingerprint
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

MEASURE = Path(__file__).parent.parent / "benchmarks" / "precision.py"
PLUGINS = 30

REGISTRY = """
PLUGINS = {}

def register(function):
    PLUGINS[function.__name__] = function
    return function

def dispatch(name, x):
    return PLUGINS[name](x)

def offset(x):
    return x + 1
"""

PLUGIN = """
from registry import register
from lib.inner import inner_{n}

SCALE_{n} = {n}

@register
def plugin_{n}(x):
    return inner_{n}(x) * SCALE_{n}
"""

STAGES = """
import lib
from registry import dispatch, offset

def dispatching():
    return dispatch("plugin_7", 3)

def plain():
    return offset(3)
"""


RAN = ("lib.plugin_7:plugin_7", "registry:register")
"""What Python runs beyond the certain reach, imports included, for `dispatch("plugin_7", 3)`."""


class Project:
    """A project of thirty registered plugins, whose stages are fingerprinted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        files = {"registry.py": REGISTRY, "stages.py": STAGES}
        files |= {f"lib/plugin_{n}.py": PLUGIN.format(n=n) for n in range(PLUGINS)}
        files["lib/__init__.py"] = "".join(f"from lib import plugin_{n}\n" for n in range(PLUGINS))
        files["lib/inner.py"] = "".join(
            f"def inner_{n}(x):\n    return x + {n}\n\n\n" for n in range(PLUGINS)
        )
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def stage(self, name: str, ran: tuple[str, ...] = ()) -> Fingerprint:
        search = [sysconfig.get_paths()["purelib"]]
        sources = Sources(str(self.root), [ProjectPath(".")], search=search)
        return Fingerprinter(sources).stage(ObjectRef("stages", name), Beside(ran=ran))

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def whole(found: Fingerprint) -> set[str]:
    """The functions and values that count with their bodies."""
    return {part.name for part in found.parts if part.kind in ("func", "value") and part.detail != "header"}


def test_of_registered_plugins_only_the_headers_count_until_they_are_seen_to_run(project):
    static = project.stage("dispatching")
    assert whole(static) == {"dispatch", "PLUGINS"}
    assert {"registry:register", *(f"lib.plugin_{n}:plugin_{n}" for n in range(PLUGINS))} <= set(static.weak)
    assert whole(project.stage("dispatching", RAN)) == {
        "dispatch",
        "PLUGINS",
        "register",
        "plugin_7",
        "inner_7",
        "SCALE_7",
    }


def test_a_stage_that_uses_no_registry_reaches_no_plugin(project):
    assert whole(project.stage("plain")) == {"offset"}


@pytest.mark.parametrize(
    ("name", "old", "new", "runs"),
    [
        pytest.param("lib/plugin_7.py", "* SCALE_7", "- SCALE_7", True, id="the plugin that ran"),
        pytest.param("lib/inner.py", "x + 7\n", "x - 7\n", True, id="what it calls"),
        pytest.param("lib/plugin_8.py", "* SCALE_8", "- SCALE_8", False, id="the body of another plugin"),
        pytest.param("lib/inner.py", "x + 8\n", "x - 8\n", False, id="what another one calls"),
        pytest.param("lib/plugin_8.py", "@register\n", "", True, id="whether another one is registered"),
        pytest.param("lib/plugin_8.py", "def plugin_8", "def plugin_7", True, id="its name"),
        pytest.param("registry.py", "= function\n", "= None\n", True, id="the decorator"),
        pytest.param("registry.py", "x + 1", "x + 2", False, id="a helper beside the registry"),
    ],
)
def test_a_stage_that_dispatches_runs_again_for_the_plugin_that_it_ran(project, name, old, new, runs):
    before = project.stage("dispatching", RAN)
    project.edit(name, old, new)
    assert (project.stage("dispatching", RAN).digest != before.digest) == runs


@pytest.mark.timeout(300)
def test_a_function_of_networkx_reaches_less_than_a_tenth_of_it():
    ran = subprocess.run(
        [sys.executable, str(MEASURE), "--functions", "12", "networkx"],
        capture_output=True,
        text=True,
        check=True,
    )
    shares = [float(share) for share in re.findall(r"\(([\d.]+)%\)", ran.stdout)]
    median_whole = shares[0]
    assert 0 < median_whole < 10
