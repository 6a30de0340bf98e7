"""A program, not a test: what plain Python gives for a project before and after an edit.

    python truth.py < rows     one JSON line in, one JSON line out

In: ``{"before": {name: text}, "after": {...}, "arguments": [expression]}``. Out: ``{"before": {expression: text}, …}``.
Every version is imported in a process of its own, and the first call is made in another; the other calls follow each
other in a third.
"""

import importlib
import json
import os
import random
import sys
import tempfile
from functools import partial

import canonical
import places


def main():
    for line in sys.stdin:
        print(json.dumps(both(**json.loads(line))), flush=True)


def both(before, after, arguments):
    """The results of both versions, by argument."""
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for name, files in (("before", before), ("after", after)):
            folder = os.path.join(place, name)
            found[name] = in_fork(partial(results, folder, files, arguments, calls_apart))
    return found


def results(folder, files, arguments, call):
    """The results of ``stages.train`` by argument; an import that fails is the result of each."""
    project = places.make(folder)
    places.write(project, files)
    os.chdir(project)
    sys.path.insert(0, project)
    try:
        stages = importlib.import_module("stages")
    except Exception as error:  # a result like any other
        return dict.fromkeys(arguments, f"import: {canonical.text_of(error).replace(folder, '..')}")
    return call(stages, arguments)


def calls_apart(stages, arguments):
    """The first call in a process of its own, the others in another."""
    return calls_in_fork(stages, arguments[:1]) | calls_in_fork(stages, arguments[1:])


def calls_in_fork(stages, arguments):
    state = random.getstate()

    def call():
        random.setstate(state)  # a fork seeds it anew
        return calls(stages, arguments)

    found = in_fork(call)
    return found if isinstance(found, dict) else dict.fromkeys(arguments, found)


def calls(stages, arguments):
    """The results of some calls, one after the other."""
    found = {}
    for argument in arguments:
        try:
            found[argument] = canonical.text_of(stages.train(eval(argument, vars(stages))))
        except Exception as error:
            found[argument] = canonical.text_of(error)
    return found


def in_fork(function):
    """What a function gives in a process of its own, by way of JSON."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(here)
        # what the row prints is no answer
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        try:
            with os.fdopen(there, "w") as pipe:
                json.dump(function(), pipe)
        finally:
            os._exit(0)
    os.close(there)
    with os.fdopen(here) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else "the process ended"


if __name__ == "__main__":
    main()
