"""``%pivot help``."""

import pytest

from pivot_jupyter.manual import help_of, help_text
from pivot_jupyter.words import FROM_THE_COMMAND_LINE, SUBCOMMANDS


def test_the_list_names_each_command_once_in_lines_that_fit_a_cell():
    lines = help_text().splitlines()
    named = [line.split()[1] for line in lines if line.startswith("  %pivot ")]
    assert sorted(named) == sorted(set(SUBCOMMANDS) - {"repro"})
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize("name", sorted(set(SUBCOMMANDS) - set(FROM_THE_COMMAND_LINE)))
def test_what_may_follow_a_command_is_explained(name):
    head, what, *rows = help_of(name).splitlines()
    assert head.startswith(f"%pivot {name}")
    assert what
    assert all(len(row.split()) > 2 for row in rows if row)


def test_help_is_given_wherever_it_is_asked_for(ready):
    assert "Look\n  %pivot status" in ready("%pivot help")
    assert ready("%pivot run --help") == ready("%pivot help run")
    assert "--force" in ready("%pivot help run")
    assert "Usage: %pivot metrics" in ready("%pivot help metrics")
    assert "Usage: %pivot doctor" in ready("%pivot doctor -h")
    assert "unknown command 'stauts': did you mean 'status'?" in ready("%pivot help stauts")
