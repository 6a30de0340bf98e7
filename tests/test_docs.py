"""Every snippet in the README and in docs/ runs. Each page is one story, told in a fresh project folder.

How a fenced block is read, in the order of the page:

- a block with ``title="path"`` is written to that file;
- ``console``: lines after ``$ `` are run by the shell, and the lines that follow are what they must print; ``…``
  stands for any text in a line, a line of only ``…`` for any lines; a command without lines may print anything; it
  must succeed, or end with a line ``[exit code N]``;
- ``python``: a script of its own; ``ipython``: a notebook cell, all cells of a page in one kernel;
- ``yaml``, ``json``, ``jsonl``: must parse; any other language (``bash``, ``text``) is only read.

``<!-- run: COMMAND -->`` prepares silently; the commands find the checkout in ``$CHECKOUT``. The console block after
``<!-- terminal -->`` is a second terminal: its command is left running, the lines must come in time, and later blocks of
it go on where it stands; ``^C`` interrupts it and waits for its end.
"""

import importlib.util
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
import yaml
from jupyter_client import BlockingKernelClient, KernelManager

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<lang>[a-z]+)?(?P<rest>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence) *$"
    r"|^<!-- run: (?P<command>.*?) -->$"
    r"|^<!-- (?P<terminal>terminal) -->$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    title: str | None
    body: str
    terminal: bool = False


def blocks(text: str) -> Iterator[Block]:
    terminal = False
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["terminal"]:
            terminal = True
        elif match["command"]:
            yield Block(line, "console", None, f"$ {match['command']}\n")
        else:
            title = re.search(r'title="([^"]+)"', match["rest"])
            body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
            yield Block(line, match["lang"] or "text", title and title[1], body, terminal)
            terminal = False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_snippet_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    if page.name == "clusters.md" and importlib.util.find_spec("distributed") is None:
        pytest.skip("Dask is not installed: pip install 'pivot[dask]'")
    folder = tmp_path / "project"
    folder.mkdir()
    with Story(folder, tmp_path / "home") as story:
        for block in blocks(page.read_text(encoding="utf-8")):
            try:
                story.tell(block)
            except (AssertionError, yaml.YAMLError, json.JSONDecodeError) as error:
                pytest.fail(f"{page.relative_to(ROOT)}:{block.line}: {error}", pytrace=False)


class Story:
    """Runs the blocks of one page in one folder; its kernel starts with the first notebook cell."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        home.mkdir()
        bin_folder = str(Path(sys.executable).parent)
        self.environment = os.environ | {
            "CHECKOUT": str(ROOT),
            "COLUMNS": "100",
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "NO_COLOR": "1",
            "PATH": bin_folder + os.pathsep + os.environ["PATH"],
        }
        self.manager: KernelManager | None = None
        self.client: BlockingKernelClient | None = None
        self.terminal: Terminal | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.terminal is not None:
            self.terminal.close()
        if self.client is not None:
            self.client.stop_channels()
        if self.manager is not None:
            self.manager.shutdown_kernel(now=True)

    def tell(self, block: Block) -> None:
        if block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.terminal:
            if self.terminal is None:
                self.terminal = Terminal(self.folder, self.environment)
            self.terminal.tell(block.body)
        elif block.language == "console":
            for command, expected in commands(block.body):
                self.shell(command, expected)
        elif block.language == "python":
            self.finish([sys.executable, "-c", block.body], "the script", "")
        elif block.language == "ipython":
            self.cell(block.body)
        elif block.language == "yaml":
            yaml.safe_load(block.body)
        elif block.language == "json":
            json.loads(block.body)
        elif block.language == "jsonl":
            for line in block.body.splitlines():
                json.loads(line)

    def shell(self, command: str, expected: str) -> None:
        self.finish(["bash", "-c", command], f"`{command}`", expected)

    def finish(self, argv: list[str], what: str, expected: str) -> None:
        ran = subprocess.run(
            argv, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        printed = (
            ran.stdout if ran.returncode == 0 else f"{ran.stdout.rstrip()}\n[exit code {ran.returncode}]\n"
        )
        if expected:
            assert matches(printed, expected), f"{what} printed\n{printed}\ninstead of\n{expected}"
        else:
            assert ran.returncode == 0, f"{what} printed\n{printed}"

    def cell(self, text: str) -> None:
        if self.client is None:
            self.manager = KernelManager(kernel_name="python3")
            self.manager.start_kernel(cwd=str(self.folder), env=self.environment, stderr=subprocess.DEVNULL)
            self.client = self.manager.client()
            self.client.start_channels()
            self.client.wait_for_ready(timeout=60)
        reply = self.client.execute_interactive(text, timeout=120, output_hook=lambda _: None)["content"]
        failure = "\n".join([reply.get("ename", ""), reply.get("evalue", ""), *reply.get("traceback", [])])
        assert reply["status"] == "ok", f"the cell failed: {ANSI.sub('', failure)}"


class Terminal:
    """A second terminal, in which a command is left running."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment | {"PYTHONUNBUFFERED": "1"}
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.Queue[str] = queue.Queue()

    def tell(self, body: str) -> None:
        expected = ""
        for line in body.splitlines():
            if line.startswith("$ "):
                self.start(line[2:])
            elif line == "^C":
                self.expect(expected)
                expected = ""
                assert self.process is not None, "nothing runs in the terminal"
                self.process.send_signal(signal.SIGINT)
                assert self.process.wait(60) == 0, f"it ended with {self.process.returncode}"
            else:
                expected += f"{line}\n"
        self.expect(expected)

    def start(self, command: str) -> None:
        assert self.process is None or self.process.poll() is not None, "the terminal is busy"
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()

    def listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.put(line)

    def expect(self, expected: str) -> None:
        """Reads on until all that was printed since the last time is as expected."""
        printed, end = "", time.monotonic() + 60
        while expected and not matches(printed, expected):
            try:
                printed += self.lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                pytest.fail(f"the terminal printed\n{printed}\ninstead of\n{expected}", pytrace=False)

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


def commands(body: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the lines that must follow."""
    found: list[tuple[str, str]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            assert found, f"a console block must begin with `$ `, not with {line!r}"
            command, expected = found[-1]
            found[-1] = (command, f"{expected}{line}\n")
    return found


def matches(printed: str, expected: str) -> bool:
    """Whether the printed text is as expected, where `…` stands for any text of a line or for any lines."""
    parts = []
    for line in expected.rstrip().splitlines():
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*")
        else:
            parts.append(r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ ]*\n")
    return re.fullmatch("".join(parts) + r"\n*", ANSI.sub("", printed) + "\n") is not None


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("a 1.2 s\nb\n", "a … s\nb\n", True),
        ("a 1.2 s\nb\n", "a … s\n", False),
        ("a\nb\nc\n", "a\n…\n", True),
        ("a\nb\nc\n", "…\nc\n", True),
        ("a\nb\nc\n", "…\nb\n", False),
        ("", "…\n", True),
        ("\x1b[1mbold\x1b[0m\n", "bold\n", True),
    ],
)
def test_an_ellipsis_stands_for_any_text(printed: str, expected: str, same: bool) -> None:
    assert matches(printed, expected) is same


def test_a_page_is_read_block_by_block() -> None:
    text = (
        '<!-- run: true -->\n```python title="a.py"\nx = 1\n```\ntext\n\n    ```console\n    $ ls\n    a.py\n    ```\n'
        "<!-- terminal -->\n\n```console\n$ cat\n^C\n```\n```console\n$ ls\n```\n"
    )
    assert list(blocks(text)) == [
        Block(1, "console", None, "$ true\n"),
        Block(2, "python", "a.py", "x = 1\n"),
        Block(7, "console", None, "$ ls\na.py\n"),
        Block(13, "console", None, "$ cat\n^C\n", terminal=True),
        Block(17, "console", None, "$ ls\n"),
    ]


def test_a_terminal_goes_on_where_it_stood_until_it_is_interrupted(tmp_path: Path) -> None:
    script = "import time\ntry:\n    print('one', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('two')\n"
    (tmp_path / "wait.py").write_text(script)
    terminal = Terminal(tmp_path, dict(os.environ))
    terminal.tell(f"$ {sys.executable} wait.py\none\n")
    terminal.tell("^C\ntwo\n")
    terminal.close()
