"""What the commands that compare share: the words for sides, the options of tables, and how both come out."""

import functools
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pivot.cli.completion import complete_stages

if TYPE_CHECKING:
    from pivot.core.compare import Pair
    from pivot.core.tables import Column
    from pivot.engine.side import Sides

Command = TypeVar("Command", bound=Callable[..., Any])

COUNTING_BACK = {"ignore_unknown_options": True}
"""Context settings of commands that take ``-1`` and ``-2`` for the last runs; check words with `counted_back`."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a table is to be written.

    Attributes:
        precision: digits of a number.
    """

    as_json: bool
    markdown: bool
    precision: int

    def write(self, columns: "Sequence[Column]") -> None:
        """Write a table, fitted to the terminal where there is one."""
        from pivot.core.tables import table_markdown, table_text  # lazy: start-up time

        if self.markdown:
            click.echo(table_markdown(columns))
            return
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(table_text(columns, width))


def counted_back(
    ctx: click.Context, _parameter: click.Parameter, value: str | tuple[str, ...] | None
) -> str | tuple[str, ...] | None:
    """Lets ``-2`` through and no mistyped option."""
    for word in (value,) if isinstance(value, str) else value or ():
        if word.startswith("-") and not re.fullmatch(r"-\d+", word):
            raise click.NoSuchOption(word, ctx=ctx)
    return value


def side_argument(command: Command) -> Command:
    """The argument SIDE, the workspace by default."""
    argument = click.argument("side", default="workspace", callback=counted_back)
    return argument(command)


def sides_arguments(command: Command) -> Command:
    """The arguments A and B: git's HEAD and the workspace by default."""
    new = click.argument("new", metavar="[B]", default="workspace", callback=counted_back)
    old = click.argument("old", metavar="[A]", default="HEAD", callback=counted_back)
    return old(new(command))


def stage_option(command: Command) -> Command:
    """The option that chooses stages."""
    option = click.option(
        "-s",
        "--stage",
        "stages",
        multiple=True,
        metavar="STAGE",
        shell_complete=complete_stages,
        help="Only these stages (globs work).",
    )
    return option(command)


def table_options(command: Command) -> Command:
    """The options of a table; the command gets ``style``."""

    @functools.wraps(command)
    def styled(*args: Any, as_json: bool, markdown: bool, precision: int, **kwargs: Any) -> Any:
        return command(*args, style=Style(as_json, markdown, precision), **kwargs)

    options = (
        click.option("--json", "as_json", is_flag=True, help="Write one JSON object."),
        click.option("--md", "markdown", is_flag=True, help="Write a Markdown table."),
        click.option(
            "--precision",
            type=click.IntRange(min=0, max=17),
            default=5,
            show_default=True,
            metavar="N",
            help="Digits of a number after its point.",
        ),
    )
    decorated: Any = styled
    for option in reversed(options):
        decorated = option(decorated)
    found: Command = decorated
    return found


def write_json(data: Mapping[str, Any]) -> None:
    """One JSON object; numbers that JSON has not are texts in it."""
    from pivot.core.tables import plain_value  # lazy: start-up time

    click.echo(json.dumps(plain_value(dict(data)), indent=2))


def tell(notices: Iterable[str]) -> None:
    """Notices for a person, on stderr."""
    for text in notices:
        click.echo(text, err=True)


def write_values(style: Style, values: Mapping[str, Any], titles: tuple[str, str]) -> None:
    """A table of single values.

    Args:
        values: file or stage → value.
        titles: of what `values` is by, and of what is in each.
    """
    from pivot.core.columns import value_columns  # lazy: start-up time

    style.write(value_columns(values, titles, style.precision))


def write_differences(
    style: Style,
    both: "Sides",
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    titles: tuple[str, str],
    *,
    everything: bool,
) -> None:
    """What differs between the values of two sides, or that nothing does.

    Args:
        before, after: as the values of `write_values`.
        titles: as of `write_values`.
        everything: also what is equal.
    """
    from pivot.core.compare import pairs

    found = [pair for pair in pairs(before, after) if everything or pair.differs]
    where, what = titles
    if style.as_json:
        names = {"old": both.old.title, "new": both.new.title}
        rows = _pairs_data(found, where)
        write_json({**names, f"{what}s": rows, "left_out": list(both.left_out)})
    elif found:
        from pivot.core.columns import pair_columns

        style.write(pair_columns(found, (both.old.name, both.new.name), titles, style.precision))
    else:
        click.echo(f"no {what} differs between {both.old.title} and {both.new.title}")


def _pairs_data(found: "Iterable[Pair]", by: str) -> list[dict[str, Any]]:
    """Values on two sides for JSON; a side that has none has no key.

    Args:
        by: the key of what the values are by: ``file``, ``stage``.
    """
    from pivot.core.compare import ABSENT
    from pivot.core.values import key_text

    rows = []
    for pair in found:
        row: dict[str, Any] = {by: pair.where, "key": key_text(pair.key)}
        row |= {"old": pair.old} if pair.old is not ABSENT else {}
        row |= {"new": pair.new} if pair.new is not ABSENT else {}
        row |= {"change": pair.change} if pair.change is not None else {}
        rows.append(row)
    return rows
