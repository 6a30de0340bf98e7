"""A machine with one core."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from pivot.project import Project

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with Project(".") as project:
        for options in ({}, {"jobs": 1, "force": True}):
            run = project.repro(executor=sys.argv[1], **options)
            print([str(end.outcome) for end in run.stages.values()], project.load("total"))
"""
STAGES = """
xs: {python: st.xs}
factor: {python: st.factor, depends_on: xs}
times: {python: st.times, map: xs, depends_on: factor}
total: {python: st.total, depends_on: [times, factor]}
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system gives no process one core only")
def test_a_mapped_stage_between_others_runs_on_one_core(flow, kind):
    flow.executor = ""  # a cluster that is started on that machine
    flow.write(
        "def xs():\n    return [1, 2, 3]\ndef factor(xs):\n    return len(xs)\n"
        "def times(x, factor):\n    return x * factor\ndef total(found, factor):\n    return sum(found) + factor\n",
        STAGES,
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind],
        cwd=flow.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.splitlines() == [f"{['ran'] * 4} 21"] * 2, done.stderr
