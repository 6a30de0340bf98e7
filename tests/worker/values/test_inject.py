"""What a stage gets: the values of its deps in every form, and what it wrote last."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from pivot.loaders import CSV, JSON, PathOnly, Text


def test_the_values_of_several_paths_come_as_a_list_in_their_order(bench):
    for name in "abc":
        bench.write(f"{name}.json", json.dumps(name))
    deps = [bench.dep(f"{name}.json", index=index) for index, name in ((2, "a"), (0, "b"), (1, "c"))]
    assert bench.value("def run(data): return data", deps=deps) == ["b", "c", "a"]


def test_one_path_in_a_list_gives_a_list(bench):
    bench.write("a.json", "1")
    assert bench.value("def run(data): return data", deps=[bench.dep("a.json", index=0)]) == [1]


def test_a_folder_comes_as_a_dict_from_inner_path_to_value(bench):
    for name in ("b.json", "a/z.json", "a/b/c.json"):
        bench.write(f"data/{name}", json.dumps(name))
    bench.write("data/.pivot-new.x/half.json", "{")
    (bench.folder / "data/empty").mkdir()
    found = bench.value("def run(data): return list(data.items())", deps=[bench.dep("data/")])
    assert found == [[name, name] for name in ("a/b/c.json", "a/z.json", "b.json")]


def test_of_a_folder_only_the_files_that_count_are_loaded(bench):
    bench.write("data/a.json", "1")
    bench.write("data/notes.md", "not JSON")
    deps = [bench.dep("data/", files=("a.json",))]
    assert bench.value("def run(data): return data", deps=deps) == {"a.json": 1}


def test_with_path_only_a_folder_comes_as_its_path(bench):
    bench.write("data/a.json", "1")
    body = "def run(data): return [str(data), sorted(p.name for p in data.iterdir())]"
    found = bench.value(body, deps=[bench.dep("data/", loader=PathOnly())])
    assert found == [str(bench.folder / "data"), ["a.json"]]


def test_a_file_of_a_folder_that_cannot_be_loaded_is_named(bench):
    bench.write("data/good.json", "1")
    bench.write("data/sub/bad.json", "{")
    failure = bench.failure("def run(data): return data", deps=[bench.dep("data/")])
    assert failure.kind == "load"
    assert failure.message.startswith("dep 'data' (data/sub/bad.json): JSONDecodeError")


def test_a_folder_that_is_not_there_is_named_with_the_way_out(bench):
    failure = bench.failure("def run(data): return data", deps=[bench.dep("data/")])
    assert failure.message.startswith("dep 'data' (data/): FileNotFoundError")
    assert failure.hint == "make the folder, or let a stage declare it as its output"


def test_links_to_files_and_folders_are_followed_and_circles_end(bench):
    bench.write("elsewhere/deep/x.json", "1")
    bench.write("data/a.json", "2")
    (bench.folder / "data/linked").symlink_to(bench.folder / "elsewhere")
    (bench.folder / "elsewhere/deep/round").symlink_to(bench.folder / "data")
    (bench.folder / "data/dangling.json").symlink_to("nowhere")
    found = bench.value("def run(data): return data", deps=[bench.dep("data/")])
    assert found == {"a.json": 2, "linked/deep/x.json": 1}


def test_the_first_run_of_an_incremental_stage_gets_the_empty_value(bench):
    out = bench.out("output.json", argument="state")
    assert bench.value("def run(state): return [*state, 'new']", outs=[out]) == ["new"]


def test_a_later_run_gets_what_was_written_last(bench):
    last = bench.write("kept/output.json", '["old"]')
    out = bench.out("output.json", argument="state", previous=str(last))
    assert bench.value("def run(state): return [*state, 'new']", outs=[out]) == ["old", "new"]
    assert last.read_text() == '["old"]'


def test_a_stage_that_writes_its_incremental_file_itself_gets_the_path(bench):
    bench.write("log.txt", "old\n")
    out = bench.out("log.txt", loader=PathOnly(), argument="log", previous=str(bench.folder / "log.txt"))
    text = """
    def run(log):
        with log.open("a") as file: file.write("new\\n")
        return log
    """
    bench.run(text, outs=[out])
    assert (bench.folder / "log.txt").read_text() == "old\nnew\n"


def test_a_last_value_that_cannot_be_loaded_is_named_with_the_way_out(bench):
    last = bench.write("kept/output.json", "{")
    out = bench.out("output.json", "cache", argument="state", previous=str(last))
    failure = bench.failure("def run(state): return state", outs=[out])
    assert failure.message.startswith("the last value of 'cache' (output.json): JSONDecodeError")
    assert failure.hint == "if it is of no use any more, give the output another path: there it begins anew"


@dataclass(frozen=True)
class Half:
    """Reads and writes, but knows no value to begin with."""

    def load(self, path): ...
    def save(self, value, path): ...


def test_a_loader_that_knows_no_empty_value_says_what_to_add(bench):
    out = bench.out("state.bin", "cache", loader=Half(), argument="state")
    failure = bench.failure("def run(state): return state", outs=[out])
    assert failure.message.startswith("the first value of 'cache' (state.bin): AttributeError")
    assert failure.hint == "give Half a method empty() that returns what the first run begins with"


def test_the_variant_is_passed_as_it_was_written(bench):
    assert bench.value("def run(variant): return variant", variant='{"size": 3}') == {"size": 3}


@pytest.mark.parametrize(("name", "loader"), [("a.txt", Text()), ("a.csv", CSV()), ("a.json", JSON())])
def test_any_loader_reads_the_files_of_a_folder(workbench, name, loader):
    workbench.write(f"data/{name}", "1")
    found = workbench.value("def run(data): return list(data)", deps=[workbench.dep("data/", loader=loader)])
    assert found == [name]


def test_a_path_with_unusual_characters_is_an_inner_path_like_any_other(bench):
    name = "ünï cödé\nline/a b.json"
    bench.write(f"data/{name}", "1")
    assert bench.value("def run(data): return data", deps=[bench.dep("data/")]) == {name: 1}
    assert Path(bench.folder, "data", name).exists()
