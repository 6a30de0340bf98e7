import subprocess
import sys

import pytest

from pivot.config.settings import Settings, load_settings, read_settings
from pivot.errors import DefinitionErrors, PivotError


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", Settings(0, None, None)),
        ("# nothing\n", Settings(0, None, None)),
        ("seed: 7\njobs: 3\ncache:\n  dir: ../cache\n", Settings(7, "../cache", 3)),
        ("seed: off", Settings(None, None, None)),
        ("cache:", Settings(0, None, None)),
        (
            "capacity: {gpus: 2, memory: 4GB, license: 3}",
            Settings(capacity={"gpus": 2, "memory": 4e9, "license": 3}),
        ),
    ],
)
def test_a_settings_file_says_what_it_says(text, settings):
    assert read_settings(text) == settings


def test_everything_wrong_in_a_settings_file_is_told_at_once():
    with pytest.raises(DefinitionErrors) as caught:
        read_settings("sed: 1\nseed: -1\njobs: 0\ncache:\n  dri: x\n  dir: 3\n")
    assert [str(error) for error in caught.value.errors] == [
        "setting 'sed' is unknown (.pivot/config.yaml:1)\nhint: did you mean 'seed'?",
        "setting 'cache.dri' is unknown (.pivot/config.yaml:5)\nhint: did you mean 'dir'?",
        "setting 'seed' is a whole number from 0 to 4294967295, or off (.pivot/config.yaml:2)",
        "setting 'jobs' is a whole number, 1 or more (.pivot/config.yaml:3)",
        "setting 'cache.dir' is the path of a folder (.pivot/config.yaml:6)",
    ]


@pytest.mark.parametrize(
    "text", ["[1]", "cache: 3", "seed: true", "jobs: 1.5", "remotes: {1: /mnt}", "capacity: 3"]
)
def test_a_setting_of_the_wrong_kind_is_an_error(text):
    with pytest.raises(DefinitionErrors):
        read_settings(text)


def test_what_is_wrong_with_a_capacity_is_told_at_its_line():
    with pytest.raises(DefinitionErrors) as caught:
        read_settings("capacity:\n  gpus: -1\n  memory: 16\n  1: 2\n")
    assert [str(error).partition(" is ")[0] for error in caught.value.errors[:2]] == [
        "setting 'capacity.gpus'",
        "setting 'capacity.memory'",
    ]
    assert [str(error).rpartition("yaml:")[2] for error in caught.value.errors] == ["2)", "3)", "4)"]


def test_the_environment_wins_and_relative_folders_start_at_the_root(tmp_path):
    root = str(tmp_path)
    assert load_settings(root, {}) == Settings()
    (tmp_path / ".pivot").mkdir()
    (tmp_path / ".pivot" / "config.yaml").write_text("cache: {dir: mine}\n")
    assert load_settings(root, {}).cache_dir == str(tmp_path / "mine")
    assert load_settings(root, {"PIVOT_CACHE_DIR": "/shared"}).cache_dir == "/shared"
    assert load_settings(root, {"PIVOT_CACHE_DIR": ""}).cache_dir == str(tmp_path / "mine")


def test_settings_that_are_no_utf_8_are_an_error_with_their_line(tmp_path):
    (tmp_path / ".pivot").mkdir()
    (tmp_path / ".pivot" / "config.yaml").write_bytes(b"jobs: 2\ncache: {dir: d\xe4}\n")
    with pytest.raises(PivotError, match=r"config\.yaml is no UTF-8 \(\.pivot/config\.yaml:2\)"):
        load_settings(str(tmp_path), {})


def test_reading_settings_of_a_project_without_any_imports_nothing_heavy(tmp_path):
    code = (
        "import sys; from pivot.config.settings import load_settings; load_settings(sys.argv[1], {});"
        "print(sorted({'pydantic', 'yaml', 'pandas'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
