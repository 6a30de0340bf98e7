"""The page on outputs, block by block: each text runs unaltered."""

import json

import pytest

from pivot.project import Project

PAGE = """\
from typing import Annotated, TypedDict
from pandas import DataFrame
import pivot
"""
REGISTER = "\npipeline = pivot.Pipeline('page')\n"



def test_values_are_saved_by_their_loaders(folder, block):
    fit = "\nclass Model:\n    predict = staticmethod(lambda data: data * 2)\n\nfit = lambda data: Model\n"
    folder.write("pipeline.py", block("train_outputs.py") + fit + REGISTER + "pipeline.register(train)\n")
    folder.write("features.csv", "x\n1\n2\n")
    assert folder.repro().ok
    assert folder.read("predictions.csv") == "x\n2\n4\n"
    assert json.loads(folder.read("metrics.json")) == {"accuracy": 0.95, "f1": 0.91}


def test_a_single_output_is_returned_as_it_is(folder, block):
    folder.write("pipeline.py", PAGE + block("clean.py") + REGISTER + "pipeline.register(clean)\n")
    folder.write("raw.csv", "x\n1\n2\n")
    assert folder.repro().ok
    assert folder.read("clean.csv") == "x\n1\n2\n"
