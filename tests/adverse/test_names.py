"""Names with spaces, line breaks, other alphabets, and bytes that are no text, for every kind of dep and out."""

import shutil

import pytest

ENDS = {
    "spaces, quotes, words of YAML and the shell": '  it\'s "a" #- {x}: &y z | > $(x) `y` %41 ~ !',
    "other alphabets, and two ways to write a letter": " Žluť ☃ 数据 e\u0301\u00e9",
    "line breaks and tabs": "two\nlines\tand\r",
}


@pytest.fixture
def named(kinds, tmp_path):
    """Makes the project with an end of all names."""

    def make(end: str):
        return type(kinds)(tmp_path / "named", end=end).make("one")

    return make


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_every_kind_of_file_may_have_any_name_that_is_text(named, expected, every, end: str):
    project = named(end)
    assert project.pivot("remote", "add", "share", "../share").code == 0
    assert project.outcomes() == every("ran")
    assert project.held() == expected("one", end)
    assert project.state() == ["one"]
    assert project.outcomes() == every("unchanged")
    for words in (
        ("push",),
        ("verify",),
        ("status", "--explain"),
        ("list",),
        ("dag",),
        ("gc", "--keep-runs", "0"),
    ):
        assert project.pivot(*words).code == 0, words
    for name in expected("one", end):
        if not name.startswith("loose"):
            (project.path / name).unlink()
    shutil.rmtree(project.path / ".pivot/cache")
    assert project.pivot("pull").code == 0
    assert "ran" not in project.outcomes().values()
    assert project.held() == expected("one", end)
    assert project.leftovers() == []


def test_files_may_have_names_that_are_no_text_and_keys_of_folders_may_not(named, expected, every):
    project = named("\udce9")
    outcomes = every("ran", folder="failed", loose="failed", metric="blocked")
    assert project.outcomes("--keep-going") == outcomes
    files = {n: text for n, text in expected("one", "\udce9").items() if n[0] != "m" and "/" not in n}
    assert project.held() == files
    for name in files:
        (project.path / name).unlink()
    done = project.pivot("repro", "--keep-going")
    assert done.code == 1
    assert "--- folder failed ---\nstage 'folder' returned keys for 'output' that cannot be files" in done.out
    assert project.held() == files
    assert project.pivot("status").code == 0
    assert project.pivot("verify", "--all").code == 0
    assert project.leftovers() == []
