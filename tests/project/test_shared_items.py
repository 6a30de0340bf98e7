"""What a colleague need not run again: the items of mapped stages, and keys, after a push and a pull."""

import pytest

from pivot.project import Project, initialize

STAGES = """
import os

import pivot


def fetch(city):
    print("fetches", city)
    if os.path.exists(f"{city}.down"):
        raise OSError(city)
    pivot.store.put(city, len(city), namespace="size")
    return {"city": city}


def summary(fetched):
    return pivot.store.get("unit") + str(len(fetched))
"""
PIPELINE = """
stages:
  fetch:
    python: stages.fetch
    map: params.cities
    params: {cities: [oslo, rome, lima]}
  summary:
    python: stages.summary
    depends_on: fetch
"""


@pytest.fixture
def team(tmp_path):
    """Two folders of one project, and a remote beside them."""
    both = []
    for name in ("mine", "yours"):
        path = tmp_path / name
        path.mkdir()
        initialize(str(path))
        (path / "stages.py").write_text(STAGES)
        (path / "pivot.yaml").write_text(PIPELINE)
        (path / ".pivot/config.yaml").write_text("remotes:\n  shared: ../shared\n")
        both.append(path)
    (tmp_path / "shared").mkdir()
    return both


def put(path, monkeypatch, *pair):
    monkeypatch.chdir(path)
    import pivot

    pivot.store.put(*pair)


def test_a_pull_brings_items_their_keys_and_those_of_people_so_that_nothing_runs(team, monkeypatch):
    mine, yours = team
    put(mine, monkeypatch, "unit", "km ")
    with Project(str(mine)) as project:
        assert project.repro().ok
        assert project.push().ok
        assert project.push().transferred.moved == 0
    with Project(str(yours)) as project:
        pulled = project.pull()
        assert (pulled.ok, pulled.notices) == (True, ())
        assert project.repro().executed == ()
        assert project.load("summary") == "km 3"
    monkeypatch.chdir(yours)
    import pivot

    assert pivot.store.get("oslo", "size") == 4
    assert pivot.store.get("unit") == "km "


def test_of_a_mapped_stage_that_failed_a_colleague_runs_what_is_left(team, monkeypatch):
    mine, yours = team
    put(mine, monkeypatch, "unit", "km ")
    (mine / "rome.down").touch()
    with Project(str(mine)) as project:
        assert not project.repro().ok
        assert project.push().unknown == ("fetch", "summary")
    with Project(str(yours)) as project:
        pulled = project.pull()
        assert (pulled.transferred.failed, pulled.unknown) == ((), ("fetch", "summary"))
        assert project.repro().executed == ("fetch", "summary")
        assert project.log("fetch") == "fetches rome\n"
        assert project.load("fetch") == [{"city": city} for city in ("oslo", "rome", "lima")]
