"""``%pivot load``: values of outputs, and where they came from."""

import base64
import shutil

import pytest
from IPython.core.completer import provisionalcompleter

IMPORTS = """
import json
from pathlib import Path
from typing import Annotated, TypedDict
import pandas as pd
from pivot import loaders, outputs
"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
CLEAN = """%%pivot_stage
def clean(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("clean.txt", loaders.Text())]:
    return raw.strip()
"""
SPLIT = """%%pivot_stage
class Parts(TypedDict):
    words: Annotated[list, outputs.Out(["first.json", "second.json"])]
    pages: Annotated[dict, outputs.DirectoryOut("pages/")]
    size: Annotated[dict, outputs.Metric("size.json")]

def split(text: Annotated[str, outputs.Dep("clean.txt", loaders.Text())]) -> Parts:
    return {"words": [[text], ["b"]], "pages": {"p.txt": text}, "size": {"n": len(text)}}
"""
DRAW = f"""%%pivot_stage
def draw() -> Annotated[Path, outputs.Plot("dot.png")]:
    Path("dot.png").write_bytes({PNG!r})
    return Path("dot.png")
"""


@pytest.fixture
def defined(kernel_place, say):
    (kernel_place / "raw.txt").write_text("abc\n")
    assert "Error" not in say(IMPORTS, CLEAN, SPLIT, DRAW, "%pivot run")
    return say


def test_values_of_all_kinds_come_with_the_place_they_came_from(defined, shell, kernel_place):
    def value(line):
        return shell.run_cell(line).result

    assert "clean: clean.txt, from the workspace\n" in defined("%pivot load clean")
    assert "clean: clean.txt, from the workspace\n" in defined("text = %pivot load clean")
    assert shell.user_ns["text"] == "abc"
    pages = {"p.txt": "abc"}
    assert value("%pivot load split") == {"words": [["abc"], ["b"]], "pages": pages, "size": {"n": 3}}
    assert value("%pivot load split pages") == pages
    assert value("%pivot load split words") == [["abc"], ["b"]]
    assert value("%pivot load draw").data == PNG
    assert defined("%pivot load split word") == (
        "PivotRunError: stage 'split' has no output 'word': it has: words, pages, size"
    )
    (kernel_place / "first.json").unlink()
    assert "first.json from the cache, second.json from the workspace" in defined("%pivot load split words")
    shutil.rmtree(kernel_place / "pages")
    assert "split: pages/, from the cache\n" in defined("pages = %pivot load split pages")
    assert shell.user_ns["pages"] == pages


def test_a_value_that_is_out_of_date_is_given_and_said_to_be(defined, shell, kernel_place):
    defined(CLEAN.replace("raw.strip()", "raw.strip() + '!'"))
    assert "from the workspace; out of date: Stage code changed" in defined("text = %pivot load clean")
    assert shell.user_ns["text"] == "abc"
    assert "; perhaps out of date: " in defined("%pivot load split size")
    defined("%pivot run", CLEAN)
    assert "; of other code or inputs: %pivot run restores those of now" in defined("%pivot load clean")
    (kernel_place / "clean.txt").unlink()
    shutil.rmtree(kernel_place / ".pivot" / "cache")
    assert defined("%pivot load clean") == (
        "PivotRunError: what stage 'clean' wrote to clean.txt is lost: it is neither there nor in the cache: "
        "make it again: %pivot repro clean"
    )


def test_a_kernel_that_has_run_no_cell_yet_loads_what_was_made(defined, shell, kernel_place):
    shell.run_line_magic("unload_ext", "pivot_jupyter")
    shell.run_line_magic("load_ext", "pivot_jupyter")
    told = defined("text = %pivot load clean")
    assert "clean: clean.txt, from the workspace; as it last ran; no cell that was run defines it yet" in told
    assert shell.user_ns["text"] == "abc"
    assert shell.run_cell("%pivot load split words").result == [["abc"], ["b"]]
    assert shell.run_cell("%pivot load draw").result.data == PNG
    assert "no stage is defined in this notebook yet" in defined("%pivot load never")


@pytest.mark.parametrize(
    ("line", "word"),
    [("%pivot load sp", "split"), ("%pivot load split wo", "words"), ("df = %pivot load split pa", "pages")],
)
def test_stages_and_their_outputs_are_completed(defined, shell, line, word):
    with provisionalcompleter():
        assert word in [found.text for found in shell.Completer.completions(line, len(line))]
