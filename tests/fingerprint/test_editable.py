"""Code of an editable install: the person's own, wherever it lies."""

from pathlib import Path

import pytest


def install_editable(site: Path, mapping: dict[str, str]) -> None:
    """What setuptools leaves in the library folder for an editable install that needs an import hook."""
    site.mkdir(exist_ok=True)
    (site / "__editable__.shared-1.0.pth").write_text(
        "import __editable___shared_1_0_finder; __editable___shared_1_0_finder.install()"
    )
    (site / "__editable___shared_1_0_finder.py").write_text(
        f"from __future__ import annotations\nMAPPING: dict[str, str] = {mapping!r}\nNAMESPACES = {{}}\n"
    )


EDITABLE = {
    "a package": ("shared", "shared/__init__.py", "shared"),
    "a module": ("shared", "shared.py", "shared"),
    "a package under another folder name": ("shared", "lib/__init__.py", "lib"),
    "a package in a namespace": ("company.shared", "deep/shared/__init__.py", "deep/shared"),
}


@pytest.mark.parametrize(("name", "file", "mapped"), EDITABLE.values(), ids=EDITABLE)
def test_an_editable_install_with_an_import_hook_is_code_not_a_library(folder, tmp_path, name, file, mapped):
    source = tmp_path / "outside" / file
    source.parent.mkdir(parents=True)
    source.write_text("def f(x): return 1\n")
    site = tmp_path / "site-packages"
    install_editable(site, {name: str(tmp_path / "outside" / mapped)})
    folder.search = [str(site)]
    folder.write({"stages.py": f"import {name}\ndef train(x): return {name}.f(x)\n"})
    before = folder.fingerprint()
    source.write_text("def f(x): return 2\n")
    assert folder.fingerprint().digest != before.digest
    assert {part.key for part in before.parts} == {"stage:train", "func:f"}


def test_submodules_of_an_editable_install_are_found(folder, tmp_path):
    package = tmp_path / "outside" / "shared"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("def f(x): return 1\n")
    site = tmp_path / "site-packages"
    install_editable(site, {"shared": str(package)})
    folder.search = [str(site)]
    folder.write({"stages.py": "from shared.deep import f\ndef train(x): return f(x)\n"})
    assert [module.name for module in folder.fingerprint().modules] == ["shared", "shared.deep", "stages"]


def test_a_path_entry_of_an_editable_install_is_code_not_a_library(folder, tmp_path):
    outside, site = tmp_path / "outside", tmp_path / "site-packages"
    outside.mkdir()
    site.mkdir()
    (outside / "shared.py").write_text("def f(x): return 1\n")
    (site / "_shared.pth").write_text(f"# sources of shared\nimport sys\n{outside}\n{tmp_path / 'gone'}\n")
    folder.search = [str(site)]
    folder.write({"stages.py": "import shared\ndef train(x): return shared.f(x)\n"})
    assert {part.key for part in folder.fingerprint().parts} == {"stage:train", "func:f"}


@pytest.mark.parametrize(
    "text", ["MAPPING = {", "MAPPING = dict(a=1)\n", "MAPPING = ['a']\n", "MAPPING = {1: 2}\n", ""]
)
def test_an_import_hook_that_cannot_be_read_maps_nothing(folder, tmp_path, text):
    site = tmp_path / "site-packages"
    install_editable(site, {})
    (site / "__editable___shared_1_0_finder.py").write_text(text)
    folder.search = [str(site)]
    folder.write({"stages.py": "import shared\ndef train(x): return shared.f(x)\n"})
    assert "package:shared" in {part.key for part in folder.fingerprint().parts}
