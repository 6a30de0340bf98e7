"""Folders between stages: each sees the files that will be there, and only those that count."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SPLIT = """

def split(text: Annotated[str, pivot.Dep("in.txt", Text())]
          ) -> Annotated[dict, pivot.DirectoryOut("parts/", Text(), cache=CACHE)]:
    return {f"{word}.txt": word for word in text.split()}


def whole(parts: Annotated[dict, pivot.Dep("parts/", Text())]) -> Annotated[str, pivot.Out("whole.txt", Text())]:
    return " ".join(f"{name}={text}" for name, text in parts.items())


def one(a: Annotated[str, pivot.Dep("parts/a.txt", Text())]) -> Annotated[str, pivot.Out("one.txt", Text())]:
    return a
"""


def define(folder, code, *names):
    folder.functions += textwrap.dedent(code)
    folder.write("stages.py", folder.functions)
    folder.yaml += "".join(f"  {name}: {{ python: stages.{name} }}\n" for name in names)
    folder.write("pivot.yaml", folder.yaml)


@pytest.fixture
def parts(folder, request):
    cache = getattr(request, "param", True)
    define(folder, SPLIT.replace("CACHE", str(cache)), "split", "whole", "one")
    folder.write("in.txt", "a b")
    return folder


def files(root):
    return sorted(str(p.relative_to(root)) for p in Path(root).rglob("*") if p.is_file())


@pytest.mark.parametrize("parts", [True, False], indirect=True, ids=["cached", "not cached"])
def test_readers_of_a_folder_and_of_a_file_in_it_run_only_for_what_they_read(parts):
    assert parts.outcomes() == {"split": "ran", "whole": "ran", "one": "ran"}
    assert (parts.read("whole.txt"), parts.read("one.txt")) == ("a.txt=a b.txt=b", "a")
    assert set(parts.outcomes().values()) == {"unchanged"}
    parts.write("in.txt", "a c")
    assert parts.outcomes() == {"split": "ran", "whole": "ran", "one": "unchanged"}
    assert files(parts.path / "parts") == ["a.txt", "c.txt"]
    assert parts.read("whole.txt") == "a.txt=a c.txt=c"


def test_readers_are_judged_by_the_folder_that_will_be_restored(parts, statuses):
    parts.repro()
    parts.write("in.txt", "a c")
    parts.repro()
    parts.write("in.txt", "a b")
    assert statuses(parts) == {"split": "restore", "whole": "restore", "one": "unchanged"}
    for path in (parts.path / "parts").iterdir():
        path.unlink()
    assert statuses(parts) == {"split": "restore", "whole": "restore", "one": "unchanged"}
    assert parts.outcomes() == statuses_as_outcomes("restored", "restored", "unchanged")
    assert files(parts.path / "parts") == ["a.txt", "b.txt"]


def statuses_as_outcomes(*outcomes):
    return dict(zip(("split", "whole", "one"), outcomes, strict=True))


def test_a_file_that_the_folder_no_longer_has_is_an_error_that_names_its_stage(parts):
    parts.repro()
    parts.write("in.txt", "b")
    run, _ = parts.repro()
    assert "parts/a.txt does not exist; stage 'split' did not write it" in run.stages["one"].reason


@pytest.mark.parametrize("parts", [False], indirect=True)
def test_an_uncached_folder_that_was_altered_is_made_again(parts):
    parts.repro()
    (parts.path / "parts/a.txt").write_text("mine")
    run, events = parts.repro()
    assert str(run.stages["split"].outcome) == "ran"
    assert any("'a.txt' was not as Pivot had left it" in getattr(event, "text", "") for event in events)
    assert (parts.path / "parts/a.txt").read_text() == "a"


def test_a_killed_writer_is_undone_before_the_next_status(parts, statuses):
    parts.repro()
    (parts.path / "parts" / ".pivot-new.x").mkdir()
    assert statuses(parts) == {"split": "unchanged", "whole": "unchanged", "one": "unchanged"}


MANY = """

def write_a() -> Annotated[str, pivot.Out("data/a.tmp", Text())]:
    return "a"


def write_b() -> Annotated[dict, pivot.DirectoryOut("data/b/", Text())]:
    return {"1.tmp": "b1", "2.txt": "b2"}


def read(data: Annotated[dict, pivot.Dep("data/", Text())]) -> Annotated[dict, pivot.Out("read.json", pivot.loaders.JSON())]:
    return data


def own_way(data: Annotated[Path, pivot.Dep("data/", PathOnly())]) -> Annotated[str, pivot.Out("own.txt", Text())]:
    return " ".join(sorted(str(p.relative_to(data)) for p in data.rglob("*") if p.is_file()))
"""


@pytest.fixture
def many(folder):
    define(folder, MANY, "write_a", "write_b", "read", "own_way")
    (folder.path / "data").mkdir()
    folder.write("data/by_hand.txt", "x")
    folder.write(".pivotignore", "*.tmp\n")
    return folder


def test_a_folder_holds_what_several_stages_write_and_what_a_person_put_there(many):
    assert set(many.outcomes().values()) == {"ran"}
    found = {"a.tmp": "a", "b/1.tmp": "b1", "b/2.txt": "b2", "by_hand.txt": "x"}
    assert json.loads(many.read("read.json")) == found, "what stages write is never ignored"
    assert set(many.outcomes().values()) == {"unchanged"}


@pytest.mark.parametrize(
    ("name", "reader"),
    [("data/new.txt", "ran"), ("data/noise.tmp", "unchanged"), ("data/.pivotignore", "unchanged")],
)
def test_files_that_come_make_readers_run_unless_they_are_ignored(many, name, reader):
    many.repro()
    many.write(name, "")
    outcomes = many.outcomes()
    assert (outcomes["read"], outcomes["own_way"]) == (reader, reader)
    assert outcomes["write_b"] == "unchanged"


def test_what_will_be_restored_is_seen_among_what_is_there(many, statuses):
    many.repro()
    (many.path / "data/a.tmp").unlink()
    (many.path / "data/b/2.txt").write_text("altered")
    assert statuses(many) == {
        "write_a": "restore",
        "write_b": "restore",
        "read": "unchanged",
        "own_way": "unchanged",
    }
    many.write("data/new.txt", "")
    assert statuses(many)["read"] == "run"


def test_a_folder_that_changes_while_its_reader_runs_spoils_the_result(folder, until):
    code = """

    def slow(data: Annotated[dict, pivot.Dep("data/", Text())]) -> Annotated[str, pivot.Out("slow.txt", Text())]:
        meet("slow")
        return "".join(data)
    """
    define(folder, code, "slow")
    (folder.path / "data").mkdir()
    folder.write("data/1.txt", "1")
    process = folder.start("repro")
    until((folder.path.parent / "slow.here").exists)
    folder.write("data/2.txt", "2")
    (folder.path.parent / "slow.go").touch()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "data/ changed while the stage ran" in out
    assert not folder.exists("slow.txt")


WRONG = {
    "a folder": ('pivot.Dep("data", Text())', "dep data is a folder", "write 'data/'"),
    "a file": ('pivot.Dep("in.txt/", Text())', "dep in.txt/ is a file", "write 'in.txt'"),
}


@pytest.mark.parametrize(("dep", "message", "hint"), WRONG.values(), ids=WRONG)
def test_a_dep_of_the_wrong_kind_is_an_error_with_the_path_to_write(folder, dep, message, hint):
    from pivot.errors import DefinitionErrors

    code = f"""

    def take(x: Annotated[object, {dep}]) -> Annotated[str, pivot.Out("x.txt", Text())]:
        return ""
    """
    define(folder, code, "take")
    (folder.path / "data").mkdir()
    folder.write("in.txt", "x")
    with pytest.raises(DefinitionErrors) as caught:
        folder.repro()
    (error,) = caught.value.errors
    assert message in error.message
    assert "pivot.yaml:2" in error.message
    assert error.hint == hint


def test_a_folder_is_loaded_as_a_dict_from_the_workspace_or_the_cache(parts):
    from pivot.project import Project

    parts.repro()
    for _ in range(2):
        with Project(str(parts.path)) as project:
            assert project.load("split") == {"a.txt": "a", "b.txt": "b"}
        (parts.path / "parts/a.txt").unlink(missing_ok=True)


def test_several_paths_are_loaded_as_a_list(folder):
    from pivot.project import Project

    code = """

    def two() -> Annotated[list, pivot.Out(["2.txt", "1.txt"], Text())]:
        return ["a", "b"]
    """
    define(folder, code, "two")
    folder.repro()
    with Project(str(folder.path)) as project:
        assert project.load("two") == ["a", "b"]


def test_a_command_in_a_folder_that_is_gone_says_how_to_get_back(folder):
    (folder.path / "gone").mkdir()
    script = 'cd gone && rmdir ../gone && exec "$0" -m pivot status'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], cwd=folder.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'the current folder is gone; if there is a new one: cd "$PWD"' in done.stderr


def test_a_folder_that_changed_is_explained_file_by_file(folder):
    from pivot.project import Project

    code = """

    def take(data: Annotated[dict, pivot.Dep("data/", Text())]) -> Annotated[dict, pivot.DirectoryOut("out/", Text())]:
        return dict(data)
    """
    define(folder, code, "take")
    (folder.path / "data").mkdir()
    for name in ("gone", "same", "edited"):
        folder.write(f"data/{name}.txt", name)
    folder.repro()

    def diffs():
        with Project(str(folder.path)) as project:
            (found,) = project.explain()
        return {detail.change.name: detail.diff for detail in found.details}

    folder.write("out/same.txt", "by hand")
    assert diffs() == {"out/": ("- same.txt", "+ same.txt")}
    folder.write("data/edited.txt", "edited now")
    folder.write("data/new.txt", "new")
    (folder.path / "data/gone.txt").unlink()
    assert diffs() == {"data/": ("- edited.txt", "+ edited.txt", "- gone.txt", "+ new.txt")}
