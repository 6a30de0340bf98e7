"""What there is is told: every command, option, setting, loader, word and magic has its place in the reference."""

import dataclasses
import inspect
import json
import re
import typing
from pathlib import Path

import click
import pytest

import pivot
from pivot import loaders, outputs
from pivot.cli.commands import cli
from pivot.config.pivotschema import PivotYaml, StageTable
from pivot.config.settings import CHECKOUT_MODES, Settings
from pivot.core import explain
from pivot.model.decision import ChangeKind, Verdict
from pivot.model.event import Event, Outcome
from pivot.model.fingerprint import PartKind
from pivot.pipeline import Pipeline
from pivot_jupyter import words
from pivot_jupyter.magics import PivotMagics

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
LOADERS = [value for value in vars(loaders).values() if inspect.isclass(value) and hasattr(value, "version")]
WORDS = [outputs.Out, outputs.Metric, outputs.Plot, outputs.IncrementalOut, outputs.DirectoryOut]
# attribute of Settings → how it is written in .pivot/config.yaml
WRITTEN = {
    "cache_dir": "cache:\n  dir:",
    "checkout_mode": "  checkout_mode:",
    "ignore_env": "observe:\n  ignore_env:",
    "debounce": "watch:\n  debounce:",
    "kept_runs": "history:\n  keep:",
}


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def commands(group: click.Group, path: str = "pivot") -> list[tuple[str, click.Command]]:
    """All commands by what is typed, groups opened."""
    found: list[tuple[str, click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += commands(command, f"{path} {name}")
        else:
            found.append((f"{path} {name}", command))
    return found


@pytest.mark.parametrize(
    ("typed", "command"), commands(cli), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_every_option_is_told(typed: str, command: click.Command):
    text = page("cli.md")
    _, first, *rest = typed.split()
    assert f"`pivot {first}" in text
    assert all(re.search(rf"`pivot {first} [^`]*\b{word}\b", text) for word in rest)
    section = text if rest else _section(text, first)
    for option in command.params:
        if isinstance(option, click.Option):
            assert any(re.search(rf"`([\w ]+ )?{name}\b", section) for name in option.opts), (
                f"{typed} {option.opts}"
            )


def _section(text: str, command: str) -> str:
    """The parts of the page whose headings name the command, and the lines of tables that do."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    named = [part for part in parts if re.search(rf"\b{command}\b", part.partition("\n")[0])]
    rows = [line for line in text.splitlines() if f"`pivot {command}" in line]
    return "\n".join([*named, *rows])


def test_every_option_of_the_whole_command_is_told():
    for option in cli.params:
        assert any(f"{name}" in page("cli.md") for name in option.opts), option.opts


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_is_told(name: str):
    text = page("configuration.md")
    assert re.search(rf"^{re.escape(WRITTEN.get(name, f'{name}:'))}", _without_comments(text), re.MULTILINE)


def _without_comments(text: str) -> str:
    text = re.sub(r" #.*", "", text)
    # of a table, each key beside the table's name
    return re.sub(r"^(\w+:)((?:\n  \w+:.*)+)", _spread, text, flags=re.MULTILINE)


def _spread(table: re.Match[str]) -> str:
    return "\n".join(f"{table[1]}\n{line}" for line in table[2].strip("\n").splitlines())


def test_every_checkout_mode_is_told():
    assert [mode for mode in CHECKOUT_MODES if mode not in page("configuration.md")] == []


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
def test_every_loader_is_told_with_its_options(loader: type):
    (row,) = re.findall(rf"^\| `{loader.__name__}` \|.*$", page("loaders.md"), re.MULTILINE)
    for field in dataclasses.fields(loader):
        assert f"`{field.name}=" in row or f", {field.name}=" in row, field.name
    assert (row.rstrip().endswith("| |")) is not hasattr(loader, "empty")


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.__name__)
def test_every_word_is_told_with_its_arguments(word: type):
    (row,) = re.findall(rf"^\| `{word.__name__}\(([^`]*)\)` \|", page("outputs.md"), re.MULTILINE)
    told = [argument.partition("=")[0].strip() for argument in row.split(",")]
    named = ["path" if argument.startswith('"') else argument for argument in told]
    assert named == [field.name for field in dataclasses.fields(word)]


def test_every_event_outcome_verdict_and_kind_of_reason_is_told():
    names = [kind.__name__ for kind in typing.get_args(Event)]
    words = [*Outcome, *Verdict, *ChangeKind]
    assert [word for word in [*names, *map(str, words)] if f"`{word}`" not in page("cli.md")] == []


def test_every_beginning_of_a_reason_is_told():
    text = (REFERENCE.parent / "explanation" / "change-detection.md").read_text(encoding="utf-8")
    kinds = [f"{kind}:" for kind in PartKind]
    assert [
        word for word in [*kinds, *map(str.strip, explain._PREFIX.values())] if f"`{word}" not in text
    ] == []


def test_every_key_of_pivot_yaml_is_told():
    text = page("pivot-yaml.md")
    assert [key for key in StageTable.model_fields if f"| `{key}` |" not in text] == []
    assert [key for key in PivotYaml.model_fields if f"`{key}`" not in text] == []


def test_every_argument_of_register_is_told():
    arguments = [
        name for name in inspect.signature(Pipeline.register).parameters if name not in ("self", "function")
    ]
    assert [name for name in arguments if f"| `{name}` |" not in page("pipelines.md")] == []


def test_every_public_name_is_told():
    told = "\n".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    assert [name for name in pivot.__all__ if not re.search(rf"\bpivot\.{name}\b|`{name}\b", told)] == []


def test_every_magic_and_every_option_of_one_is_told():
    text = page("magics.md")
    for action in PivotMagics.pivot_stage.parser._actions:
        assert all(f"`{option}" in text for option in action.option_strings), action.option_strings
    told = "".join(line for line in text.splitlines() if line.startswith("| `%pivot "))
    assert [word for word in words.SUBCOMMANDS if not re.search(rf"`(%pivot )?{word}\b", told)] == []


STAGES = """
import os
from typing import Annotated
import pivot

def train(
    data: Annotated[dict, pivot.Dep("data.json")]
) -> Annotated[dict, pivot.DirectoryOut("parts/", pivot.loaders.JSON())]:
    return {"a.json": [open("more.txt").read(), os.environ.get("MODE")]}
"""


def test_files_are_as_their_page_shows_them(tmp_path: Path):
    (shown,) = re.findall(r'^```json\n(\{\n "code".*?\n\})\n```', page("files.md"), re.MULTILINE | re.DOTALL)
    for name, text in {
        "stages.py": STAGES,
        "pivot.yaml": "stages: {train: {python: stages.train}}",
        "data.json": "{}",
        "more.txt": "",
    }.items():
        (tmp_path / name).write_text(text)
    with pivot.Project(str(tmp_path)) as project:
        assert project.repro().ok
    own = tmp_path / ".pivot"
    assert keys(json.loads((own / "stages/train.lock").read_text())) == keys(json.loads(shown))
    for name in ("format.json", ".gitignore"):
        assert f"## `{name}`\n\n```" in page("files.md")
        block = page("files.md").partition(f"## `{name}`\n\n```")[2].partition("\n")[2].partition("```")[0]
        assert (own / name).read_text() == block


def keys(record: dict) -> dict[str, set[str]]:
    """The keys of a record, and those of its parts that have the same ones each time."""
    outputs = list(record["outputs"].values())
    rows = {"outs": record["outs"], "parts": record["parts"], "outputs": outputs}
    return {"": set(record), "observed": set(record["observed"])} | {
        name: {key for row in found for key in row} for name, found in rows.items()
    }


def test_every_page_is_reached_from_the_home_page():
    home = (REFERENCE.parent / "index.md").read_text(encoding="utf-8")
    pages = [path.relative_to(REFERENCE.parent) for path in REFERENCE.parent.rglob("*.md")]
    wanted = [str(path) for path in pages if path.parts[0] not in ("adr", "index.md")]
    assert [name for name in wanted if f"({name})" not in home] == []


def test_every_decision_is_listed():
    folder = REFERENCE.parent / "adr"
    listed = (folder / "index.md").read_text(encoding="utf-8")
    shown = (folder.parent.parent / "mkdocs.yml").read_text(encoding="utf-8")
    names = [path.name for path in folder.glob("[0-9]*.md")]
    assert [name for name in names if f"({name})" not in listed or f"adr/{name}" not in shown] == []


def test_the_layers_are_the_same_wherever_they_are_told():
    root = REFERENCE.parent.parent
    told = [
        re.search(r"^(cli > .*\n.*errors)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in (root / "CONTRIBUTING.md", REFERENCE.parent / "explanation" / "architecture.md")
    ]
    texts = {re.sub(r"\s+", " ", found[1]) for found in told if found}
    assert len(texts) == 1
    assert set(re.findall(r"\w+", texts.pop())) >= {
        path.stem for path in (root / "pivot").iterdir() if path.is_dir()
    } - {"__pycache__"}
