"""The words after ``%pivot``: its subcommands and their options."""

import argparse
import difflib
import re
import shlex
from collections.abc import Iterable
from typing import Any, NoReturn

from pivot.errors import UsageError
from pivot.model.executor import KINDS

SUBCOMMANDS = {
    "repro": (
        "run what has changed: [TARGET…] [--force] [--dry-run] [--single-stage] [--jobs N] [--keep-going] "
        "[--executor KIND] [--bg]"
    ),
    "run": "the same as repro",
    "stop": "end the run in the background, or in another process, or stages of it: [STAGE…] [--run RUN]",
    "status": "what would run: [TARGET…] [--explain]",
    "why": "all reasons why a stage would run, with the diffs of code: [STAGE…]",
    "fingerprint": "all code that a stage rests on, and what was observed: STAGE [--all]",
    "dag": "the graph with the state of each stage: [--widget]",
    "load": "give what a stage made, as in x = %pivot load STAGE: STAGE [OUT]",
    "debug": "call a stage here with what a worker gets, and open pdb where it fails: STAGE [--step]",
    "log": "what a stage wrote when it last ran: STAGE",
    "code": "the module that workers import, or the part of one stage: [STAGE]",
    "module": "the notebook module's name, or another one for it: [NAME]",
    "export": (
        "write the module and pivot.yaml beside the notebook, or with the results elsewhere: "
        "[DIR] [--with-data] [--check] [--force]"
    ),
    "open": "take in the stages of a pipeline file, beside those of the cells: [PATH]",
    "list": "the stages with what they read and write",
    "checkout": "put outputs of the last results back in place: [TARGET…] [--force]",
    "commit": "accept the files that are there as results: [TARGET…]",
    "history": "the last runs: [-n N]",
    "show": "what became of each stage in a run: [RUN] [STAGE]",
    "diff": "which stages differ from A (git's HEAD) to B (the workspace), and in what: [A] [B]",
    "metrics": "numbers of one side, or how they differ: [show [SIDE] | diff [A] [B]]",
    "params": "params of one side, or how they differ: [show [SIDE] | diff [A] [B]]",
    "plots": "plots, or those of two sides: [show [SIDE] | diff [A] [B]] [--out FILE: as one HTML page]",
    "forget": "take a stage out whose cell is deleted: STAGE",
    "doctor": "check environment, extension, file system and cache, and say what to do",
    "help": "this list, or what may follow one of them: [COMMAND]",
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
    "doctor": (),
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


_ONE_WORD = {
    "open": ("path", "of pivot.yaml or pipeline.py; left out: the nearest one"),
    "module": ("name", "the new name; left out, the name is told"),
    "help": ("command", "one of them"),
}
"""Subcommands that one word may follow, and what it is."""


def parser_for(name: str) -> Words:
    """What may follow a subcommand."""
    parser = Words(prog=name, add_help=False, allow_abbrev=False)
    add = parser.add_argument
    if name in _ONE_WORD:
        word, text = _ONE_WORD[name]
        add(word, nargs="?", help=text)
    elif name in {"repro", "run"}:
        add("targets", nargs="*", help="stages (globs work) or paths of outputs; none means all")
        add("-f", "--force", action="store_true", help="also what has not changed")
        add("-n", "--dry-run", action="store_true", help="only say what would run")
        add("-s", "--single-stage", action="store_true", help="leave out what the targets need")
        add("-j", "--jobs", type=positive, help="how many stages run at once")
        add(
            "-k", "--keep-going", action="store_true", help="after a failure go on with what does not need it"
        )
        add("--executor", choices=KINDS, help="where the stages run: local, dask or ray")
        add("--bg", action="store_true", help="in the background: the next cells can run meanwhile")
    elif name in {"status", "why"}:
        add("targets", nargs="*", help="stages (globs work) or paths of outputs; none means all")
        if name == "status":
            add("--explain", action="store_true", help="with all reasons, as %pivot why")
    elif name == "fingerprint":
        add("stage", help="its name")
        add("--all", action="store_true", help="every definition, however many there are")
    elif name == "load":
        add("stage", help="its name")
        add("out", nargs="?", help="which output; left out: the only one, or all in a dict")
    elif name == "debug":
        add("stage", help="its name")
        add("-b", "--step", action="store_true", help="stop at its first line")
    elif name in {"log", "code", "forget", "stop"}:
        add("stage", nargs={"code": "?", "stop": "*"}.get(name), help="its name")
        if name == "stop":
            add("--run", default="", help="only this run: its id, or how it begins")
    elif name == "dag":
        add("--widget", action="store_true", help="as a widget, for front ends without Pivot's extension")
    elif name == "export":
        add("folder", nargs="?", help="another project, which gets the results, too")
        add(
            "--check",
            action="store_true",
            help="write nothing; an error if the files are not as the cells say",
        )
        add("--with-data", action="store_true", help="take the files along that no stage makes")
        add("--force", action="store_true", help="also over a module that was edited by hand")
    return parser
