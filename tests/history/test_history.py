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
LIBRARIES = {"more-itertools": 36, "boltons": 18}
"""Library → how many steps from release to release there are; together more than 50."""


@pytest.fixture(scope="module", params=LIBRARIES)
def steps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Each call of a library in two successive releases: what changed by plain Python, and by Pivot."""
    cache = request.config.cache
    folder = cache.mkdir("history") if cache is not None else tmp_path_factory.mktemp("history")
    folder = Path(os.environ.get("PIVOT_HISTORY", folder))
    walked = subprocess.run(
        [sys.executable, str(WALK), "--json", "--cache", str(folder), request.param],
        capture_output=True,
        text=True,
        check=False,
    )
    assert walked.returncode == 0, walked.stderr
    found = json.loads(walked.stdout)[request.param]
    missing = LIBRARIES[request.param] - len({step["versions"] for step in found})
    if missing:
        pytest.skip(f"no package index: {missing} steps of {request.param} could not be fetched")
    return found


def label(step: dict) -> str:
    """A step for a message."""
    return f"{step['library']} {step['versions']} {step['stage']}: {step['ran_otherwise'] or step['parts']}"


@pytest.mark.timeout(600)
def test_wherever_a_release_changed_what_a_call_executes_its_stage_runs_again(steps):
    changed = [step for step in steps if step["ran_otherwise"] or step["result_changed"]]
    assert len(changed) > 20
    for seen in ("fingerprint_changed", "changed_unseen"):
        assert [label(step) for step in changed if not step[seen]] == []


@pytest.mark.timeout(600)
def test_no_release_of_a_real_library_is_refused(steps):
    assert [f"{label(step)} {step['refused']}" for step in steps if step["refused"]] == []


@pytest.mark.timeout(600)
def test_where_no_executed_definition_changed_the_stage_is_seldom_run_again(steps):
    quiet = [
        step
        for step in steps
        if not (step["ran_otherwise"] or step["result_changed"] or step["class_changed"])
    ]
    needless = [label(step) for step in quiet if step["fingerprint_changed"]]
    assert len(quiet) > 200
    assert len(needless) <= 0.05 * len(quiet), "\n".join(needless)
