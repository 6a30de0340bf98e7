"""The tables of edits under ``cases/``: each says whether the stage must run again.

A case is ``## rerun: what`` or ``## same: what``, its files after ``--- name``, and its edits: ``~~~ name: old => new``
(``\\n`` is a line break), ``~~~ name: +text`` (appended), ``~~~ rename old new``, ``~~~ delete name``.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "cases"


@dataclass
class Case:
    topic: str
    must_rerun: bool
    title: str
    before: dict[str, str] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)

    def after(self) -> dict[str, str]:
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
        change = change.replace("\\n", "\n")
        if change.startswith("+"):
            files[name] = files.get(name, "") + change[1:] + "\n"
            return
        old, _, new = change.partition(" => ")
        assert old in files[name], f"{old!r} is not in {name}"
        files[name] = files[name].replace(old, new)


def read_cases() -> list[Case]:
    cases: list[Case] = []
    for path in sorted(CASES.glob("*.txt")):
        name = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                verdict, _, title = line[3:].partition(": ")
                assert verdict in ("rerun", "same"), line
                cases.append(Case(path.stem, verdict == "rerun", title))
            elif line.startswith("--- "):
                name = line[4:]
                cases[-1].before[name] = ""
            elif line.startswith("~~~ "):
                cases[-1].edits.append(line[4:])
            elif cases and name in cases[-1].before:
                cases[-1].before[name] += line + "\n"
    return cases


def test_the_tables_are_read():
    cases = read_cases()
    assert len(cases) >= 80
    assert all(case.edits and case.before for case in cases)
    assert len({(case.topic, case.title) for case in cases}) == len(cases)


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: f"{case.topic}: {case.title}")
def test_an_edit_reruns_the_stage_exactly_if_it_can_change_the_result(case, folder, second_folder):
    folder.write(case.before)
    second_folder.write(case.after())
    before, after = folder.fingerprint(), second_folder.fingerprint()
    assert (before.digest != after.digest) == case.must_rerun
    if case.must_rerun:  # and the reason can be told
        assert {(p.key, p.digest) for p in before.parts} != {(p.key, p.digest) for p in after.parts}
