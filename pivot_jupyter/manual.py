"""``%pivot help``: what there is, and what may follow one of the subcommands."""

from argparse import Action

from pivot.errors import UsageError
from pivot_jupyter.words import SUBCOMMANDS, parser_for, unknown_stage

_SECTIONS = (
    ("Run", ("run", "stop", "debug", "checkout", "commit")),
    ("Look", ("status", "why", "dag", "list", "log", "fingerprint", "doctor")),
    ("Values", ("load", "metrics", "params", "plots")),
    ("Compare", ("history", "show", "diff")),
)
_REST = "Notebook"


def help_text() -> str:
    """The subcommands, a line each, by what they are for."""
    width = max(map(len, SUBCOMMANDS))
    named = {name for _, names in _SECTIONS for name in names} | {"repro"}
    lines = []
    for title, names in (*_SECTIONS, (_REST, tuple(name for name in SUBCOMMANDS if name not in named))):
        lines += [title, *(f"  %pivot {name:<{width}}  {_what(name)}" for name in names), ""]
    return "\n".join([*lines, "%pivot help COMMAND tells what may follow one of them."])


def help_of(name: str) -> str:
    """What a subcommand does and what may follow it.

    Raises:
        UsageError: there is no such subcommand.
    """
    if name not in SUBCOMMANDS:
        raise UsageError(f"%pivot: unknown command {name!r}", unknown_stage(name, SUBCOMMANDS).hint)
    usage = SUBCOMMANDS["repro" if name == "run" else name].partition(": ")[2]
    rows = [(_words(action), action.help or "") for action in parser_for(name)._actions]  # noqa: SLF001
    width = max((len(words) for words, _ in rows), default=0)
    told = [f"  {words:<{width}}  {text}" for words, text in rows]
    return "\n".join([f"%pivot {name} {usage}".rstrip(), _what(name), *([""] if told else []), *told])


def _what(name: str) -> str:
    return SUBCOMMANDS["repro" if name == "run" else name].partition(": ")[0]


def _words(action: Action) -> str:
    if not action.option_strings:
        return action.dest.upper()
    value = f" {action.dest.upper()}" if action.nargs != 0 else ""
    return ", ".join(action.option_strings) + value
