"""Two inputs agree exactly if their keys are equal."""

from dataclasses import replace
from itertools import product

from pivot.model.digest import digest_text
from pivot.model.observation import Observation
from pivot.model.record import DeclaredOut, Inputs
from pivot.model.stage import OutKind
from pivot.paths import ProjectPath

A, B = digest_text("a"), digest_text("b")
PATH = ProjectPath("x")
OUTS = tuple(DeclaredOut(ProjectPath(path), OutKind.OUT, True, A) for path in "xy")
SEEN = Observation({PATH: A}, {"MODE": A}, {"config/rate": "1"}, ("m:f",), ("m",), ("n",), A)
INPUTS = Inputs(A, (), {"p": "1"}, {PATH: A}, {"d": A}, OUTS, {"seed": "0"}, SEEN)
OTHERS = [
    INPUTS,
    replace(INPUTS, code=B),
    replace(INPUTS, params={"p": "2"}),
    replace(INPUTS, params={"q": "1"}),
    replace(INPUTS, deps={PATH: B}),
    replace(INPUTS, loaders={"d": B}),
    replace(INPUTS, outs=OUTS[:1]),
    replace(INPUTS, outs=OUTS[::-1]),
    replace(INPUTS, outs=(replace(OUTS[0], cache=False), OUTS[1])),
    replace(INPUTS, settings={}),
    replace(INPUTS, observed=replace(SEEN, files={PATH: B})),
    replace(INPUTS, observed=replace(SEEN, files={})),
    replace(INPUTS, observed=replace(SEEN, environment={"MODE": B})),
    replace(INPUTS, observed=replace(SEEN, context={"config/rate": "2"})),
    replace(INPUTS, observed=replace(SEEN, ran=())),
    replace(INPUTS, observed=replace(SEEN, imported=())),
    replace(INPUTS, observed=replace(SEEN, missing=())),
    replace(INPUTS, observed=replace(SEEN, code=None)),
    replace(INPUTS, observed=replace(SEEN, complete=False)),
]


def test_inputs_agree_exactly_if_their_keys_are_equal() -> None:
    for one, other in product(OTHERS, repeat=2):
        assert one.agrees(other) is (one.key == other.key)
    assert (
        len({inputs.key for inputs in OTHERS}) == len(OTHERS) - 2
    )  # order of outs, whether all calls were seen
