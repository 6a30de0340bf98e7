"""The live graph as a widget: what its page is told, and what is shown where there can be none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CELLS = (
    "%load_ext pivot_jupyter\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text",
    '%%pivot_stage\ndef first() -> Annotated[str, pivot.Out("first.txt", Text())]:\n    return "one"',
)
WITHOUT = "import sys; sys.modules['anywidget'] = None\n%pivot dag --widget\ndel sys.modules['anywidget']"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def look(kernel_place):
    """Runs cells in a fresh kernel, and tells what a page hears of the widget that the last one shows."""

    def run(*texts):
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("look.py")), str(kernel_place)],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_widget_shows_the_graph_answers_its_page_and_follows_a_run(look, kernel_place):
    told = look(*CELLS, WITHOUT, "%pivot dag --widget")
    _card, without, model, view, record = told["shown"]
    # where anywidget is not installed
    assert VIEW not in without
    assert "text/html" in without
    assert any(
        "the graph stays as it is now" in note and "pip install anywidget" in note for note in told["notes"]
    )
    # the model, the view, and what stays when the kernel is gone
    assert {"_css", "_esm", "snapshot"} <= set(model["model"])
    assert [stage["name"] for stage in model["snapshot"]["stages"]] == ["first"]
    assert VIEW in view
    assert record["text/html"].startswith("<details>")
    assert record["text/plain"] == without["text/plain"]
    assert told["ids"][1] is not None
    assert told["ids"][-1] is None  # graphs that stand above stay as they are
    # the page
    assert [(stage["name"], stage["state"]) for stage in told["snapshot"]["stages"]] == [("first", "run")]
    assert told["detail"]["outs"] == [{"name": "first.txt", "value": "missing"}]
    assert (told["failed"]["kind"], "<nobody>" in told["failed"]["message"]) == ("Failed", True)
    assert told["ended"]["seq"] > told["snapshot"]["seq"]
    assert (kernel_place / "first.txt").read_text() == "one"


def test_a_shell_without_a_kernel_shows_the_record_and_says_why(say):
    assert "widgets need the kernel of a notebook" in say(*CELLS[:1], CELLS[1], "%pivot dag --widget")
