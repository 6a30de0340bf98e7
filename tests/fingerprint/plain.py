"""A program, not a test: what plain Python gives for many versions of one project.

    python plain.py < projects     one JSON line in, one JSON line out

In: ``{"versions": [{name: text}], "arguments": [expression]}``. Out: for each version ``{expression: text}``; ``{}`` for
one that took too long or ended its process. The calls of a version follow each other in one process. Needs the folder
of the corpus on its path, whose ways of running and of telling results it has.
"""

import contextlib
import importlib
import json
import os
import resource
import sys
import tempfile
from functools import partial

import truth

SECONDS = 2
HEAVY = ("numpy", "pandas", "pydantic", "sklearn")


def main():
    for line in sys.stdin:
        question = json.loads(line)
        for name in HEAVY:
            if f'"{name}' in line or f" {name}" in line:  # once, not in each process
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
        with tempfile.TemporaryDirectory() as place:
            runs = [
                partial(within_time, f"{place}/{number}", files, question["arguments"])
                for number, files in enumerate(question["versions"])
            ]
            found = [truth.in_fork(run) for run in runs]
        print(json.dumps([each if isinstance(each, dict) else {} for each in found]), flush=True)


def within_time(folder, files, arguments):
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + SECONDS,) * 2)
    os.makedirs(folder)
    return truth.results(folder, files, arguments, truth.calls)


if __name__ == "__main__":
    main()
