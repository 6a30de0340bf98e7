"""A clock that was put back: nothing runs for it, nothing is missed, and the last run stays the last one."""

import json
import os

YEARS = 3e8  # seconds


def test_a_clock_that_was_put_back_changes_no_verdict_and_not_the_order_of_runs(kinds, expected, every):
    assert kinds.outcomes() == every("ran")
    for path in [kinds.path / name for name in (*expected(""), "state.json", "in.txt", "stages.py")]:
        stat = path.stat()
        os.utime(path, (stat.st_atime, stat.st_mtime + YEARS))
    (run,) = (path for path in (kinds.path / ".pivot/runs").iterdir() if path.name[0] != ".")
    run.rename(
        run.with_name(f"2{int(run.name[1:4]) + 10:03}{run.name[4:]}")
    )  # as if made with the other clock
    assert kinds.outcomes() == every("unchanged")
    later = (kinds.path / "in.txt").stat()
    kinds.edit("two")
    os.utime(kinds.path / "in.txt", ns=(later.st_atime_ns, later.st_mtime_ns))
    assert kinds.outcomes() == every("ran")
    assert kinds.held() == expected("two")
    (kinds.path / "file.txt").unlink()
    assert kinds.outcomes() == every("unchanged", file="restored")
    shown = [run["counts"] for run in json.loads(kinds.pivot("history", "--json").out)["runs"]]
    assert [list(counts) for counts in shown] == [["restored", "unchanged"], ["ran"], ["ran"]]
