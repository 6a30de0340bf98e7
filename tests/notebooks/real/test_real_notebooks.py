"""Notebooks as analysts write them: nearly all their functions work in stages as they stand, and give the same."""

import ast
from pathlib import Path

import pytest

NOTEBOOKS = sorted(path.stem for path in Path(__file__).parent.glob("*.txt"))
SHARE = 0.9


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_functions_of_a_real_notebook_give_in_stages_what_they_give_in_a_script(name, measured):
    found = measured(name)
    print(found.table())
    calls = found.notebook.calls
    assert {call.function for call in calls} >= functions_of(found.notebook)
    assert len(found.same) >= SHARE * len(calls)
    refused = {call.function: call.refused for call in calls if call.refused}
    assert set(found.rows) - set(found.same) == set(refused)
    for function, words in refused.items():
        line = found.rows[function]
        assert "\n" not in line
        assert all(word in line for word in words.split(", ")), line
    assert f"0 stages run, {len(found.same)} unchanged" in found.again


def functions_of(notebook):
    """The names of the functions that a notebook's author wrote."""
    statements = ast.parse(notebook.script).body
    return {node.name for node in statements if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}
