"""A program, not a test: the fingerprints of some projects' stages, as the interpreter that runs it computes them.

    python hashes.py FOLDER < question > answer      JSON both ways; projects are written below FOLDER

The question: ``projects`` (name → ``files``, ``stages`` as module.function), ``notebooks`` (name → ``cells``, ``module``,
``stages``) and ``search``, the folders of libraries. The answer: ``name stage`` → digest, or the error instead.
It needs nothing but Pivot's own source and something that is called ``xxhash``.
"""

import json
import os
import sys

from pivot.errors import PivotError
from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath
from pivot_jupyter.cells import Cell
from pivot_jupyter.compile import compile_module, read_notebook, read_page


def main(folder):
    question = json.load(sys.stdin)
    search = question["search"]
    answer = {}
    for number, (name, project) in enumerate(question["projects"].items()):
        root = os.path.join(folder, str(number))
        write(root, project["files"])
        answer |= hashes(name, Sources(root, [ProjectPath(".")], search=search), project["stages"])
    for name, notebook in question["notebooks"].items():
        module = notebook["module"]
        pages = [read_page(Cell(number, text)) for number, text in enumerate(notebook["cells"], 1)]
        compiled = compile_module(read_notebook(pages), module, notebook["stages"])
        text = compiled.module_text(f"{module}.py")
        root = os.path.join(folder, "notebook")
        os.makedirs(root, exist_ok=True)
        sources = Sources(root, [ProjectPath(".")], {module: text}, search=search)
        answer |= hashes(name, sources, [f"{module}.{stage}" for stage in notebook["stages"]])
    json.dump(answer, sys.stdout)


def hashes(name, sources, stages):
    fingerprinter = Fingerprinter(sources)
    found = {}
    for stage in stages:
        module, _, function = stage.rpartition(".")
        try:
            digest = str(fingerprinter.stage(ObjectRef(module, function)).digest)
        except PivotError as error:
            digest = f"{type(error).__name__}"
        found[f"{name} {stage}"] = digest
    return found


def write(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)


if __name__ == "__main__":
    main(sys.argv[1])
