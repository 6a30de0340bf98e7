import pickle

import pytest

from pivot.errors import CodeError
from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter, fingerprint_stage
from pivot.model.digest import Digest, digest_text
from pivot.model.fingerprint import ModuleText, PartKind
from pivot.model.place import Place
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath


class MemoryCache:
    """An index cache that counts what it is asked."""

    def __init__(self) -> None:
        self.data: dict[Digest, bytes] = {}
        self.hits = 0

    def load(self, digest: Digest) -> bytes | None:
        self.hits += digest in self.data
        return self.data.get(digest)

    def save(self, digest: Digest, data: bytes) -> None:
        self.data[digest] = data


def test_parts_name_each_definition_with_its_place(folder):
    folder.write(
        {
            "stages.py": "from tools.clean import scale\nK = 3\n\n\ndef train(x):\n    return scale(x) + K\n",
            "tools/__init__.py": "",
            "tools/clean.py": "class Scaler:\n    pass\n\ndef scale(x):\n    return Scaler()\n",
        }
    )
    parts = {part.key: part for part in folder.fingerprint().parts}
    assert {key: part.place for key, part in parts.items()} == {
        "stage:train": Place("stages.py", 5),
        "func:scale": Place("tools/clean.py", 4),
        "class:Scaler": Place("tools/clean.py", 1),
        "value:K": Place("stages.py", 2),
    }
    assert list(parts) == sorted(parts)


def test_only_the_part_that_was_edited_changes(folder):
    files = {"stages.py": "def a(x): return x + 1\ndef b(x): return a(x)\ndef train(x): return b(x)\n"}
    folder.write(files)
    before = {part.key: part.digest for part in folder.fingerprint().parts}
    folder.write({"stages.py": files["stages.py"].replace("x + 1", "x + 2")})
    after = {part.key: part.digest for part in folder.fingerprint().parts}
    assert {key for key in before if before[key] != after[key]} == {"func:a"}


def test_a_library_counts_by_its_version(folder, tmp_path):
    library = tmp_path / "site-packages"
    (library / "thing").mkdir(parents=True)
    (library / "thing" / "__init__.py").write_text("def f(x): return x\n")

    def install(version: str) -> None:
        for old in library.glob("*.dist-info"):
            (old / "RECORD").unlink()
            old.rmdir()
        info = library / f"the_thing-{version}.dist-info"
        info.mkdir()
        (info / "RECORD").write_text("thing/__init__.py,,\n")

    folder.search = [str(library)]
    folder.write({"stages.py": "import thing\nimport json\ndef train(x): return thing.f(json.loads(x))\n"})
    install("1.0")
    first = folder.fingerprint()
    install("1.1")
    second = folder.fingerprint()
    assert first.digest != second.digest
    assert [(p.kind, p.name, p.detail) for p in first.parts if p.kind is PartKind.PACKAGE] == [
        (PartKind.PACKAGE, "the-thing", "1.0")
    ]
    assert second.libraries == ("thing",)


def test_a_library_that_no_code_in_reach_uses_does_not_count(folder):
    folder.write({"stages.py": "import pandas\ndef train(x): return x\n"})
    fingerprint = folder.fingerprint()
    assert [part.key for part in fingerprint.parts] == ["stage:train"]
    assert fingerprint.libraries == ("pandas",)


def test_a_module_that_is_imported_from_a_library_is_to_be_preloaded_too(folder, tmp_path):
    library = tmp_path / "site-packages" / "thing"
    (library / "deep" / "er").mkdir(parents=True)
    for name in ("__init__.py", "fit.py", "deep/__init__.py", "deep/er/__init__.py"):
        (library / name).write_text("def f(x): return x\n")
    folder.search = [str(library.parent)]
    folder.write(
        {"stages.py": "from thing import f, fit\nfrom thing.deep import er\ndef train(x): return f(x)\n"}
    )
    assert folder.fingerprint().libraries == ("thing", "thing.deep", "thing.deep.er", "thing.fit")


def test_a_missing_library_counts_as_missing(folder):
    folder.write({"stages.py": "import nothing_of_the_sort\ndef train(x): return nothing_of_the_sort.f(x)\n"})
    package = next(part for part in folder.fingerprint().parts if part.kind is PartKind.PACKAGE)
    assert (package.name, package.detail) == ("nothing_of_the_sort", "missing")


def test_pivot_is_no_package_part(folder):
    folder.write({"stages.py": "import pivot\n@pivot.stage()\ndef train(x): return pivot.outputs\n"})
    assert [part.key for part in folder.fingerprint().parts] == ["stage:train"]


def test_modules_are_those_that_importing_and_running_execute(folder):
    folder.write(
        {
            "stages.py": "import a.b\nimport json\ndef train(x):\n    import lazy\n    return lazy.f(x)\ndef other():\n    import never\n",
            "a/__init__.py": "import parent\n",
            "a/b.py": "",
            "parent.py": "",
            "lazy.py": "import inner\ndef f(x): return x\n",
            "inner.py": "",
            "never.py": "",
        }
    )
    names = [module.name for module in folder.fingerprint().modules]
    assert names == ["a", "a.b", "inner", "lazy", "parent", "stages"]


def test_the_text_of_a_module_is_the_very_text_that_was_hashed(folder):
    folder.write({"stages.py": "def train(x): return x\n"})
    sources = folder.sources()
    folder.write({"stages.py": "def train(x): return x + 1\n"})
    before = fingerprint_stage(ObjectRef("stages", "train"), sources)
    folder.write({"stages.py": "def train(x): return x + 2\n"})
    again = fingerprint_stage(ObjectRef("stages", "train"), sources)
    assert before == again
    text = sources.text(before.modules[0])
    assert text.text == "def train(x): return x + 1\n"
    assert text.digest == digest_text(text.text)


def test_a_module_that_changed_before_its_text_was_read_is_refused(folder):
    folder.write({"stages.py": "def train(x): return x\n"})
    sources = folder.sources()
    module = sources.find("stages")
    assert module is not None
    folder.write({"stages.py": "def train(x): return x + 1\n"})
    with pytest.raises(CodeError, match=r"stages\.py: was edited"):
        sources.text(module)


def test_a_notebooks_module_hashes_like_the_file_it_is_exported_to(folder):
    text = "from helpers import clean\nK = 1\ndef train(x): return clean(x) + K\n"
    folder.write({"helpers.py": "def clean(x): return x\n"})
    overlay = {
        "book_stages": ModuleText("book_stages", "<pivot book>", "Cell In[3]", text, digest_text(text))
    }
    live = folder.fingerprint("book_stages.train", overlay=overlay)
    folder.write({"book_stages.py": text})
    exported = folder.fingerprint("book_stages.train")
    assert live.digest == exported.digest
    assert next(p.place for p in live.parts if p.name == "K") == Place("Cell In[3]", 2)


def test_the_same_project_elsewhere_has_the_same_fingerprint(folder, second_folder):
    files = {
        "src/stages.py": "import helpers\ndef train(x): return helpers.f(x)\n",
        "src/helpers.py": "def f(x): return x\n",
    }
    folder.write(files)
    second_folder.write(files)
    roots = [ProjectPath("src")]
    one, other = folder.fingerprint(roots=roots), second_folder.fingerprint(roots=roots)
    assert one.digest == other.digest
    assert one.parts == other.parts


def test_a_stage_in_a_class_is_found(folder):
    folder.write({"stages.py": "class Stages:\n    @staticmethod\n    def train(x): return x\n"})
    fingerprint = fingerprint_stage(ObjectRef("stages", "Stages.train"), folder.sources())
    assert fingerprint.parts[0].key == "stage:Stages"


def test_a_cache_gives_the_same_fingerprint_without_reading_again(folder):
    folder.write(
        {
            "stages.py": "import helpers\ndef train(x): return helpers.f(x)\n",
            "helpers.py": "def f(x): return x\n",
        }
    )
    cache = MemoryCache()
    first = fingerprint_stage(ObjectRef("stages", "train"), folder.sources(), cache)
    assert (cache.hits, len(cache.data)) == (0, 2)
    second = fingerprint_stage(ObjectRef("stages", "train"), folder.sources(), cache)
    assert cache.hits == 2
    assert first == second


@pytest.mark.parametrize("damage", [b"", b"garbage", pickle.dumps("something else")])
def test_a_damaged_cache_is_ignored(folder, damage):
    folder.write({"stages.py": "def train(x): return x\n"})
    cache = MemoryCache()
    first = fingerprint_stage(ObjectRef("stages", "train"), folder.sources(), cache)
    cache.data = dict.fromkeys(cache.data, damage)
    assert fingerprint_stage(ObjectRef("stages", "train"), folder.sources(), cache) == first


def test_two_stages_of_one_snapshot_do_not_disturb_each_other(folder):
    folder.write({"stages.py": "K = 1\ndef a(x): return b(x)\ndef b(x): return a(x) + K\n"})
    together = Fingerprinter(folder.sources())
    one, other = together.stage(ObjectRef("stages", "a")), together.stage(ObjectRef("stages", "b"))
    assert one == folder.fingerprint("stages.a")
    assert other == folder.fingerprint("stages.b")
    assert one.digest != other.digest


ERRORS = [
    ({"stages.py": "def train(x):\n    return x +\n"}, "stages.py:2"),
    ({"stages.py": "import bad\ndef train(x): return x\n", "bad.py": "x = (\n"}, "bad.py:1"),
    ({"stages.py": "def other(x): return x\n"}, "stages.py: there is no function 'train'"),
    ({"other.py": ""}, "there is no module 'stages'"),
    (
        {"stages.py": "def train(x):\n    y = x\n    return helper(y)\n"},
        "stages.py:3: nothing defines 'helper', which stages.train reaches",
    ),
    (
        {"stages.py": "from h import f\ndef train(x): return f(x)\n", "h.py": "\ndef f(x, k=K): return k\n"},
        "h.py:2: nothing defines 'K'",
    ),
    ({"stages.py": "x = '\0'\n"}, "stages.py"),
    ({"stages.py": "# coding: no-such-coding\n"}, "stages.py: cannot be read"),
]


@pytest.mark.parametrize(("files", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_an_error_names_the_file_and_line(folder, files, message):
    folder.write(files)
    with pytest.raises(CodeError) as caught:
        folder.fingerprint()
    assert message in str(caught.value)


def test_all_unexplained_names_are_told_at_once(folder):
    folder.write({"stages.py": "def train(x):\n    a(x)\n    return b(x)\n"})
    with pytest.raises(CodeError) as caught:
        folder.fingerprint()
    assert "stages.py:2: nothing defines 'a'" in caught.value.message
    assert "stages.py:3: nothing defines 'b'" in caught.value.message
    assert caught.value.hint


UNKNOWN_BUT_FINE = [
    "from numpy import *\ndef train(x): return mean(x)\n",
    "from nothing_of_the_sort import *\ndef train(x): return mean(x)\n",
    "exec('def f(x): return x')\ndef train(x): return f(x)\n",
    "globals()['f'] = len\ndef train(x): return f(x)\n",
    "globals().update(f=len)\ndef train(x): return f(x)\n",
    "def setup():\n    global f\n    f = len\ndef train(x):\n    setup()\n    return f(x)\n",
    "def train(x):\n    try:\n        return unicode(x)\n    except NameError:\n        return x\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import f\ndef train(x): return f\n",
    "def train(x): return __file__, __name__, __class__, WindowsError\n",
    "class A:\n    a = 1\n    b = a\ndef train(x): return A\n",
    "import builtins\nbuiltins.f = len\ndef train(x): return f(x)\n",
    "def train(x): return [y for y in x if (z := y)], (lambda q: q)(x)\n",
    "def train(df): return df.query('a > @limit')\n",
    "try:\n    f = 1\nfinally:\n    pass\ndel f\ndef train(x): return f\n",
]


@pytest.mark.parametrize("text", UNKNOWN_BUT_FINE)
def test_a_name_that_something_may_define_is_no_error(folder, text):
    folder.write({"stages.py": text})
    assert folder.fingerprint().parts


def test_nothing_is_imported(folder):
    folder.write({"stages.py": "raise SystemExit('imported')\ndef train(x): return x\n"})
    assert folder.fingerprint().digest


def test_a_project_on_the_search_path_is_code_not_a_library(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.search = [*folder.search, str(outside)]
    folder.write({"stages.py": "import shared\ndef train(x): return shared.f(x)\n"})
    (outside / "shared.py").write_text("def f(x): return 1\n")
    before = folder.fingerprint()
    (outside / "shared.py").write_text("def f(x): return 2\n")
    assert folder.fingerprint().digest != before.digest
    assert "func:f" in {part.key for part in before.parts}


def test_a_virtual_environment_inside_the_project_is_a_library(folder):
    folder.write(
        {
            ".venv/lib/site-packages/thing.py": "def f(x): return 1\n",
            "stages.py": "import thing\ndef train(x): return thing.f(x)\n",
        }
    )
    folder.search = [str(folder.root / ".venv" / "lib" / "site-packages")]
    kinds = {part.key for part in folder.fingerprint().parts}
    assert kinds == {"stage:train", "package:thing"}


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(folder):
    folder.write({"stages.py": "def train(x):\n    return x\n"})
    before = folder.fingerprint()
    (folder.root / "stages.py").write_bytes(b"\xef\xbb\xbfdef train(x):\r\n    return x\r\n")
    assert folder.fingerprint().digest == before.digest


def test_a_module_is_looked_for_in_the_order_of_the_roots(folder):
    folder.write({"one/stages.py": "def train(x): return 1\n", "two/stages.py": "def train(x): return 2\n"})
    one = Sources(str(folder.root), [ProjectPath("one"), ProjectPath("two")], search=[]).find("stages")
    assert one is not None
    assert one.place == "one/stages.py"


def test_names_in_a_body_that_nothing_can_see_need_no_definition(folder):
    folder.write(
        {
            "stages.py": "def work(x): return nothing_of_the_sort(x)\ndef train(x): return work(x)\n"
            "def work(x): return x\n"
        }
    )
    assert [part.place.line for part in folder.fingerprint().parts] == [3, 2]


def test_an_edited_helper_leaves_the_order_of_statements_alone(folder):
    text = "KS = []\nKS.append(1)\nK = 1\nK = K + 1\ndef helper(x): return x + K\ndef train(x): return helper(x), KS\n"
    folder.write({"stages.py": text})
    before = folder.fingerprint()
    folder.write({"stages.py": text.replace("x + K", "x - K")})
    after = folder.fingerprint()
    assert "effect:order of statements" in {part.key for part in before.parts}
    assert {part.key for part in set(before.parts) ^ set(after.parts)} == {"func:helper"}
