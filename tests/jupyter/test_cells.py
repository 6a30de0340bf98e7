"""A cell's text as Python."""

import pytest

from pivot_jupyter.cells import Cell, Command, Role, lift_head, read_cell


@pytest.mark.parametrize(
    ("text", "role", "options"),
    [
        ("x = 1", Role.PLAIN, ""),
        ("%%pivot_stage\ndef f(): ...", Role.STAGE, ""),
        (
            "\n\n%%pivot_stage --name clean --dep raw=a.csv\ndef f(): ...",
            Role.STAGE,
            "--name clean --dep raw=a.csv",
        ),
        ("# why\n# so\n%%pivot_stage\ndef f(): ...", Role.STAGE, ""),
        ("%%pivot_module\nX = 1", Role.MODULE, ""),
        ("%%time\nx = 1", Role.PLAIN, ""),
        ("%%time\n%%pivot_stage --name a\ndef f(): ...", Role.STAGE, "--name a"),
        ("%%pivot_module\n%%time\nX = 1", Role.MODULE, ""),
        ("%%time\n%%bash\nls", Role.FOREIGN, ""),
        ("%%bash\nls", Role.FOREIGN, ""),
        ("%%writefile a.py\nx = 1", Role.FOREIGN, "a.py"),
    ],
)
def test_the_head_says_what_a_cell_is(text, role, options):
    source = read_cell(text)
    assert (source.role, source.options) == (role, options)


def test_a_foreign_cell_has_no_python():
    assert read_cell("%%bash\nls").text == ""


def test_no_line_of_a_magic_is_left():
    assert read_cell("%%time\n%%pivot_stage\nx = 1").text == "\n\nx = 1\n"


@pytest.mark.parametrize(
    "line",
    ["%matplotlib inline", "%load_ext pivot_jupyter", "%autoreload 2", "%config A.b = 1", "%pivot status"],
)
def test_harmless_magics_become_blank_lines(line):
    source = read_cell(f"{line}\nx = 1\n")
    assert source.text == "\nx = 1\n"
    assert source.commands == ()


@pytest.mark.parametrize("line", ["!pip install x", "%run other.py", "files = !ls", "x = %who_ls", "%cd .."])
def test_other_kernel_commands_are_kept_with_their_line(line):
    source = read_cell(f"a = 1\n{line}\n")
    assert source.commands == (Command(2, line),)
    assert "get_ipython()" in source.text


def test_a_timed_statement_still_binds_its_name():
    assert read_cell("%time x = f()\n").text == "x = f()\n"


def test_line_numbers_stay_when_a_command_goes_over_several_lines():
    source = read_cell("!echo a \\\n  b\nx = 1\n%matplotlib \\\n inline\ny = 2\n")
    lines = source.text.splitlines()
    assert (lines[2], lines[5]) == ("x = 1", "y = 2")


def test_a_percent_in_a_string_is_no_command():
    text = 'x = """\n%matplotlib\n!ls\n"""\n'
    assert read_cell(text).text == text


def test_a_syntax_error_is_left_to_the_compiler():
    assert "def f(:" in read_cell("def f(:\n %x").text


def test_a_comment_above_the_magic_is_moved_below_it():
    lines = ["# about\n", "%%pivot_stage --run\n", "def f(): ...\n"]
    assert lift_head(lines) == ["%%pivot_stage --run\n", "# about\n", "def f(): ...\n"]


@pytest.mark.parametrize(
    "lines", [["# a\n", "%%bash\n"], ["x = 1\n", "%%pivot_stage\n"], ["%%pivot_stage\n"], []]
)
def test_other_cells_are_not_moved(lines):
    assert lift_head(list(lines)) == lines


def test_a_cell_is_named_as_the_notebook_shows_it():
    assert Cell(7, "x = 1").name == "Cell In[7]"
