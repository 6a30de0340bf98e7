"""What a stage gives: all its outputs in staging, or none and every problem in one message."""

import os
from dataclasses import dataclass, replace

import pytest

from pivot.loaders import JSON, PathOnly, Text
from pivot.model.digest import digest_bytes
from pivot.model.stage import Returns
from pivot.model.tree import TreeEntry, tree_digest


def test_each_of_several_values_goes_to_its_path(bench):
    outs = bench.outs(["a.json", "sub/b.json"])
    states = bench.run("def run(): return (1, 2)", outs=list(reversed(outs)))
    assert [bench.staged(path).read_text() for path in ("a.json", "sub/b.json")] == ["1\n", "2\n"]
    assert {path: state.digest for path, state in states.items()} == {
        "a.json": digest_bytes(b"1\n"),
        "sub/b.json": digest_bytes(b"2\n"),
    }


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[1]", "returned 1 value for 'output', which has 2 paths (a.json, b.json)"),
        ("(1, 2, 3)", "returned 3 values for 'output', which has 2 paths (a.json, b.json)"),
        ("'ab'", "returned a str for 'output' instead of a list of 2 values (a.json, b.json)"),
        ("None", "returned None for 'output' instead of a list of 2 values (a.json, b.json)"),
    ],
)
def test_another_number_of_values_is_refused_before_anything_is_written(bench, value, problem):
    failure = bench.failure(f"def run(): return {value}", outs=bench.outs(["a.json", "b.json"]))
    assert failure.message == f"stage 'stage' {problem}"
    assert not bench.staged("a.json").parent.exists()


def test_files_that_the_stage_writes_itself_may_be_several(bench):
    text = """
    from pathlib import Path
    def run():
        paths = [Path("a.txt"), Path("b.txt")]
        for path in paths: path.write_text(path.stem)
        return paths
    """
    outs = bench.outs(["a.txt", "b.txt"], loader=PathOnly())
    assert bench.run(text, outs=outs)["b.txt"].digest == digest_bytes(b"b")
    failure = bench.failure(text.replace("return paths", "return paths[::-1]"), outs=outs)
    assert "returned 'b.txt' for 'output', but 'a.txt' is declared" in failure.message


def test_a_dict_becomes_the_files_of_a_folder(bench):
    states = bench.run(
        "def run(): return {'z.json': 1, 'a/b.json': 'x', './c.json': 3}", outs=[bench.out("results/")]
    )
    staged = bench.staged("results/")
    files = {str(path.relative_to(staged)): path.read_bytes() for path in staged.rglob("*") if path.is_file()}
    assert files == {"z.json": b"1\n", "a/b.json": b'"x"\n', "c.json": b"3\n"}
    entries = tuple(TreeEntry(name, digest_bytes(data), len(data)) for name, data in sorted(files.items()))
    state = states["results/"]
    assert (state.entries, state.digest) == (entries, tree_digest(entries))
    assert (state.size, state.executable, state.content) == (8, False, None)


def test_an_empty_dict_becomes_an_empty_folder(bench):
    state = bench.run("def run(): return {}", outs=[bench.out("results/")])["results/"]
    assert list(bench.staged("results/").iterdir()) == []
    assert (state.entries, state.size, state.digest) == ((), 0, tree_digest(()))


def test_any_mapping_will_do(bench):
    text = "import types\ndef run(): return types.MappingProxyType({'a.json': 1})"
    bench.run(text, outs=[bench.out("results/")])
    assert (bench.staged("results/") / "a.json").read_text() == "1\n"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[1]", "returned a list for 'output' instead of a dict from file name to value"),
        ("{'a': 1}", "returned keys for 'output' that cannot be files: 'a' has no extension"),
        (
            "{'../a.json': 1, '/b.json': 2, 'A.json': 3, 'a.json': 4}",
            (
                "returned keys for 'output' that cannot be files: '../a.json' leads out of the folder with '..'; "
                "'/b.json' is absolute; 'A.json' and 'a.json' are one name in some file systems"
            ),
        ),
    ],
)
def test_wrong_keys_are_told_all_at_once_before_anything_is_written(bench, value, problem):
    failure = bench.failure(f"def run(): return {value}", outs=[bench.out("results/")])
    assert failure.message == f"stage 'stage' {problem}"
    assert not bench.staged("results/").parent.exists()


def test_of_very_many_wrong_keys_some_are_told(bench):
    failure = bench.failure("def run(): return dict.fromkeys(map(str, range(25)))", outs=[bench.out("out/")])
    assert failure.message.endswith("; and 15 more")


def test_the_problems_of_all_outputs_are_in_one_message(bench):
    outs = [
        bench.out("a.json", "a"),
        *bench.outs(["b.json", "c.json"], "parts"),
        bench.out("d/", "folder"),
        bench.out("own.txt", "own", PathOnly()),
    ]
    body = "def run(): return {'parts': [1], 'folder': {'x': 1}, 'own': 'own.txt', 'more': 1}"
    failure = bench.failure(body, outs=outs, returns=Returns.MAPPING)
    assert failure.message == (
        "stage 'stage' did not return 'a'; returned 'more', which no output declares; "
        "returned 1 value for 'parts', which has 2 paths (b.json, c.json); "
        "returned keys for 'folder' that cannot be files: 'x' has no extension; did not write 'own.txt'"
    )
    assert failure.hint == "its outputs are 'a', 'folder', 'own', 'parts'"


def test_a_value_that_one_file_of_a_folder_cannot_hold_leaves_nothing(bench):
    outs = [bench.out("a.json", "a"), bench.out("d/", "d"), bench.out("e.json", "e")]
    body = "def run(): return {'a': 1, 'd': {'x.json': 1, 'y.json': object()}, 'e': 1}"
    failure = bench.failure(body, outs=outs, returns=Returns.MAPPING)
    assert failure.message.startswith("output 'd' (d/y.json): JSON cannot save an object")
    assert list(bench.staged("a.json").parent.iterdir()) == []


@dataclass(frozen=True)
class Chatty:
    """Writes a second file beside the first."""

    def save(self, value, path):
        for name in (path, f"{path}.index"):
            with open(name, "w") as file:
                file.write(value)


def test_a_loader_that_writes_more_than_its_file_is_refused(bench):
    failure = bench.failure("def run(): return {'a.txt': 'x'}", outs=[bench.out("d/", loader=Chatty())])
    assert "wrote 'a.txt.index', which no key names" in failure.message
    assert not bench.staged("d/").exists()


OWN = """
import os, pathlib
def run():
    folder = pathlib.Path("model")
    assert list(folder.iterdir()) == []
    {body}
    return folder
"""


def own(bench):
    return [bench.out("model/", loader=PathOnly())]


def test_a_folder_that_the_stage_fills_itself_is_there_and_described(bench):
    body = """(folder / "deep").mkdir(); (folder / "empty").mkdir()
    (folder / "deep/weights").write_bytes(b"abc"); (folder / "run.sh").write_text("x")
    (folder / "run.sh").chmod(0o755); (folder / "latest").symlink_to("deep")"""
    state = bench.run(OWN.format(body=body), outs=own(bench))["model/"]
    assert state.entries == (
        TreeEntry("deep/weights", digest_bytes(b"abc"), 3),
        TreeEntry("latest/weights", digest_bytes(b"abc"), 3),
        TreeEntry("run.sh", digest_bytes(b"x"), 1, executable=True),
    )
    assert (state.size, state.digest) == (7, tree_digest(state.entries))
    assert (bench.folder / "model/deep/weights").exists()


@pytest.mark.parametrize("path", ["model", "model/", "./model"])
def test_the_path_of_a_folder_may_be_returned_in_any_spelling(bench, path):
    bench.run(f"def run(): return {path!r}", outs=own(bench))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("(folder / 'a').symlink_to('/etc/hostname')", "'a' is a symbolic link that leads out of it"),
        ("(folder / 'a').symlink_to('..')", "'a' is a symbolic link to a folder around it"),
        ("(folder / 'a').symlink_to('.')", "'a' is a symbolic link to a folder around it"),
        ("(folder / 'a').symlink_to('/')", "'a' is a symbolic link to a folder around it"),
        ("(folder / 'a').symlink_to('../..')", "'a' is a symbolic link to a folder around it"),
        ("(folder / 'a').symlink_to('/usr')", "'a' is a symbolic link that leads out of it"),
        ("(folder / 'a').symlink_to('b')", "'a' is a symbolic link to nothing"),
        ("os.mkfifo(folder / 'a')", "'a' is no file, but a pipe, socket or device"),
        ("open(os.fsencode(folder) + b'/\\xff', 'w').close()", "'\\udcff' has a name that is not UTF-8"),
    ],
)
def test_what_cannot_be_kept_of_a_folder_is_refused(bench, body, problem):
    failure = bench.failure(OWN.format(body=body), outs=own(bench))
    assert failure.message == f"stage 'stage' left in 'model/' what cannot be kept: {problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def run(): return 'other'", "returned 'other' for 'output', but 'model/' is declared"),
        ("def run(): return None", "returned None for 'output' instead of the path 'model/'"),
        ("import os\ndef run(): os.rmdir('model'); return 'model'", "did not write 'model/'"),
        (
            "import os\ndef run(): os.rmdir('model'); open('model', 'w').close(); return 'model'",
            "left something at 'model/' that is not a folder",
        ),
        (
            "import os\ndef run(): os.rmdir('model'); os.symlink('/etc', 'model'); return 'model'",
            "left something at 'model/' that is not a folder",
        ),
    ],
)
def test_a_folder_must_be_where_it_is_declared(bench, text, problem):
    assert bench.failure(text, outs=own(bench)).message == f"stage 'stage' {problem}"


def test_a_plain_stage_returns_nothing_and_its_folder_counts(bench):
    text = "def run(): open('model/a', 'w').close()"
    outs = [bench.out("model/", "model/", PathOnly()), bench.out("log.txt", "log.txt", PathOnly())]
    failure = bench.failure(text, outs=outs, returns=Returns.NOTHING)
    assert failure.message == "stage 'stage' did not write 'log.txt'"
    text = "def run(): open('model/a', 'w').close(); open('log.txt', 'w').close()"
    states = bench.run(text, outs=outs, returns=Returns.NOTHING)
    assert [entry.path for entry in states["model/"].entries] == ["a"]


def test_a_declared_path_behind_a_symbolic_link_is_the_declared_one(bench):
    (bench.folder / "store").mkdir()
    (bench.folder / "a.txt").symlink_to("store/a.txt")
    out = bench.out("a.txt", loader=PathOnly())
    out = replace(out, target=os.path.realpath(out.target))
    text = "import pathlib\ndef run(): pathlib.Path('a.txt').write_text('x'); return 'a.txt'"
    assert bench.run(text, outs=[out])["a.txt"].size == 1


def test_values_survive_the_way_from_a_real_worker(workbench):
    outs = [*workbench.outs(["a.txt", "b.txt"], "parts", Text()), workbench.out("d/", "d", JSON())]
    states = workbench.run(
        "def run(): return {'parts': ['x', 'y'], 'd': {'é.json': 1}}", outs=outs, returns=Returns.MAPPING
    )
    assert [entry.path for entry in states["d/"].entries] == ["é.json"]
    assert states["b.txt"].digest == digest_bytes(b"y")
