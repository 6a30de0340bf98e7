"""`pivot.out_path` inside a stage, in its threads, and outside."""

import pytest

import pivot
from pivot.errors import UsageError
from pivot.loaders import PathOnly
from pivot.model.stage import Returns

NAMED = """
import pivot
def run():
    paths = {{"a": pivot.out_path("a"), "b": pivot.out_path("b")}}
    {body}
    return {{"a": str(paths["a"]), "b": list(map(str, paths["b"]))}}
"""


def outs(bench):
    return [bench.out("v2/a.json", "a"), *bench.outs(["b1.json", "b2.json"], "b")]


def test_it_gives_the_declared_path_and_for_several_a_list(bench):
    bench.run(NAMED.format(body="pass"), outs=outs(bench), returns=Returns.MAPPING)
    assert bench.staged("v2/a.json").read_text() == '"v2/a.json"\n'
    assert bench.staged("b2.json").read_text() == '"b2.json"\n'


def test_a_stage_with_one_output_need_not_name_it(bench):
    text = "import pivot\ndef run(): return [str(pivot.out_path()), str(pivot.out_path('output'))]"
    assert bench.value(text) == ["output.json"] * 2


def test_a_stage_can_write_there_and_return_it(workbench):
    text = """
    import pivot
    def run():
        path = pivot.out_path()
        path.write_text("hello")
        return path
    """
    outs = [workbench.out("deep/er/a.txt", loader=PathOnly())]
    assert workbench.run(text, outs=outs)["deep/er/a.txt"].size == 5


def test_a_folder_has_a_path_like_any_other(bench):
    text = """
    import pivot
    def run():
        (pivot.out_path() / "a").write_text("x")
        return pivot.out_path()
    """
    assert bench.run(text, outs=[bench.out("model/", loader=PathOnly())])["model/"].size == 1


def test_in_another_folder_the_path_is_absolute(bench):
    (bench.folder / "sub").mkdir()
    text = "import os, pivot\ndef run(): os.chdir('sub'); return str(pivot.out_path())"
    assert bench.value(text) == str(bench.folder / "output.json")


def test_threads_of_the_stage_see_it_too(workbench):
    text = """
    import pivot
    from concurrent.futures import ThreadPoolExecutor
    def run():
        with ThreadPoolExecutor(2) as pool:
            return [str(path) for path in pool.map(lambda _: pivot.out_path(), range(3))]
    """
    assert workbench.value(text) == ["output.json"] * 3


def test_a_stage_that_follows_on_the_same_worker_gets_its_own(workbench):
    text = "import os, pivot\ndef run(): return [os.getpid(), str(pivot.out_path())]"
    first = workbench.value(text)
    workbench.run(text, outs=[workbench.out("other.json")])
    assert workbench.staged("other.json").read_text().split() == ["[", f"{first[0]},", '"other.json"', "]"]


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("out_path('metrcs')", "stage 'stage' has no output 'metrcs'", "did you mean 'metrics'?"),
        ("out_path('zzz')", "stage 'stage' has no output 'zzz'", "known: metrics, model"),
        (
            "out_path()",
            "stage 'stage' has 2 outputs, and pivot.out_path() does not say which",
            "give it one of 'metrics', 'model'",
        ),
    ],
)
def test_a_wrong_key_is_told_with_the_way_out(bench, call, message, hint):
    outs = [bench.out("m.json", "metrics"), bench.out("model.json", "model")]
    text = f"import pivot\ndef run(): pivot.{call}"
    failure = bench.failure(text, outs=outs, returns=Returns.MAPPING)
    assert failure.message == f"UsageError: {message} (stages.py:2)"
    assert failure.hint == hint


def test_outside_of_a_stage_it_is_an_error_with_the_way_out():
    with pytest.raises(UsageError, match="works only while a stage runs") as caught:
        pivot.out_path("a")
    assert caught.value.hint is not None


def test_while_a_module_is_imported_no_stage_runs(bench):
    failure = bench.failure("import pivot\nPATH = pivot.out_path()\ndef run(): return 1")
    assert failure.kind == "import"
    assert "works only while a stage runs" in failure.message


def test_after_the_stage_nothing_is_left(bench):
    bench.run("def run(): return 1")
    with pytest.raises(UsageError):
        pivot.out_path()
