"""The ``pivot`` command: its families of commands, and how errors reach a person."""

import difflib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from pivot.errors import DefinitionErrors, PivotError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from click.shell_completion import CompletionItem

    from pivot.executors.warm import Workers

# name → (module, one-line help); a module is imported only when its command is called or asked for help
COMMANDS = {
    "init": ("pivot.cli.init", "Make the folder .pivot/ here."),
    "repro": ("pivot.cli.repro", "Run what has changed, and only that."),
    "run": ("pivot.cli.run", "Run a pipeline file with params, and print what it gives."),
    "status": ("pivot.cli.status", "Show what would run, and why."),
    "stop": ("pivot.cli.stop", "Ask the runs that are going on here to end."),
    "fingerprint": ("pivot.cli.fingerprint", "Show all code that a stage rests on."),
    "list": ("pivot.cli.status", "List the stages with what they read and write."),
    "dag": ("pivot.cli.dag", "Draw how the stages depend on each other."),
    "import": ("pivot.cli.importing", "Make a Pivot project of another tool's files."),
    "schema": ("pivot.cli.schema", "Write the JSON schema of pivot.yaml, for editors."),
    "checkout": ("pivot.cli.checkout", "Put the outputs of the last results back in place."),
    "commit": ("pivot.cli.commit", "Accept the files that are there as results."),
    "doctor": ("pivot.cli.doctor", "Check environment, file system and cache, and say what to do."),
    "verify": ("pivot.cli.verify", "Check the bytes of all results in the cache."),
    "gc": ("pivot.cli.gc", "Take away what the cache holds and nothing needs."),
    "push": ("pivot.cli.transfer", "Bring results to a remote, for others."),
    "pull": ("pivot.cli.transfer", "Bring results from a remote, and put them in place."),
    "fetch": ("pivot.cli.transfer", "Bring results from a remote into the cache only."),
    "remote": ("pivot.cli.remote", "List, add and remove remotes."),
    "check-ignore": ("pivot.cli.ignore", "Show which paths .pivotignore leaves out."),
    "log": ("pivot.cli.log", "Show what a stage printed when it last ran."),
    "history": ("pivot.cli.history", "List the last runs."),
    "show": ("pivot.cli.history", "Show what became of each stage in a run, or what one printed."),
    "metrics": ("pivot.cli.metrics", "Show metrics, or how they differ between runs or revisions."),
    "params": ("pivot.cli.params", "Show params, or how they differ."),
    "plots": ("pivot.cli.plots", "Write plots into one HTML page, or two sides next to each other."),
    "diff": ("pivot.cli.diff", "Show which stages differ between two runs or revisions, and in what."),
}

_ADDED = "Work with notebooks."
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is used.

    Other distributions (``pivot_jupyter``) add commands through the entry point group ``pivot.commands``.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All command names, own ones first."""
        return [*COMMANDS, *sorted(entry.name for entry in _added_commands())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now."""
        if cmd_name in COMMANDS:
            module = import_module(COMMANDS[cmd_name][0])
            command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
            return command
        for entry in _added_commands():
            if entry.name == cmd_name:
                loaded: click.Command = entry.load()
                return loaded
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """As click does, but importing no command."""
        from click.shell_completion import CompletionItem  # lazy: start-up time

        known = {name: line for name, (_, line) in COMMANDS.items()}
        known |= dict.fromkeys(self.list_commands(ctx)[len(known) :], _ADDED)
        own = [CompletionItem(n, help=line) for n, line in known.items() if n.startswith(incomplete)]
        return [*own, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a mistyped name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(error.message + hint, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, written without importing any of them."""
        rows = [(name, text) for name, (_, text) in COMMANDS.items()]
        rows += [(n, _ADDED) for n in self.list_commands(ctx) if n not in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _added_commands() -> "Iterable[EntryPoint]":
    from importlib.metadata import entry_points  # lazy: start-up time

    return entry_points(group="pivot.commands")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "--directory", default=".", metavar="DIR", help="Work as if started in DIR.")
@click.option(
    "--file",
    default=".",
    metavar="FILE",
    help="Work with this pipeline file, e.g. a Flowdapt workflow as it stands.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show Pivot's own traceback with an error.")
@click.version_option(package_name="pivot")
def cli(directory: str, file: str) -> None:  # noqa: ARG001 - `open_project` asks for it
    """Run pipelines of typed Python functions; Pivot knows what to run."""
    try:
        os.chdir(directory)
        os.getcwd()
    except OSError as error:
        if directory == ".":  # in an output folder that was replaced, say
            raise click.UsageError('the current folder is gone; if there is a new one: cd "$PWD"') from None
        raise click.UsageError(f"cannot work in {directory}: {error.strerror}") from None


def run(words: list[str] | None = None, workers: "Workers | None" = None) -> int:
    """Run a command line to its end; gives the process's exit code.

    Args:
        words: after the program's name; default: those of this process.
        workers: those that the project shall use; the caller closes them.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # what a user's exception says may hold characters that this terminal has not
            stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in (sys.argv[1:] if words is None else words)
    return exit_code(lambda: cli.main(words, "pivot", standalone_mode=False, obj=workers), debug)


def exit_code(command: Callable[[], Any], debug: bool = False) -> int:
    """Call a command; gives the process's exit code, and tells of an error.

    Args:
        debug: let an error of Pivot's own out.
    """
    try:
        code = command()
    except PivotError as error:
        if debug:
            raise
        report(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            report(PivotError(f"cannot write: {error}", "make room there, or write elsewhere"))
            return 1
        told = f"Pivot itself failed: {type(error).__name__}: {error}"
        report(PivotError(told, "this is a bug; run `pivot --debug …` for the traceback that a report needs"))
        return 1
    return code if isinstance(code, int) else 0


def report(error: PivotError) -> None:
    """Write an error as ``error: …`` and ``hint: …`` lines on stderr."""
    errors = error.errors if isinstance(error, DefinitionErrors) else (error,)
    for one in errors:
        click.echo(click.style("error: ", fg="red") + one.message, err=True)
        if one.hint:
            click.echo(click.style("hint: ", fg="cyan") + one.hint, err=True)
