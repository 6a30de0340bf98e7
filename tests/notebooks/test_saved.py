"""A notebook as it is saved: the same after each run, and readable where no kernel and no front end of ours is."""

import html.parser
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

CELLS = (
    "%load_ext pivot_jupyter",
    "from typing import Annotated\nimport pivot",
    "def loud(text):\n    return text.upper()",
    """%%pivot_stage
def shout(
    text: Annotated[str, pivot.Dep("poem.txt", pivot.loaders.Text())],
) -> Annotated[str, pivot.Out("loud.txt", pivot.loaders.Text())]:
    print("shouting")
    return loud(text)
""",
    """%%pivot_stage
def count(
    text: Annotated[str, pivot.Dep("loud.txt", pivot.loaders.Text())],
) -> Annotated[dict, pivot.Metric("count.json")]:
    return {"words": len(text.split())}
""",
    "%pivot run",
    "%pivot status",
    "%pivot why count",
    "%pivot dag",
    "%pivot metrics",
    "%pivot export",
)


def run(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """The folder of a notebook that was run three times, and its bytes after each run."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "poem.txt").write_text("shall I compare thee\n")
    cells = [nbformat.v4.new_code_cell(text, id=f"cell-{n}") for n, text in enumerate(CELLS)]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["language_info"] = {
        "name": "python",
        "file_extension": ".py",
        "nbconvert_exporter": "python",
    }
    nbformat.write(made, folder / "poem.ipynb")
    found = []
    for _ in range(3):
        run(folder, "pivot", "notebook", "run", "poem.ipynb", "--inplace")
        found.append((folder / "poem.ipynb").read_bytes())
    return folder, found


def test_a_second_run_without_change_gives_the_same_bytes(saved: tuple[Path, list[bytes]]) -> None:
    _, (first, second, third) = saved
    assert b"ran" in first
    assert second == third


def outputs(saved: tuple[Path, list[bytes]]) -> list[dict[str, str]]:
    """Mime type → text of everything that is shown, streams as plain text."""
    cells = nbformat.reads(saved[1][-1].decode(), as_version=4).cells
    shown = [output for cell in cells for output in cell.outputs]
    return [dict(output.data) if "data" in output else {"text/plain": output.text} for output in shown]


def test_the_text_of_all_outputs_fits_into_80_columns(saved: tuple[Path, list[bytes]]) -> None:
    lines = [line for data in outputs(saved) for line in data["text/plain"].splitlines()]
    assert any("shout" in line for line in lines)
    assert [line for line in lines if len(line) > 80] == []


class Seen(html.parser.HTMLParser):
    """What is left of a page when scripts and styles are stripped: its words, its pictures, its addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.dropped: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "style"}:
            self.dropped.append(tag)
            self._open.append(tag)
        self.words.append(given.get("alt") or "")
        self.addresses += [value for name in ("src", "href") if (value := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.words.append(data)


def test_html_is_readable_without_style_script_and_network(saved: tuple[Path, list[bytes]]) -> None:
    pages = [Seen(data["text/html"]) for data in outputs(saved) if "text/html" in data]
    for page in pages:
        assert all(address.startswith(("data:", "#")) for address in page.addresses), page.addresses
        assert page.dropped == []
    graphs = [page for page in pages if "shout" in "".join(page.words) and "cached" in "".join(page.words)]
    assert graphs


@pytest.mark.parametrize(
    ("form", "ending", "holds"),
    [
        ("html", "html", ("data:image/svg+xml", "● cached")),
        ("markdown", "md", ("shout", "cached")),
        ("script", "py", ("def loud(text):", "pivot_stage")),
    ],
)
def test_it_converts_to_other_forms(
    form: str, ending: str, holds: tuple[str, ...], saved: tuple[Path, list[bytes]]
) -> None:
    folder = saved[0]
    run(folder, "nbconvert", "--to", form, "poem.ipynb")
    text = next(folder.glob(f"poem.{ending}")).read_text(encoding="utf-8")
    assert all(part in text for part in holds)


def test_nothing_of_one_run_or_machine_is_saved(saved: tuple[Path, list[bytes]]) -> None:
    folder, (*_, last) = saved
    assert str(folder).encode() not in last
    runs = [path.name for path in (folder / ".pivot" / "runs").iterdir()]
    assert runs
    assert not [name for name in runs if name.encode() in last]
    assert all(not cell["metadata"] for cell in json.loads(last)["cells"])
