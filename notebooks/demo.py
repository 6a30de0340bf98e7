"""What `make demo` shows: the quick-start notebook, its export to the shell, and what a few edits make run.

Works on a copy in a temporary folder. Ends with exit code 1 as soon as something is not as promised.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent
NOTEBOOK = "quickstart.ipynb"
MODULE = "quickstart_stages.py"
STAGES = {"clean", "features", "train_forest", "train_logistic", "evaluate"}
AFTER_THE_HELPER = STAGES - {"clean"}
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class BrokenPromiseError(Exception):
    """Something did not go as promised."""


def main() -> int:
    """Tell the story; 0 if all of it came true."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pivot-demo-") as temporary:
        folder = Path(temporary, "penguins")
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", ".*", "results", "pivot.yaml"))
        os.environ |= {"IPYTHONDIR": str(Path(temporary, "ipython")), "NO_COLOR": "1", "PYTHONUTF8": "1"}
        try:
            tell(folder)
        except BrokenPromiseError as broken:
            print(f"\nThe demo stops here: {broken}", file=sys.stderr)
            return 1
    print(f"\nThat was all, in {time.monotonic() - started:.0f} s. Now try it yourself: make lab")
    return 0


def tell(folder: Path) -> None:
    """The steps, in order."""
    step("A notebook defines five stages in its cells. A fresh kernel runs it, the two models in parallel.")
    printed = run_notebook(folder)
    show(printed)
    expect(ran(printed) == STAGES, f"all of {sorted(STAGES)} should run, not {sorted(ran(printed))}")

    step(f"Its last cell exported the stages as pivot.yaml and {MODULE}. In a shell, nothing is left to do.")
    expect((folder / MODULE).is_file(), f"{MODULE} should be there")
    expect(ran(shell(folder, "repro")) == set(), "no stage should run right after the export")

    step("Somebody edits the helper `bill_shape` in the exported module.")
    edit(folder, "return length / depth", "return depth / length")

    step("Before anything runs, Pivot tells what will run, and why: the function, the file, the line.")
    expect("bill_shape" in shell(folder, "status", "--explain"), "the reason should name the helper")

    step("`pivot repro` runs the stage that uses the helper and those that use its result, but not `clean`.")
    stages = ran(shell(folder, "repro"))
    expect(stages == AFTER_THE_HELPER, f"exactly {sorted(AFTER_THE_HELPER)} should run, not {sorted(stages)}")

    step("Once more: nothing has changed since, so nothing runs.")
    expect(ran(shell(folder, "repro")) == set(), "no stage should run the second time")

    step("A comment changes no result, so it runs nothing.")
    edit(folder, "return depth / length", "return depth / length  # thin bills are low")
    expect(ran(shell(folder, "repro")) == set(), "a comment should run no stage")

    step("Undo the edit: every result is still in the cache and is only put back in place.")
    edit(folder, "return depth / length  # thin bills are low", "return length / depth")
    expect(ran(shell(folder, "repro")) == set(), "an undone edit should run no stage")

    step("And the notebook, in another fresh kernel: everything is up to date there, too.")
    printed = run_notebook(folder)
    show(printed)
    expect(ran(printed) == set(), "no stage should run in the second kernel")


def step(sentence: str) -> None:
    """Say what comes next."""
    print("\n" + "\n".join(textwrap.wrap("* " + sentence, 100, subsequent_indent="  ")), flush=True)


def show(text: str) -> None:
    """Print what a command printed, indented."""
    print(textwrap.indent(text.strip(), "    "), flush=True)


def expect(condition: bool, promise: str) -> None:
    """Stop where a promise is not kept."""
    if not condition:
        raise BrokenPromiseError(promise)


def run_notebook(folder: Path) -> str:
    """Run all cells in a fresh kernel; what its `%pivot run` cell printed."""
    notebook = nbformat.read(folder / NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],  # of the kernel's own messages
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise BrokenPromiseError(f"a cell of {NOTEBOOK} failed\n{ANSI.sub('', str(error))}") from None
    [cell] = [cell for cell in notebook.cells if cell.source == "%pivot run"]
    texts = [
        output.text if output.output_type == "stream" else output.data["text/plain"] + "\n"
        for output in cell.outputs
    ]
    return ANSI.sub("", "".join(texts))


def shell(folder: Path, *words: str) -> str:
    """Run `pivot` in a new process, show what it prints, and return it."""
    print(f"    $ pivot {' '.join(words)}", flush=True)
    command = [Path(sys.executable).parent / "pivot", *words]
    ended = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    show(ended.stdout)
    expect(ended.returncode == 0, f"pivot {' '.join(words)} ended with exit code {ended.returncode}")
    return ended.stdout


def ran(printed: str) -> set[str]:
    """The stages that a run says it ran."""
    lines = [line for line in printed.splitlines() if re.match(r"\W*ran\b", line)]
    return {word for line in lines for word in re.findall(r"\w+", line)} & STAGES


def edit(folder: Path, old: str, new: str) -> None:
    """Replace one text in the exported module, and show the line."""
    path = folder / MODULE
    text = path.read_text(encoding="utf-8")
    expect(text.count(old) == 1, f"{MODULE} should hold `{old}` once")
    path.write_text(text.replace(old, new), encoding="utf-8")
    show(f"{MODULE}:\n-    {old}\n+    {new}")


if __name__ == "__main__":
    sys.exit(main())
