"""The table rows, numbered and bulleted rules and links of the founding documents, and the test or page for each.

They lie in ``seed_rules.txt``, text unaltered, under ``## document: heading``. The lines after a rule say what stands
for it: ``-> test name`` or ``-> test name[case]``, ``-> page path`` under docs/, ``-> differs decision`` under docs/adr/,
``-> later what``. The code blocks are in `test_seeds`.
"""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent
RULES = Path(__file__).parent / "seed_rules.txt"

# what the documents hold: rows of tables, numbered and bulleted rules
COUNTS = {
    "stages": {"row": 9, "rule": 6},
    "concepts": {"row": 4, "rule": 17},
    "home": {"rule": 10},
    "outputs": {"row": 23, "rule": 23},
}
# rows of the page on outputs have no marks; its other lines that are neither row nor rule are sentences
SENTENCE = re.compile(r"[A-Z>].*[.:]$|See also|> \*\*")


def rules() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Document, text, and what stands for it: kind and name."""
    found: list[tuple[str, str, list[tuple[str, str]]]] = []
    document = ""
    for line in RULES.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            document = line[3:].partition(":")[0]
        elif line.startswith("-> "):
            kind, _, name = line[3:].partition(" ")
            found[-1][2].append((kind, name))
        else:
            found.append((document, line, []))
    return found


@pytest.fixture(scope="module")
def tests() -> dict[str, set[str]]:
    """Test → the words in its table of cases, which are their ids."""
    found: dict[str, set[str]] = {}
    for path in TESTS.glob("*/test_*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        tables = {
            target.id: words(node.value)
            for node in body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in body:
            if isinstance(node, ast.FunctionDef):
                names = [
                    n.id for mark in node.decorator_list for n in ast.walk(mark) if isinstance(n, ast.Name)
                ]
                own = [words(mark) for mark in node.decorator_list]
                found[node.name] = set().union(*own, *(tables.get(name, set()) for name in names))
    return found


def words(node: ast.AST) -> set[str]:
    """All texts in an expression."""
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


@pytest.mark.parametrize(("text", "proofs"), [pytest.param(t, p, id=f"{d}: {t}"[:60]) for d, t, p in rules()])
def test_each_rule_is_a_test_or_a_page_or_says_why_not(tests, text: str, proofs: list[tuple[str, str]]):
    assert proofs, text
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for kind, name in proofs:
        test, _, case = name.partition("[")
        match kind:
            case "test":
                assert test in tests, f"no test {test}"
                assert not case or case[:-1] in tests[test], f"{test} has no case {case}"
            case "page":
                assert (ROOT / "docs" / name).is_file(), name
                assert f": {name}\n" in navigation, name
            case "differs":
                assert (ROOT / "docs/adr" / name).is_file(), name
            case _:
                assert kind == "later", kind
                assert name


def test_no_row_and_no_rule_is_left_out():
    counts: dict[str, Counter[str]] = {}
    for document, text, _ in rules():
        if re.match(r"- |\d\. |  (\d\.|•) ", text):
            kind = "rule"
        else:
            kind = "row" if text.startswith("|") or not SENTENCE.match(text) else "sentence"
        counts.setdefault(document, Counter())[kind] += 1
    assert {name: {k: n for k, n in c.items() if k != "sentence"} for name, c in counts.items()} == COUNTS


def test_only_these_are_for_later():
    later = {(document, name) for document, _, proofs in rules() for kind, name in proofs if kind == "later"}
    assert later == {
        ("home", "a converter of dvc.yaml"),
        ("home", "the panel in JupyterLab"),
        ("home", "remotes that are no folders"),
        ("home", "other executors"),
    }


def test_the_package_is_for_linux_and_macos():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    systems = [name for name in project["classifiers"] if name.startswith("Operating System")]
    assert systems == ["Operating System :: MacOS", "Operating System :: POSIX :: Linux"]
