"""Pivot's own objects as the value of a cell."""

import pytest

from pivot.core.graph import Graph
from pivot.model.decision import Decision, Verdict
from pivot.model.event import Outcome, StageFinished
from pivot.model.place import Place
from pivot.model.run import Run
from pivot.model.stage import LoaderRef, ObjectRef, OutKind, Returns, Stage, StageOut

HOSTILE = "<img src=x>"
STAGE = Stage(
    name="clean",
    function=ObjectRef("stages", "clean"),
    deps=(),
    outs=(
        StageOut("output", HOSTILE, OutKind.OUT, LoaderRef("pivot.loaders.Text", "", 1, b""), True, False),
    ),
    returns=Returns.SINGLE,
    params=None,
    mutex=(),
    folder=".",
    place=Place("stages.py", 1),
    roots=(".",),
)
RUN = Run(
    "1",
    {
        "clean": StageFinished("clean", Outcome.RAN, "", seconds=3.14),
        "train": StageFinished("train", Outcome.FAILED, f"ValueError: {HOSTILE}", seconds=1.0),
    },
    5.0,
    cancelled=False,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (STAGE, f"clean: nothing → {HOSTILE}"),
        (Graph((STAGE,)), "• clean\n\n1 stage"),
        (Decision("clean", Verdict.UNCHANGED, ()), "clean: ● cached"),
        (RUN, f"clean: ✓ ran\ntrain: ✗ failed (ValueError: {HOSTILE})\n1 ran, 1 failed"),
    ],
    ids=["stage", "graph", "decision", "run"],
)
def test_objects_are_shown_as_text_and_as_html_until_the_extension_is_unloaded(shell, value, text):
    shown, _ = shell.display_formatter.format(value)
    assert shown["text/plain"] == text
    assert shown["text/html"].startswith("<")
    assert HOSTILE not in shown["text/html"]
    shell.run_line_magic("unload_ext", "pivot_jupyter")
    plain, _ = shell.display_formatter.format(value)
    assert "text/html" not in plain
    shell.run_line_magic("load_ext", "pivot_jupyter")
    shell._pivot_doorway.open()
