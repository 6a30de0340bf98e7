"""What users install: it needs no node, and JupyterLab finds its extension."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
EXTENSION = "share/jupyter/labextensions/pivot-labextension"

pytestmark = pytest.mark.skipif(
    not (REPOSITORY / "pivot_jupyter/labextension/package.json").exists(),
    reason="the browser's part is not built here: make front",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, made where no npm is found: the built files must do."""
    folder = tmp_path_factory.mktemp("dist")
    empty = tmp_path_factory.mktemp("bin")
    fresh = (
        "from hatch_build import is_fresh; from pathlib import Path; raise SystemExit(not is_fresh(Path()))"
    )
    if subprocess.run([sys.executable, "-c", fresh], cwd=REPOSITORY).returncode:
        pytest.skip("the browser's part is older than its sources: make front")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder],
        cwd=REPOSITORY,
        check=True,
        env={**os.environ, "PATH": str(empty)},
        capture_output=True,
    )
    return folder


def test_the_wheel_brings_an_extension_that_jupyterlab_enables(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (data,) = tmp_path.glob("*.data/data")
    environment = {
        **os.environ,
        "JUPYTER_PATH": str(data / "share/jupyter"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "NO_COLOR": "1",
        "HOME": str(tmp_path),
    }
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said = re.sub(r"\x1b\[\d+m", "", listed.stderr)
    (line,) = {one.strip() for one in said.splitlines() if "pivot-labextension" in one}
    assert re.fullmatch(r"pivot-labextension v[\d.]+ enabled OK \(python, pivot\)", line)


def test_wheel_and_sdist_hold_the_built_files(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = [re.sub(r"^pivot-[^/]*\.data/data/", "", name) for name in archive.namelist()]
    with tarfile.open(sdist) as archive:
        in_sdist = [name.partition("/")[2] for name in archive.getnames()]
    for names, folder in ((in_wheel, EXTENSION), (in_sdist, "pivot_jupyter/labextension")):
        assert any(re.fullmatch(rf"{folder}/static/remoteEntry\.\w+\.js", name) for name in names)
        assert f"{folder}/install.json" in names
        assert "pivot_jupyter/static/widget.js" in names
        assert not [name for name in names if "node_modules" in name]
    assert "etc/jupyter/jupyter_server_config.d/pivot_jupyter.json" in in_wheel


def test_python_and_browser_have_one_version() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    front = REPOSITORY / "labextension"
    assert json.loads((front / "package.json").read_text())["version"] == version
    assert f"'{version}'" in (front / "src/version.ts").read_text()


def test_the_lock_of_npm_names_no_registry() -> None:
    text = (REPOSITORY / "labextension/package-lock.json").read_text()
    assert '"resolved"' not in text
