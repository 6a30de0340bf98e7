"""The rules for the names of files in a DirectoryOut."""

import os
import posixpath
import unicodedata
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.worker.keys import inner_paths


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a.json", "a.json"),
        ("a/b.tar.gz", "a/b.tar.gz"),
        ("./a.json", "a.json"),
        ("a/./b.json", "a/b.json"),
        ("a.b/c.json", "a.b/c.json"),
        ("a b/ü ñ.json", "a b/ü ñ.json"),
        (" a.json", " a.json"),
        (".hidden/a.json", ".hidden/a.json"),
        ("..a/b.json", "..a/b.json"),
        ("a\nb.json", "a\nb.json"),
    ],
)
def test_a_key_is_a_relative_path_with_an_extension(key, path):
    assert inner_paths([key]) == ({path: key}, [])


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (3, "is an int, not a str"),
        (b"a.json", "is a bytes, not a str"),
        (None, "is a NoneType, not a str"),
        ("", "is empty"),
        (" ", "is empty"),
        (".", "is empty"),
        ("./.", "is empty"),
        ("/a.json", "is absolute"),
        ("//a/b.json", "is absolute"),
        ("C:/a.json", "is absolute"),
        ("C:a.json", "is absolute"),
        ("../a.json", "leads out of the folder with '..'"),
        ("a/../b.json", "leads out of the folder with '..'"),
        ("a/..", "leads out of the folder with '..'"),
        ("a//b.json", "has an empty name in it"),
        ("a.json/", "has an empty name in it"),
        ("a/ /b.json", "has an empty name in it"),
        ("a\0.json", "holds a NUL byte"),
        ("a\\b.json", "has a \\ in it; folders are divided by /"),
        ("a", "has no extension"),
        (".json", "has no extension"),
        ("a.b/c", "has no extension"),
        ("a.", "has a name in it that ends with a space or dot"),
        ("a.json ", "has a name in it that ends with a space or dot"),
        ("a./b.json", "has a name in it that ends with a space or dot"),
        ("a /b.json", "has a name in it that ends with a space or dot"),
        ("x" * 251 + ".json", "has a name longer than 255 bytes in it"),
        ("ü" * 126 + ".json", "has a name longer than 255 bytes in it"),
        ("\ud800.json", "holds half a character"),
        (".pivot/a.json", "has a name in it that is Pivot's own (.pivot)"),
        ("a/.pivot-new.x/b.json", "has a name in it that is Pivot's own (.pivot)"),
    ],
)
def test_a_key_that_can_be_no_file_is_told_why(key, problem):
    assert inner_paths([key]) == ({}, [f"{key!r} {problem}"])


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (["a.json", "./a.json"], "'./a.json' and 'a.json' are one file"),
        (["a.json", "A.json"], "'A.json' and 'a.json' are one name in some file systems"),
        (["a/x.json", "A/y.json"], "'A' and 'a' are one name in some file systems"),
        (["straße.txt", "STRASSE.txt"], "'STRASSE.txt' and 'straße.txt' are one name in some file systems"),
        (
            ["é.txt", unicodedata.normalize("NFD", "é.txt")],
            f"{unicodedata.normalize('NFD', 'é.txt')!r} and 'é.txt' are one name in some file systems",
        ),
        (["a.json", "a.json/b.json"], "'a.json' is a folder for 'a.json/b.json'"),
        (["A.json", "a.json/b.json"], "'A.json' and 'a.json' are one name in some file systems"),
    ],
)
def test_two_keys_that_cannot_both_be_files_are_told(keys, problem):
    assert inner_paths(keys)[1] == [problem]
    assert inner_paths(reversed(keys))[1] == [problem]


def test_every_problem_is_told():
    assert inner_paths(["a", "/b", "c.json", "C.json"])[1] == [
        "'/b' is absolute",
        "'a' has no extension",
        "'C.json' and 'c.json' are one name in some file systems",
    ]


NAMES = st.text(st.sampled_from("aAbBéÉ\u0301ßsS. -_/\\:\0\n\ud800"), max_size=8)
KEYS = st.lists(NAMES | st.builds("{}.json".format, NAMES), max_size=6, unique=True)


def folded(text):
    return unicodedata.normalize("NFC", text.casefold())


@given(KEYS)
def test_keys_that_are_accepted_are_different_files_in_the_folder_everywhere(keys):
    paths, problems = inner_paths(keys)
    if problems:
        return
    assert len(paths) == len(keys) == len({folded(path) for path in paths})
    for path in paths:
        assert os.fsencode(path)
        assert "\0" not in path
        assert posixpath.normpath(path) == path
        assert posixpath.splitext(path)[1] not in {"", "."}
        assert not {"", ".", ".."} & set(path.split("/"))
        windows = PureWindowsPath(path)
        assert not windows.anchor
        assert windows.as_posix() == path
        assert not any(folded(other).startswith(folded(path) + "/") for other in paths)


@given(KEYS, st.randoms())
def test_the_order_of_keys_changes_nothing(keys, random):
    mixed = random.sample(keys, len(keys))
    assert inner_paths(keys)[1] == inner_paths(mixed)[1]


@given(KEYS)
def test_a_key_without_a_problem_of_its_own_is_a_file_or_told_with_another(keys):
    paths, problems = inner_paths(keys)
    for key in keys:
        alone, _ = inner_paths([key])
        if alone and key not in paths.values():
            assert any(repr(key) in problem and "are one file" in problem for problem in problems)


@given(st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_path_that_the_rules_allow_is_never_refused(names):
    path = "/".join(names) + ".json"
    assert inner_paths([path]) == ({path: path}, [])
