import importlib
import linecache
import os
import pickle
import sys
import traceback
from types import ModuleType

import pytest

from pivot.define.sources import ProjectImporter
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText


def text_of(name, text, filename=None, is_package=False):
    return ModuleText(name, filename or f"<pivot {name}>", name, text, digest_text(text), is_package)


def test_an_edit_that_keeps_size_and_time_is_never_missed(tmp_path):
    module = tmp_path / "subject.py"
    for number in range(30):
        module.write_text(f"VALUE = {number:04d}\n".replace(" 0", " 1_0"))
        os.utime(module, (1_000_000, 1_000_000))
        with ProjectImporter([str(tmp_path)]):
            assert int(f"1{number:04d}") == importlib.import_module("subject").VALUE
    assert list(tmp_path.iterdir()) == [module], "no bytecode is written"


def test_bytecode_that_claims_to_be_fresh_is_ignored(tmp_path):
    import py_compile

    module = tmp_path / "subject.py"
    module.write_text("VALUE = 'old'\n")
    os.utime(module, (1_000_000, 1_000_000))
    py_compile.compile(str(module))
    module.write_text("VALUE = 'new'\n")
    os.utime(module, (1_000_000, 1_000_000))
    with ProjectImporter([str(tmp_path)]):
        assert importlib.import_module("subject").VALUE == "new"


def test_packages_relative_imports_and_namespace_packages_work(tmp_path):
    (tmp_path / "pack" / "deep").mkdir(parents=True)
    (tmp_path / "space").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from .deep.leaf import LEAF\n")
    (tmp_path / "pack" / "deep" / "__init__.py").write_text("")
    (tmp_path / "pack" / "deep" / "leaf.py").write_text("from space.thing import THING\nLEAF = THING + 1\n")
    (tmp_path / "space" / "thing.py").write_text("THING = 1\n")
    importer = ProjectImporter([str(tmp_path)])
    with importer:
        assert importlib.import_module("pack").LEAF == 2
    assert set(importer.loaded) == {"pack", "pack.deep", "pack.deep.leaf", "space.thing"}
    assert importer.loaded["space.thing"] == digest_text("THING = 1\n")
    assert importer.files["space.thing"] == str(tmp_path / "space" / "thing.py")
    assert not {"pack", "pack.deep", "space", "space.thing"} & set(sys.modules)


def test_modules_that_are_loaded_already_are_put_aside_by_where_they_lie_whatever_lies_beside_them(tmp_path):
    class Odd:
        __file__ = str(tmp_path / "odd.py")

    beside, own = ModuleType("beside"), ModuleType("own")
    beside.__file__ = str(tmp_path.parent / "beside.py")
    own.__file__ = str(tmp_path / "own.py")
    loaded = {"odd": Odd(), "beside": beside, "own": own, "text": ModuleType("text")}
    loaded["text"].__file__ = beside.__file__
    before = sys.modules.copy()
    sys.modules.update(loaded)
    try:
        with ProjectImporter([str(tmp_path)], {"text": text_of("text", "")}):
            assert {name for name in loaded if name in sys.modules} == {"odd", "beside"}
        assert {name: sys.modules[name] for name in loaded} == loaded
    finally:
        sys.modules.clear()
        sys.modules.update(before)


def test_a_module_knows_the_digest_of_its_text(tmp_path):
    (tmp_path / "subject.py").write_bytes(b"# -*- coding: latin-1 -*-\nVALUE = '\xe9'\r\n")
    with ProjectImporter([str(tmp_path)]):
        module = importlib.import_module("subject")
    assert module.VALUE == "é"
    assert module.__pivot_hash__ == digest_text("# -*- coding: latin-1 -*-\nVALUE = 'é'\n")


def test_a_text_wins_over_a_file_and_shows_its_lines_in_tracebacks(tmp_path):
    (tmp_path / "subject.py").write_text("raise RuntimeError('the file ran')\n")
    text = text_of("subject", "def fail():\n    raise ValueError('here')\n", str(tmp_path / "subject.py"))
    with ProjectImporter([str(tmp_path)], {"subject": text}):
        module = importlib.import_module("subject")
        assert module.__pivot_hash__ == text.digest
        with pytest.raises(ValueError, match="here") as caught:
            module.fail()
        assert "raise ValueError('here')" in "".join(traceback.format_exception(caught.value))
    assert text.filename not in linecache.cache


def test_a_module_may_exist_as_text_only_and_its_pickles_load(tmp_path):
    text = text_of("only_text", "class Thing:\n    def __init__(self): self.size = 3\n")
    importer = ProjectImporter([str(tmp_path)], {"only_text": text})
    with importer:
        data = pickle.dumps(importlib.import_module("only_text").Thing())
    assert "only_text" not in sys.modules
    with ProjectImporter([str(tmp_path)], {"only_text": text}):
        assert pickle.loads(data).size == 3
    assert importer.loaded == {"only_text": text.digest}


def test_a_package_may_be_given_as_texts(tmp_path):
    texts = {
        "pack": text_of("pack", "", str(tmp_path / "pack" / "__init__.py"), is_package=True),
        "pack.part": text_of("pack.part", "VALUE = __name__\n", str(tmp_path / "pack" / "part.py")),
    }
    with ProjectImporter([str(tmp_path)], texts):
        assert importlib.import_module("pack.part").VALUE == "pack.part"


def test_what_python_had_is_given_back(tmp_path):
    (tmp_path / "subject.py").write_text("VALUE = 'fresh'\n")
    mine = ModuleType("subject")
    mine.__file__ = str(tmp_path / "subject.py")
    sys.modules["subject"] = mine
    before = (list(sys.path), list(sys.meta_path), list(sys.path_hooks))
    try:
        importer = ProjectImporter([str(tmp_path)])
        importer.install()
        importer.install()
        assert importlib.import_module("subject").VALUE == "fresh"
        importer.uninstall()
        importer.uninstall()
        assert sys.modules["subject"] is mine
        assert (sys.path, sys.meta_path, sys.path_hooks) == before
    finally:
        del sys.modules["subject"]


def test_roots_are_searched_in_order(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "subject.py").write_text(f"VALUE = {name!r}\n")
    for order in (("one", "two"), ("two", "one")):
        with ProjectImporter([str(tmp_path / name) for name in order]):
            assert order[0] == importlib.import_module("subject").VALUE


def test_libraries_in_an_environment_inside_the_project_are_not_the_projects(tmp_path):
    library = tmp_path / ".venv" / "lib" / "python3" / "site-packages"
    library.mkdir(parents=True)
    importer = ProjectImporter([str(tmp_path)])
    assert importer.holds(str(tmp_path / "pack" / "module.py"))
    assert not importer.holds(str(library / "numpy" / "__init__.py"))
    assert not importer.holds(str(tmp_path.parent / "elsewhere.py"))


def test_pivot_itself_is_no_project_module_even_in_its_own_checkout():
    import pivot

    package = os.path.dirname(pivot.__file__)
    assert not ProjectImporter([os.path.dirname(package)]).holds(pivot.__file__)


def test_a_link_to_the_project_folder_is_the_project(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "subject.py").write_text("VALUE = 1\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    importer = ProjectImporter([str(tmp_path / "link")])
    with importer:
        importlib.import_module("subject")
    assert set(importer.loaded) == {"subject"}
    assert "subject" not in sys.modules
