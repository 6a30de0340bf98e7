"""The tables of edits in ``fingerprint/cases``, which several suites go through, row by row.

A row is ``## rerun: what`` or ``## same: what``, its files after ``--- name``, and its edits: ``~~~ name: old => new``
(``\\n`` is a line break), ``~~~ name: +text`` (appended), ``~~~ rename old new``, ``~~~ delete name``. Two lines may
follow the head: ``?? expression`` gives the argument on which the result shows the edit, where no usual one does;
``!! reason`` says why a rerun is right although plain Python gives the same result before and after;
``>= 3.12`` names the oldest Python that reads it.

Backslash escapes count in files after ``=== name`` and in their edits (``\\r``, ``\\ufeff``; ``\\udce9`` is the byte E9).
Beside the project, ``../site-packages`` holds libraries, and ``../beside``, ``../also`` and ``../editable`` other code on
the search path, the last by a line of a ``.pth`` file.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TABLES = Path(__file__).parent / "fingerprint" / "cases"
OUTCOMES = ("right", "stale", "needless", "refused", "skipped")


@dataclass
class Row:
    """A small project, the edits made to it, and whether ``stages.train`` must run again after them."""

    topic: str
    must_rerun: bool
    title: str
    before: dict[str, str] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)
    argument: str = ""
    reason: str = ""
    python: tuple[int, ...] = ()
    escaped: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.topic}: {self.title}"

    def after(self) -> dict[str, str]:
        """The files when the edits are made."""
        files = dict(self.before)
        for edit in self.edits:
            if edit.startswith("rename "):
                _, old, new = edit.split()
                files[new] = files.pop(old)
            elif edit.startswith("delete "):
                del files[edit.split()[1]]
            else:
                self._change(files, edit)
        return files

    def _change(self, files: dict[str, str], edit: str) -> None:
        name, _, change = edit.partition(": ")
        change = unescaped(change) if name in self.escaped else change.replace("\\n", "\n")
        if change.startswith("+"):
            files[name] = files.get(name, "") + change[1:] + "\n"
            return
        old, _, new = change.partition(" => ")
        assert old in files[name], f"{self}: {old!r} is not in {name}"
        files[name] = files[name].replace(old, new)


def unescaped(text: str) -> str:
    """The text that backslash escapes stand for."""
    return text.encode("ascii", "backslashreplace").decode("unicode_escape")


def read_rows() -> list[Row]:
    """The rows of all tables that this Python can read, in their order."""
    rows: list[Row] = []
    for path in sorted(TABLES.glob("*.txt")):
        name = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                verdict, _, title = line[3:].partition(": ")
                assert verdict in ("rerun", "same"), line
                rows.append(Row(path.stem, verdict == "rerun", title))
                name = ""
            elif line.startswith(("--- ", "=== ")):
                name = line[4:]
                rows[-1].before[name] = ""
                if line.startswith("="):
                    rows[-1].escaped.add(name)
            elif line.startswith("~~~ "):
                rows[-1].edits.append(line[4:])
            elif line.startswith("?? "):
                rows[-1].argument = line[3:]
            elif line.startswith("!! "):
                rows[-1].reason = line[3:]
            elif line.startswith(">= "):
                rows[-1].python = tuple(int(number) for number in line[3:].split("."))
            elif rows and name:
                text = unescaped(line) if name in rows[-1].escaped else line
                rows[-1].before[name] += text + "\n"
    return [row for row in rows if row.python <= sys.version_info[:2]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``row`` runs once for each row."""
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", read_rows(), ids=str)


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """All rows."""
    return read_rows()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often each door was wrong about an edit, where the doors were tried."""
    counts: dict[str, dict[str, int]] = {}
    rules: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            found = dict(getattr(report, "user_properties", ()))
            if "door" in found and report.when == "teardown":
                door = counts.setdefault(found["door"], dict.fromkeys(OUTCOMES, 0))
                door[found["outcome"]] += 1
                if "rule" in found:
                    rule = f"{found['door']}: {found['rule']}"
                    rules[rule] = rules.get(rule, 0) + 1
    if not counts:
        return
    terminalreporter.section("edits through each door, beside plain Python")
    terminalreporter.write_line(f"{'door':<16}{'rows':>6}" + "".join(f"{name:>10}" for name in OUTCOMES))
    for door, found in sorted(counts.items()):
        numbers = "".join(f"{found[name]:>10}" for name in OUTCOMES)
        terminalreporter.write_line(f"{door:<16}{sum(found.values()):>6}{numbers}")
    for rule, count in sorted(rules.items()):
        terminalreporter.write_line(f"skipped by {rule}: {count}")
