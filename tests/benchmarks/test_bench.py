"""The benchmarks themselves work: nobody runs all of them at each change."""

import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent / "bench.py"


def measured(*words):
    ran = subprocess.run([sys.executable, BENCH, *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_part_of_the_benchmarks_is_measured_and_told_beside_its_goal():
    page = BENCH.parent.parent.parent / "docs" / "explanation" / "speed.md"
    before = page.read_bytes()
    head, _, *rows = [
        line for line in measured("--quick", "--rows", "^hash$|^messages$").splitlines() if "|" in line
    ]
    assert head == "| | Pivot | beside it | ratio | goal |"
    assert re.fullmatch(
        r"\| hashing 1 MiB \| [\d.]+ s \| [\d.]+ s `cat` \| [\d.]+ \| ≤ 1.2 x [✓✗] \|", rows[0]
    )
    assert rows[-1].startswith("| messages to browsers while stages run, at most |")
    assert page.read_bytes() == before


def test_what_is_not_wanted_is_not_measured():
    assert measured("--rows", "no such row") == ""
