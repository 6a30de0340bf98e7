"""The words after ``%pivot``: its subcommands and their options."""

import argparse
import difflib
import re
import shlex
from collections.abc import Iterable
from typing import Any, NoReturn

from pivot.errors import UsageError

SUBCOMMANDS = {
    "repro": "run what has changed: [TARGET…] [--force] [--dry-run] [--single-stage] [--jobs N] [--keep-going]",
    "run": "the same as repro",
    "status": "what would run: [TARGET…] [--explain]",
    "why": "all reasons why a stage would run, with the diffs of code: [STAGE…]",
    "fingerprint": "all code that a stage rests on, and what was observed: STAGE [--all]",
    "dag": "the graph with the state of each stage",
    "load": "the value of a stage's output: STAGE [OUT]",
    "log": "what a stage wrote when it last ran: STAGE",
    "code": "the module that workers import, or the part of one stage: [STAGE]",
    "module": "the notebook module's name, or another one for it: [NAME]",
    "export": "write the module and pivot.yaml beside the notebook: [--check] [--force]",
    "list": "the stages with what they read and write",
    "checkout": "put outputs of the last results back in place: [TARGET…] [--force]",
    "commit": "accept the files that are there as results: [TARGET…]",
    "history": "the last runs: [-n N]",
    "show": "what became of each stage in a run: [RUN] [STAGE]",
    "diff": "which stages differ from A (git's HEAD) to B (the workspace), and in what: [A] [B]",
    "metrics": "numbers of one side, or how they differ: [show [SIDE] | diff [A] [B]]",
    "params": "params of one side, or how they differ: [show [SIDE] | diff [A] [B]]",
    "plots": "plots as one HTML page: [show [SIDE] | diff [A] [B]] [--out FILE]",
    "forget": "take a stage out whose cell is deleted: STAGE",
    "help": "this list",
}

FROM_THE_COMMAND_LINE = {
    "list": (),
    "checkout": (),
    "commit": (),
    "history": (),
    "show": (),
    "diff": (),
    "metrics": ("show",),
    "params": ("show",),
    "plots": ("show",),
}
"""Subcommands that are those of the command line → what they mean where no command of theirs follows."""


class Words(argparse.ArgumentParser):
    """Arguments of a subcommand; wrong ones are a UsageError with a suggestion."""

    @property
    def options(self) -> tuple[str, ...]:
        """The long options."""
        return tuple(option for option in self._option_string_actions if option.startswith("--"))

    @property
    def takes_stages(self) -> bool:
        """Whether names of stages may follow."""
        return any(action.dest in {"stage", "targets"} for action in self._actions)

    def error(self, message: str) -> NoReturn:
        """Tells argparse's message."""
        raise UsageError(f"%pivot {self.prog}: {message}", "%pivot help lists what there is")

    def read(self, words: list[str]) -> argparse.Namespace:
        """The arguments that some words are."""
        known, unknown = self.parse_known_args(words)
        if unknown:
            raise unknown_option(f"%pivot {self.prog}", unknown[0], self._option_string_actions)
        return known


def unknown_option(command: str, word: str, known: Any) -> UsageError:
    """An error that suggests the right option."""
    options = sorted(option for option in known if option.startswith("--") and option != "--help")
    close = [] if word == "--help" else difflib.get_close_matches(word.partition("=")[0], options, n=1)
    hint = (
        f"did you mean {close[0]}?"
        if close
        else f"known: {', '.join(options)}"
        if options
        else "it takes none"
    )
    return UsageError(f"{command}: unknown option {word}", hint)


def no_stage() -> UsageError:
    """What to say where a stage is needed and there is none."""
    return UsageError(
        "no stage is defined in this notebook yet",
        "head a cell %%pivot_stage and run it, or run such cells again",
    )


def unknown_stage(name: str, known: Iterable[str]) -> UsageError:
    """An error that suggests the right name."""
    names = sorted(known)
    close = [one for one in names if name and one.startswith(name)] or difflib.get_close_matches(name, names)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}" if names else None
    return UsageError(f"no stage is called {name!r}", hint)


def as_magics(text: str) -> str:
    """A hint that names commands of the terminal, for a notebook: ``pivot repro`` becomes ``%pivot repro``."""
    return re.sub(rf"(?<![\w%.-])pivot (?=(?:{'|'.join(SUBCOMMANDS)})\b)", "%pivot ", text)


def split(line: str) -> list[str]:
    """A line as words, by the rules of a shell."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%pivot: {error}", "close the quotes") from None


def positive(word: str) -> int:
    """A number that counts things.

    Raises:
        ValueError: it is none.
    """
    number = int(word)
    if number < 1:
        raise ValueError(word)
    return number


def parser_for(name: str) -> Words:
    """What may follow a subcommand."""
    parser = Words(prog=name, add_help=False, allow_abbrev=False)
    if name in {"repro", "run"}:
        parser.add_argument("targets", nargs="*")
        parser.add_argument("-f", "--force", action="store_true")
        parser.add_argument("-n", "--dry-run", action="store_true")
        parser.add_argument("-s", "--single-stage", action="store_true")
        parser.add_argument("-j", "--jobs", type=positive)
        parser.add_argument("-k", "--keep-going", action="store_true")
    elif name in {"status", "why"}:
        parser.add_argument("targets", nargs="*")
        if name == "status":
            parser.add_argument("--explain", action="store_true")
    elif name == "fingerprint":
        parser.add_argument("stage")
        parser.add_argument("--all", action="store_true")
    elif name == "load":
        parser.add_argument("stage")
        parser.add_argument("out", nargs="?")
    elif name in {"log", "code", "forget"}:
        parser.add_argument("stage", nargs="?" if name == "code" else None)
    elif name == "module":
        parser.add_argument("name", nargs="?")
    elif name == "export":
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--force", action="store_true")
    return parser
