"""``%pivot metrics``, ``params`` and ``plots`` as a cell shows them."""

import base64
import re
import subprocess
from html.parser import HTMLParser

import pytest

IMPORTS = """
from pathlib import Path
from typing import Annotated, TypedDict
import pandas as pd
import pivot
"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SCALE = f"""%%pivot_stage
class Params(pivot.StageParams):
    factor: int = 2

class Outs(TypedDict):
    total: Annotated[dict, pivot.Metric("total.json")]
    curve: Annotated[pd.DataFrame, pivot.Plot("curve.csv", x="x", y="y")]
    dot: Annotated[Path, pivot.Plot("dot.png")]

def scale(params: Params) -> Outs:
    Path("dot.png").write_bytes({PNG!r})
    frame = pd.DataFrame({{"x": [1, 2, 3], "y": [1, params.factor, 3]}})
    return {{"total": {{"sum": 3 * params.factor, "<b>": 0.5}}, "curve": frame, "dot": Path("dot.png")}}
"""


class Page(HTMLParser):
    """The rows of tables and the pictures of some HTML."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.images, self.open = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.open += 1
            self.rows[-1].append("")
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_endtag(self, tag):
        self.open -= tag in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


@pytest.fixture
def shown(shell, say, kernel_place):
    """What the last display of a cell held, after a run in a git repository that has a result."""
    subprocess.run(["git", "init", "-q", "."], cwd=kernel_place, check=True)
    assert "Error" not in say(IMPORTS, SCALE, "%pivot run")
    bundles = []
    shell.display_pub.publish = lambda data, *_, **__: bundles.append(data)

    def run(*lines):
        bundles.clear()
        for line in lines:
            result = shell.run_cell(line)
            assert result.success, result.error_in_exec
        return bundles[-1]

    return run


def test_metrics_and_params_are_tables(shown, say):
    found = shown("%pivot metrics")
    assert Page(found["text/html"]).rows == [
        ["file", "metric", "value"],
        ["total.json", "sum", "6"],
        ["total.json", "<b>", "0.5"],
    ]
    assert [line.split() for line in found["text/plain"].splitlines()][1] == ["total.json", "sum", "6"]
    found = shown(
        SCALE.replace("factor: int = 2", "factor: int = 1"), "%pivot run", "%pivot metrics diff -2 last"
    )
    assert Page(found["text/html"]).rows[1][1:] == ["sum", "6", "3", "-3"]
    assert Page(shown("%pivot params diff -2")["text/html"]).rows[1][:2] == ["scale", "factor"]
    assert "no metric differs" in shown("%pivot metrics diff last workspace")["text/plain"]
    assert '"sum": 3' in say("%pivot metrics show --json")
    assert "there is no stage 'scael': did you mean 'scale'?" in say("%pivot metrics -s scael")
    assert "No such option" in say("%pivot metrics --stagge scale")


def test_plots_are_pictures_in_the_cell_the_same_each_time(shown, say, kernel_place):
    found = shown("%pivot plots")
    assert found["text/plain"].splitlines() == [
        "curve.csv (scale): line chart of y by x",
        "dot.png (scale): picture",
    ]
    chart, dot = Page(found["text/html"]).images
    assert chart["alt"] == "curve.csv: line chart of y by x"
    assert dot["src"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    svg = base64.b64decode(chart["src"].removeprefix("data:image/svg+xml;base64,")).decode()
    assert svg.startswith("<svg ")
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg
    assert not re.search(r"https?://(?!www.w3.org/2000/svg)", found["text/html"] + svg)
    assert shown("%pivot plots") == found
    found = shown(
        SCALE.replace("factor: int = 2", "factor: int = 1"), "%pivot run", "%pivot plots diff -2 last"
    )
    assert "curve.csv (scale, changed): line chart of y by x" in found["text/plain"]
    assert len(Page(found["text/html"]).images) == 4
    assert say("%pivot plots --out p.html").endswith("wrote p.html (2 plots)\n")
    assert (kernel_place / "p.html").exists()
