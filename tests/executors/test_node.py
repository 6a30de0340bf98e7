"""What a worker of a cluster must have in common with the driver."""

from dataclasses import replace

import pytest

from pivot.executors.node import expectation, problem


@pytest.fixture
def expected(tmp_path):
    token = tmp_path / "project/.pivot/tmp/cluster-1"
    token.parent.mkdir(parents=True)
    token.write_text("word")
    return expectation(str(token), "word", ["pandas", "pandas.io", "nothing_of_this_name"])


def test_a_worker_that_is_as_this_machine_is_has_nothing_wrong(expected):
    assert [name for name, _ in expected.libraries] == ["pandas"]
    assert problem(expected) == ""


def test_a_worker_that_has_another_project_folder_or_none_says_which(expected, tmp_path):
    wrong = f"does not see the project folder {tmp_path / 'project'}"
    assert problem(replace(expected, word="other")).endswith(wrong)
    assert problem(replace(expected, token=f"{expected.token}2")).endswith(wrong)


def test_a_worker_with_other_versions_names_each(expected):
    told = problem(replace(expected, python="2.7", libraries=(("pandas", "pandas 0.1"),)))
    assert "Python 3." in told
    assert ", not 2.7; pandas pandas " in told
    assert told.endswith(", not pandas 0.1")
