"""A program, not a test: what plain Python gives for many versions of one project.

    python plain.py < projects     one JSON line in, one JSON line out

In: ``{"versions": [{name: text}], "arguments": [expression]}``. Out: for each version ``{expression: text}``; ``{}`` for
one that took too long. Needs the folder of the corpus on its path, whose ways of running and of telling results it has.
"""

import contextlib
import importlib
import json
import os
import resource
import sys
import tempfile

import truth

SECONDS = 2


def main():
    for name in ("numpy", "pandas"):  # once, not in each process
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        question = json.loads(line)
        with tempfile.TemporaryDirectory() as place:
            found = [
                truth.in_fork(lambda n=n, files=files: within_time(f"{place}/{n}", files, question["arguments"]))
                for n, files in enumerate(question["versions"])
            ]
        print(json.dumps([each if isinstance(each, dict) else {} for each in found]), flush=True)


def within_time(folder, files, arguments):
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + SECONDS,) * 2)
    os.makedirs(folder)
    return truth.results(folder, files, arguments)


if __name__ == "__main__":
    main()
