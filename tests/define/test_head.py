"""The head of a cell: what an entry of ``pivot.yaml`` says, where there is no file."""

from typing import Annotated

import pytest

from pivot.config.supply import ParamSupply
from pivot.define.head import FileSaid, said_beside, stages_from_head, unclaimed_params
from pivot.define.locate import PipelineFile
from pivot.errors import DefinitionErrors
from pivot.loaders import Text
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind
from pivot.outputs import Dep, Metric
from pivot.yamlio import read_yaml

PLACE = Place("Cell In[3]", 2)
REF = ObjectRef("nb_stages", "count")


def count(text: Annotated[str, Dep("a.txt", Text())], variant: str = "") -> Annotated[dict, Metric("n.json")]:
    return {"n": len(text), "variant": variant}


@pytest.fixture
def made(tmp_path):
    """The stages that a head makes."""

    def make(table, name="count", params=None):
        home = PipelineFile(str(tmp_path), "sub/pivot.yaml", "sub", ("sub", "."))
        return stages_from_head(
            count, name, table, ref=REF, place=PLACE, home=home, said=FileSaid(ParamSupply(params))
        )

    return make


def test_a_metric_may_be_named_under_outs_and_cwd_shifts_the_paths(made):
    (stage,) = made({"outs": {"n": "m.json"}, "cwd": "deep", "mutex": ["gpu"]})
    assert [(out.path, out.kind) for out in stage.outs] == [("sub/deep/m.json", OutKind.METRIC)]
    assert (stage.folder, stage.home, stage.mutex, stage.place) == ("sub/deep", "sub", ("gpu",), PLACE)


def test_a_matrix_makes_one_stage_of_each_value(made):
    stages = made({"matrix": {"size": ["s", "l"]}, "outs": {"n": "${size}.json"}})
    assert [(stage.name, stage.out_paths()) for stage in stages] == [
        ("count@s", ("sub/s.json",)),
        ("count@l", ("sub/l.json",)),
    ]


@pytest.mark.parametrize(
    ("table", "messages"),
    [
        ({"matrix": {"size": {"s": {"mutx": []}}}}, ["stage 'count': unknown key 'mutx' (Cell In[3], line 2)"]),
        ({"deps": {"txt": "b.txt"}, "outs": {"n": "/x"}}, ["dep 'txt' is not a parameter", "is absolute"]),
        ({"matrix": {"size": ["s", "l"]}, "deps": {"txt": "b.txt"}}, ["dep 'txt' is not a parameter"]),
        ({"outs": {"n": "${size}.json"}}, ["${size} has no value (Cell In[3], line 2)"]),
    ],
)  # fmt: skip
def test_everything_wrong_is_told_once_with_the_place_of_the_head(made, table, messages):
    with pytest.raises(DefinitionErrors) as raised:
        made(table)
    told = [error.message for error in raised.value.errors]
    assert len(told) == len(messages)
    assert all(any(message in one for one in told) for message in messages)


def test_params_of_stages_that_the_file_itself_names_are_claimed(made, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pivot.yaml").write_text("stages:\n  train:\n    python: lib.train\n")
    home = PipelineFile(str(tmp_path), "sub/pivot.yaml", "sub", ("sub",))
    document = read_yaml("train: {}\ncount: {}\ncuont: {}\n", "params.yaml")
    told = [error.message for error in unclaimed_params(document, home, made({}))]
    assert told == [
        "stage 'count' takes no params (params.yaml:2)",
        "params of 'cuont': no such stage (params.yaml:3)",
    ]


def test_a_cell_has_the_params_and_the_config_of_the_file_beside_it(tmp_path):
    def scaled(by: int, text: str = "") -> Annotated[dict, Metric("n.json")]: ...

    scaled.__qualname__ = "scaled"
    (tmp_path / "pivot.yaml").write_text(
        'stages:\nvars: {n: 3}\nparams: {by: "${n}", mine: 1}\nconfig: [{a: 1}, c.yaml]\n'
    )
    (tmp_path / "c.yaml").write_text("a: 2\n")
    home, errors = PipelineFile(str(tmp_path), "pivot.yaml", ".", (".",)), []
    said = said_beside(home, errors)
    (stage,) = stages_from_head(scaled, "scaled", {}, ref=REF, place=PLACE, home=home, said=said)
    assert errors == []
    assert (stage.params.values, stage.context.config) == ('{"by":3}', '{"a":2}')
    (tmp_path / "c.yaml").unlink()
    said_beside(home, errors)
    assert [str(error) for error in errors] == [
        "config: cannot read c.yaml: No such file or directory (pivot.yaml:4)"
    ]
