"""The messages between kernel and browser are the same on both sides."""

import importlib.util
from pathlib import Path

from pivot_jupyter.protocol import Done, Edge, Snapshot, to_json

FRONT = Path(__file__).parents[2] / "labextension"


def test_the_browsers_types_are_made_from_the_kernels():
    spec = importlib.util.spec_from_file_location("protocol_writer", FRONT / "protocol.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert (FRONT / "src/protocol.ts").read_text() == writer.typescript(), (
        "run python labextension/protocol.py"
    )


def test_a_message_says_what_it_is_and_holds_plain_values_only():
    edges = (Edge("clean", "train"),)
    said = to_json(Snapshot(3, 1, "1.0", (), edges, (), None, "", ""))
    assert said["kind"] == "Snapshot"
    assert said["edges"] == [{"upstream": "clean", "downstream": "train"}]
    assert to_json(Done(7, "")) == {"kind": "Done", "request": 7, "text": ""}
