"""``%pivot why`` and ``%pivot fingerprint``, in a shell of this process."""

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

HEAD = """
from typing import Annotated
import pivot
from pivot.loaders import Text
LIMIT = 3
"""
HELPERS = """
def cut(text):
    return text[:LIMIT]


def shout(text):
    return cut(text).upper()
"""
STAGE = """%%pivot_stage
def clean(raw: Annotated[str, pivot.Dep("raw.txt", Text())]) -> Annotated[str, pivot.Out("clean.txt", Text())]:
    return shout(raw)
"""
NEXT = """%%pivot_stage
def total(text: Annotated[str, pivot.Dep("clean.txt", Text())]) -> Annotated[dict, pivot.Metric("total.json")]:
    return {"length": len(text)}
"""


@pytest.fixture
def ran(kernel_place, say):
    """Two stages that ran; their cells are In[3] and In[4], the helpers' is In[2]."""
    (kernel_place / "raw.txt").write_text("abcdef")
    told = say(HEAD, HELPERS, STAGE, NEXT, "%pivot run")
    assert "2 ran" in told
    return say


def test_without_a_change_there_is_nothing_to_tell(ran):
    assert ran("%pivot why").strip() == "nothing would run: all 2 stages are up to date"
    assert ran("%pivot why clean").splitlines()[:2] == ["Stage: clean", "  Status: CACHED"]


def test_an_edited_helper_is_shown_with_its_cell_and_its_diff(ran):
    told = ran(HELPERS.replace("[:LIMIT]", "[LIMIT:]"), "%pivot why clean").splitlines()
    assert told[:3] == ["Stage: clean", "  Status: WILL RUN", "  Reason: Code dependency changed"]
    assert told[5] == "    func:cut"
    where = next(line for line in told if "Cell:" in line)
    assert where.strip().endswith("line 2")
    assert "      Path: clean → shout → cut" in told
    assert "File:" not in "".join(told)
    at = told.index("         def cut(text):")
    assert told[at : at + 3] == [
        "         def cut(text):",
        "        -    return text[:LIMIT]",
        "        +    return text[LIMIT:]",
    ]


def test_a_removed_helper_is_shown_without_a_cell(ran):
    told = ran(
        HELPERS.replace("cut(text)", "text").replace("def text:", "def cut(text):"), "%pivot why clean"
    )
    assert "    func:cut\n      Old: " in told
    assert "-def cut(text):" in told
    after = told.partition("func:cut\n")[2].splitlines()[1]
    assert "Cell" not in after


def test_stages_that_wait_are_told_where_none_is_named(ran):
    told = ran(HELPERS.replace("upper", "lower"), "%pivot why")
    assert "Stage: clean\n" in told
    assert "Stage: total\n  Status: WAITS\n  Reason: Waits for clean" in told
    assert "Stage: total" not in ran("%pivot why clean")


@pytest.fixture
def published(ran, shell):
    """What is published, as a front end gets it."""
    shell.display_pub = CapturingDisplayPublisher()
    return shell.display_pub.outputs


def test_the_html_says_the_same_in_the_colours_of_the_theme(ran, published):
    ran(HELPERS.replace("[:LIMIT]", " + '<b>'"), "%pivot why clean")
    page = published[-1]["data"]["text/html"]
    assert "<b>clean</b> ◐ will run: Code dependency changed" in page
    assert "<code>func:cut</code>" in page
    assert "+    return text + &#x27;&lt;b&gt;&#x27;" in page
    assert "var(--jp-success-color1" in page
    assert "#" not in page.replace("&#x27;", "")


def test_a_kernel_gets_text_and_html(run_all, kernel_place):
    (kernel_place / "raw.txt").write_text("abcdef")
    ran = run_all(HEAD, HELPERS, STAGE, "%pivot why clean", "%pivot fingerprint clean")
    assert ran.error == ""
    (output,) = ran.cells[3].outputs
    assert output.data["text/plain"] == "Stage: clean\n  Status: WILL RUN\n  Reason: Never run"
    assert output.data["text/html"] == "<p><b>clean</b> ◐ will run: Never run</p>"
    assert "  Observed: nothing yet, it has not run here" in ran.text(4).splitlines()


def test_the_fingerprint_lists_code_by_cell(ran):
    told = ran("%pivot fingerprint clean").splitlines()
    assert told[0] == "Stage: clean"
    rows = [line.split() for line in told[told.index("  Code: 4 definitions") + 1 :][:4]]
    assert [row[1:3] for row in rows] == [
        ["stage", "clean"],
        ["func", "cut"],
        ["func", "shout"],
        ["value", "LIMIT"],
    ]
    assert all(row[3:5] == ["Cell", "In[2],"] for row in rows[1:3])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("%pivot fingerprint", "required: stage"),
        ("%pivot fingerprint claen", "claen"),
        ("%pivot fingerprint clean --every", "unknown option --every"),
        ("%pivot why --explain", "unknown option --explain"),
    ],
)
def test_wrong_words_are_one_line(ran, line, error):
    told = ran(line)
    assert "PivotRunError" in told
    assert error in told
