"""``pivot import flowdapt``."""

import os
import sys
import tokenize
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from pivot.cli.words import plural
from pivot.errors import DefinitionError, DefinitionErrors, PivotError, UsageError

if TYPE_CHECKING:
    from pivot.config.flowdapt.documents import Documents

_EXTENSIONS = (".yaml", ".yml", ".json")


@click.group("import")
def import_command() -> None:
    """Make a Pivot project of another tool's files."""


@import_command.command("flowdapt")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True), metavar="PATH...")
@click.option("--keep-drop", is_flag=True, help="Leave failing items of mapped stages out, as Flowdapt does.")
@click.option("-f", "--force", is_flag=True, help="Write over files that are there.")
def flowdapt_command(paths: tuple[str, ...], keep_drop: bool, force: bool) -> None:
    """Write a pivot.yaml that does what Flowdapt's workflow, config and trigger files do, here.

    PATH is such a file or a folder with such; what cannot be carried over is told.
    """
    from pivot.config.flowdapt.moving import Move, move
    from pivot.store.root import find_root, git_root

    here = os.getcwd()
    documents, read = _documents(paths, drops=keep_drop)
    root = find_root(here) or git_root(here) or here
    prefix = os.path.relpath(here, root).replace(os.sep, "/")
    done: Move = move(documents, _Sources(paths, here).of, here, "" if prefix == "." else f"{prefix}/")
    files = {path: text for path, text in done.files.items() if not _holds(path, text)}
    _refuse_to_write_over(files, read, force=force)
    for path, text in files.items():
        _write(os.path.join(here, path), text)
        click.echo(f"wrote {path}")
    for heading, lines in done.said.items():
        click.echo(f"\n{heading}")
        for line in lines:
            click.echo(f"  {line}")
    if documents.others:
        click.echo(f"\nleft alone: {plural(len(documents.others), 'file')} with nothing of Flowdapt's")
    click.echo("\nnow see what would run: pivot status")


def _documents(paths: Iterable[str], *, drops: bool) -> "tuple[Documents, set[str]]":
    """What the files say, and their real paths."""
    from pivot.config.flowdapt.documents import Documents, add_documents
    from pivot.yamlio import yaml_text

    documents, errors = Documents(), list[PivotError]()
    read: set[str] = set()
    for path in paths:
        for file in _files_in(path):
            if os.path.realpath(file) in read:
                continue
            read.add(os.path.realpath(file))
            try:
                text = yaml_text(file, file)
            except PivotError as error:
                errors.append(error)
                continue
            add_documents(documents, text, file, errors, is_named=file == path, drops=drops)
    if not documents.workflows and not errors:
        raise UsageError(f"no workflow in {', '.join(paths)}", "name the files or folders of kind: workflow")
    if errors:
        raise DefinitionErrors(errors)
    return documents, read


def _files_in(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            os.path.normpath(os.path.join(folder, name))
            for name in sorted(names)
            if name.endswith(_EXTENSIONS)
        )


class _Sources:
    """Finds the texts of modules without importing them.

    Args:
        paths: near which they may lie.
        here: the folder of the project.
    """

    def __init__(self, paths: Iterable[str], here: str) -> None:
        above = [os.path.join(here, "src"), here]
        for path in paths:
            folder = os.path.abspath(path)
            while folder != os.path.dirname(folder):
                above.append(folder)
                folder = os.path.dirname(folder)
        self._folders = list(dict.fromkeys([*above, *sys.path]))
        self._here = here

    def of(self, module: str) -> tuple[str, str] | None:
        """The file of a module, as a person knows it, and its text."""
        inner = module.replace(".", os.sep)
        for folder in self._folders:
            for name in (f"{inner}.py", os.path.join(inner, "__init__.py")):
                file = os.path.join(folder, name)
                if inner and os.path.isfile(file):
                    try:
                        with tokenize.open(file) as source:
                            return _shown(file, self._here), source.read()
                    except (OSError, SyntaxError, UnicodeDecodeError):
                        return None
        return None


def _shown(file: str, here: str) -> str:
    relative = os.path.relpath(file, here)
    return file if relative.startswith("..") else relative


def _holds(path: str, text: str) -> bool:
    """Whether a file is as it would be written."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read() == text
    except (OSError, UnicodeDecodeError):
        return False


def _refuse_to_write_over(files: Iterable[str], read: set[str], *, force: bool) -> None:
    from pivot.store.root import PIPELINE_FILES

    errors: list[PivotError] = []
    for path in files:
        folder = os.path.dirname(path)
        if os.path.realpath(path) in read:
            errors.append(
                DefinitionError(f"{path} is one of the files that are read", "go to another folder")
            )
        elif os.path.isdir(path):
            errors.append(DefinitionError(f"{path} is a folder", "go to another folder"))
        elif os.path.exists(path) and not force:
            errors.append(DefinitionError(f"{path} is there already", "write over it with --force"))
        twins = [
            os.path.join(folder, name) for name in PIPELINE_FILES if os.path.basename(path) == "pivot.yaml"
        ]
        errors += (
            DefinitionError(f"{twin} defines stages already", "go to another folder, or move it away")
            for twin in twins
            if twin != path and os.path.isfile(twin)
        )
    if errors:
        raise DefinitionErrors(errors)


def _write(path: str, text: str) -> None:
    from pivot.store import atomic

    atomic.make_folder(os.path.dirname(path))
    atomic.write_bytes(path, text.encode("utf-8"), os.path.dirname(path))
