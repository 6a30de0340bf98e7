"""Real history: successive releases of libraries taken as a project's own code.

`walk.py` does the work, in a process of its own; `make history` walks more libraries and prints the figures.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WALK = Path(__file__).with_name("walk.py")
LIBRARIES = {"more-itertools": (36, 0.95), "boltons": (18, 0.95)}
"""Library → its steps from release to release, together more than 50, and how many quiet ones must run nothing."""


@pytest.fixture
def walked(request: pytest.FixtureRequest, tmp_path: Path) -> list[dict]:
    """Each call of a library in two successive releases: what changed by plain Python, and by Pivot."""
    cache = getattr(request.config, "cache", None)
    folder = os.environ.get("PIVOT_HISTORY") or (cache.mkdir("history") if cache is not None else tmp_path)
    command = [sys.executable, str(WALK), "--json", "--cache", str(folder), request.param]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    steps = json.loads(ended.stdout)[request.param]
    missing = LIBRARIES[request.param][0] - len({step["versions"] for step in steps})
    if missing:
        pytest.skip(f"no package index: {missing} steps of {request.param} could not be fetched")
    return steps


@pytest.mark.timeout(600)
@pytest.mark.parametrize("walked", LIBRARIES, indirect=True)
def test_a_stage_runs_again_wherever_a_release_changed_what_its_call_executes_and_else_seldom(walked):
    changed = [step for step in walked if step["ran_otherwise"] or step["result_changed"]]
    assert len(changed) > 20
    assert [label(s) for s in changed if not (s["fingerprint_changed"] and s["changed_unseen"])] == []

    assert [f"{label(step)}: {step['refused']}" for step in walked if step["refused"]] == []

    quiet = [step for step in walked if step not in changed and not step["other_changed"]]
    assert len(quiet) > 200
    needless = [label(step) for step in quiet if step["fingerprint_changed"]]
    wanted = LIBRARIES[quiet[0]["library"]][1]
    assert len(needless) <= (1 - wanted) * len(quiet), "\n".join(needless)


def label(step: dict) -> str:
    """A step for a message."""
    return f"{step['library']} {step['versions']} {step['stage']}: {step['ran_otherwise'] or step['parts']}"
