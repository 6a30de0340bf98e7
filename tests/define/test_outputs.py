"""The words that users annotate with, and the metrics of all kinds."""

import dataclasses
import inspect
import pickle

import pytest

from pivot import loaders, outputs
from pivot.model.stage import OutKind
from pivot.outputs import Dep, DirectoryOut, IncrementalOut, Metric, Out, Plot

WORDS = [
    Dep("a.csv"),
    Dep(["a.csv", "b.csv"], loaders.CSV()),
    Out("a.csv", loaders.CSV()),
    Out(["a.json", "b.json"], loaders.JSON(), cache=False),
    Metric("m.json"),
    Plot("p.csv", loaders.CSV(), x="t", y="v", template="bars"),
    IncrementalOut("s.json", loaders.JSON()),
    DirectoryOut("d/", loaders.YAML(), cache=False),
]


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_a_word_is_frozen_hashable_and_picklable(word):
    assert pickle.loads(pickle.dumps(word)) == word
    assert hash(pickle.loads(pickle.dumps(word))) == hash(word)
    with pytest.raises(dataclasses.FrozenInstanceError):
        word.path = "other"


def test_a_list_of_paths_is_frozen_too():
    paths = ["a.csv", "b.csv"]
    word = Out(paths)
    paths.append("c.csv")
    assert word.path == ("a.csv", "b.csv")
    assert word == Out(("a.csv", "b.csv"))


@pytest.mark.parametrize(
    ("word", "cached", "loader"),
    [
        (Out("a.csv"), True, None),
        (Metric("m.json"), False, loaders.JSON()),
        (Plot("p.png"), True, None),
        (IncrementalOut("s.json"), True, None),
        (DirectoryOut("d/"), True, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_defaults_are_those_of_the_page(word, cached, loader):
    assert (word.cache, word.loader) == (cached, loader)


def test_the_loader_is_the_second_argument_of_every_word_and_called_loader():
    for word in (Dep, Out, Metric, Plot, IncrementalOut, DirectoryOut):
        assert list(inspect.signature(word).parameters)[:2] == ["path", "loader"]


def test_the_words_take_the_types_of_their_values():
    assert str(Out[int]).endswith("Out[int]")
    assert str(Dep[list[str]]).endswith("Dep[list[str]]")
    assert {"Dep", "Out", "Metric", "Plot", "IncrementalOut", "DirectoryOut"} <= set(outputs.__all__)


METRICS = {
    "alone": ("Metric('m.json')", "JSON", "", False),
    "loader of its own": ("Metric('m.yaml', loaders.YAML())", "YAML", "", False),
    "options": ("Metric('m.json', loaders.JSON(indent=None))", "JSON", "indent=None", False),
    "cached": ("Metric('m.json', cache=True)", "JSON", "", True),
    "inferred on request": ("Metric('m.csv', None)", "CSV", "", False),
}


@pytest.mark.parametrize("case", METRICS)
def test_a_metric_is_json_beside_the_cache_unless_it_says_otherwise(project, case):
    code, loader, options, cache = METRICS[case]
    project.write(
        "pipeline.py",
        "from typing import Annotated\nimport pandas as pd\nimport pivot\nfrom pivot import Metric, loaders\n"
        f"@pivot.stage\ndef f() -> Annotated[pd.DataFrame, {code}]: ...\n",
    )
    (out,) = project.stage("pipeline.py").outs
    assert (out.kind, out.loader.name, out.loader.options, out.cache) == (
        OutKind.METRIC,
        f"pivot.loaders.{loader}",
        options,
        cache,
    )


def test_a_loader_that_cannot_write_is_refused_in_every_output(project):
    project.write(
        "pipeline.py",
        """
        from typing import Annotated, TypedDict
        import pivot
        from pivot import DirectoryOut, Metric, Out, Plot, loaders

        class Reads(loaders.Reader[dict]):
            def load(self, path): return {}

        class Outs(TypedDict):
            a: Annotated[dict, Out("a", Reads())]
            b: Annotated[dict, Metric("b", Reads())]
            c: Annotated[dict, Plot("c", Reads())]
            d: Annotated[dict, DirectoryOut("d/", Reads())]
            e: Annotated[list, Out(["e", "f"], Reads())]

        @pivot.stage
        def work() -> Outs: ...
        """,
    )
    errors = project.errors("pipeline.py")
    assert [error.split("(")[0].strip() for error in errors] == [
        f"stage 'work': out '{name}': loader Reads cannot write" for name in "abcdee"
    ]
