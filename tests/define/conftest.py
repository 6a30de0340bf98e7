import textwrap
from pathlib import Path

import pytest

from pivot.define.discover import define_file
from pivot.errors import DefinitionErrors


class ProjectFolder:
    """A project in a temporary folder: files are written, and a pipeline file is read as the commands read it."""

    def __init__(self, root: Path):
        self.root = root

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def stages(self, file="pivot.yaml"):
        return define_file(str(self.root / file), str(self.root))

    def stage(self, file="pivot.yaml"):
        (stage,) = self.stages(file)
        return stage

    def errors(self, file="pivot.yaml"):
        with pytest.raises(DefinitionErrors) as caught:
            self.stages(file)
        return [str(error) for error in caught.value.errors]


@pytest.fixture
def project(tmp_path):
    return ProjectFolder(tmp_path)
