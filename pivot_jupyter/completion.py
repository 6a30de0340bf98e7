"""Completion of subcommands, options and stage names after ``%pivot`` and ``%%pivot_stage``."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from pivot_jupyter.words import FROM_THE_COMMAND_LINE, parser_for

STAGE_OPTIONS = (
    "--name",
    "--dep",
    "--out",
    "--param",
    "--mutex",
    "--resources",
    "--always",
    "--depends-on",
    "--map",
    "--retries",
    "--timeout",
    "--cwd",
    "--matrix",
    "--run",
)


def words_after(
    line: str,
    subcommands: Iterable[str],
    stages: Iterable[str],
    outs: Callable[[str], Iterable[str]] = lambda _: (),
) -> tuple[str, list[str]]:
    """What may follow.

    Args:
        line: the text up to the cursor.
        outs: name of a stage → the keys of its outputs.

    Returns:
        the word that is being written, and the words that it may become.
    """
    line = re.sub(r"^[\w.,*\[\] ]+=\s*(?=%pivot\b)", "", line)  # df = %pivot load clean
    word = "" if not line or line[-1].isspace() else line.rsplit(maxsplit=1)[-1]
    before = line[: len(line) - len(word)].split()
    if before[:1] == ["%%pivot_stage"]:
        choices: Iterable[str] = STAGE_OPTIONS
    elif before == ["%pivot"]:
        choices = subcommands
    elif before[:1] == ["%pivot"] and before[1:2] and before[1] in FROM_THE_COMMAND_LINE:
        from pivot_jupyter.terminal import options_of  # lazy: click and what it brings

        found = options_of(before[1])
        choices = found if word.startswith("-") or FROM_THE_COMMAND_LINE[before[1]] else stages
    elif before[:2] == ["%pivot", "load"] and len(before) > 2:
        choices = outs(before[2]) if len(before) == 3 else ()
    elif before[:1] == ["%pivot"] and len(before) > 1:
        parser = parser_for(before[1])
        choices = parser.options if word.startswith("-") else stages if parser.takes_stages else ()
    else:
        choices = ()
    return word, [choice for choice in choices if choice.startswith(word)]


def matcher_for(
    subcommands: Iterable[str], stages: Callable[[], Iterable[str]], outs: Callable[[str], Iterable[str]]
) -> Any:
    """A matcher for ``Completer.custom_matchers``."""
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher(identifier="pivot")  # type: ignore[untyped-decorator,unused-ignore]
    def pivot_matcher(context: Any) -> dict[str, Any]:
        line = context.text_until_cursor if context.cursor_line == 0 else ""
        own = (
            context.full_text.splitlines()[context.cursor_line : context.cursor_line + 1]
            if context.full_text
            else []
        )
        if not line and own and re.match(r"[^%#]*%pivot\b", own[0]):
            line = own[0][: context.cursor_position]
        word, found = words_after(line.lstrip(), subcommands, stages(), outs)
        return {
            "completions": [SimpleCompletion(text=text, type="param") for text in found],
            "matched_fragment": word,
            "suppress": bool(found),
        }

    return pivot_matcher
