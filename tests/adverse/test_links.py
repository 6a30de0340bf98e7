"""Symbolic links that lead in circles or nowhere, and what is neither file nor folder: found, named, and no trap."""

import os

import pytest

from pivot.store.contents import contents


def circle(path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [circle, lambda path: path.symlink_to("nowhere")], ids=["circle", "nowhere"])
def test_a_dep_that_is_a_link_to_nothing_is_named_before_anything_runs(kinds, make):
    (kinds.path / "in.txt").unlink()
    make(kinds.path / "in.txt")
    done = kinds.pivot("repro")
    assert done.code == 1
    assert "stage 'file': dep 'text': in.txt is a symbolic link that leads nowhere (pivot.yaml:2)" in done.err
    assert "did you mean 'in.txt'" not in done.err
    assert "hint: put the file there" in done.err
    assert kinds.held() == {}
    done = kinds.pivot("status")
    assert (done.code, done.err) == (0, "")
    (kinds.path / "in.txt").unlink()
    kinds.edit("one")
    assert kinds.pivot("repro").code == 0


def test_outputs_take_the_place_of_links_that_lead_in_circles(kinds, expected, every):
    names = ["file.txt", "x.txt", "own.txt", "state.json", "metric.json", "uncached.txt", "plot.json"]
    for name in names:
        circle(kinds.path / name)
    assert kinds.outcomes() == every("ran")
    assert kinds.held() == expected("one")
    for name in names:
        circle(kinds.path / name)
    assert kinds.outcomes() == every("unchanged") | dict.fromkeys(
        ("file", "several", "own", "state", "metric", "uncached", "plot"), "restored"
    )
    assert kinds.held() == expected("one")


def test_a_cache_behind_a_link_that_leads_in_a_circle_is_an_error_with_the_way_out(kinds, expected):
    kinds.make("one", "{}\n")
    circle(kinds.path / ".pivot/cache")
    done = kinds.pivot("repro", "--keep-going")
    assert done.code == 1
    assert "--- own failed ---\ncannot write " in done.out
    assert "Too many levels of symbolic links\nhint: a symbolic link on the way leads in a circle" in done.out
    assert kinds.pivot("gc").err.count("leads in a circle") == 1
    assert kinds.held() == {}
    assert [path for path in kinds.leftovers() if ".pivot-" in path] == []
    (kinds.path / ".pivot/cache").unlink()
    assert kinds.pivot("repro").code == 0
    assert kinds.held() == expected("one")


def test_in_a_folder_that_is_a_dep_links_to_nothing_pipes_and_circles_do_not_count(kinds):
    (kinds.path / "stages.py").write_text(
        "from typing import Annotated\nimport pivot\nfrom pivot.loaders import Text\n"
        "def f(d: Annotated[dict, pivot.Dep('data/', Text())]) -> Annotated[str, pivot.Out('f.txt', Text())]:\n"
        "    return repr(d)\n"
    )
    (kinds.path / "pivot.yaml").write_text("stages:\n  f: { python: stages.f }\n")
    data = kinds.path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a.txt").write_text("a")
    (data / "sub/up").symlink_to("..")
    circle(data / "circle")
    (data / "gone").symlink_to("nowhere")
    os.mkfifo(data / "pipe")
    assert kinds.outcomes() == {"f": "ran"}
    assert (kinds.path / "f.txt").read_text() == "{'a.txt': 'a'}"
    assert dict(contents(str(data)).broken) == {
        "circle": "is a symbolic link to nothing",
        "gone": "is a symbolic link to nothing",
        "pipe": "is no file, but a pipe, socket or device",
        "sub/up": "is a symbolic link to a folder around it",
    }
    (data / os.fsdecode(b"\xe9.txt")).touch()
    done = kinds.pivot("repro")
    assert done.code == 1
    assert "has a name that is not UTF-8\nhint: rename it" in done.out
    assert "--- f failed ---" in done.out
