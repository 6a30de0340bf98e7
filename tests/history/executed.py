"""What a call executes, found by plain Python: run as a script in the folder of a release, prints JSON.

Each stage of `stages.py` is called in a forked process of its own, after all imports, under `sys.setprofile`. What
runs is looked up in `source`; what runs because something is imported is told apart.
"""

import json
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import NamedTuple

from source import Source

sys.dont_write_bytecode = True


class Ran(NamedTuple):
    """A function that ran.

    Attributes:
        line: its first, decorators included.
        importing: whether it ran because a module was imported.
    """

    module: str
    file: str
    line: int
    importing: bool


def main() -> None:
    """Print what ran for the imports, and for each stage what it gave, what it executed, and what ran for it."""
    root = os.getcwd()
    sys.path[0] = root
    _, imports = profiled(lambda: __import__("stages"), root)
    source = Source()
    stages = {}
    for name, function in vars(sys.modules["stages"]).items():
        if name.startswith("stage_"):
            result, ran = in_fork(function, root)
            called, imported = ([r for r in ran if r.importing is now] for now in (False, True))
            executed = {source.definition(each.file, each.line) for each in called}
            before = {source.definition(each.file, each.line) for each in imported}
            stages[name] = {
                "result": result,
                "executed": sorted(executed),
                "executed_by_imports": sorted(before),
                "ran": lines(called),
                "imports": lines(imported),
            }
    print(json.dumps({"imports": lines(imports), "stages": stages}))


def lines(ran: list[Ran]) -> list[tuple[str, int]]:
    """The module and the first line of each function that ran."""
    return sorted({(each.module, each.line) for each in ran})


def in_fork(function: Callable[[], object], root: str) -> tuple[str, list[Ran]]:
    """The same as `profiled`, in a process of its own: nothing that one call remembers helps another."""
    reader, writer = os.pipe()
    if not os.fork():
        os.close(reader)
        with open(writer, "w", encoding="utf-8") as pipe:
            json.dump(profiled(function, root), pipe)
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        result, ran = json.load(pipe)
    os.wait()
    return result, [Ran(*each) for each in ran]


def profiled(function: Callable[[], object], root: str) -> tuple[str, list[Ran]]:
    """The result of a call, as text, and the functions below `root` that ran for it; `stages.py` is left out."""
    ran: dict[Ran, None] = {}
    inside = root + os.sep

    def see(frame: FrameType, event: str, _: object) -> None:
        code, module = frame.f_code, frame.f_globals.get("__name__")
        if (
            event == "call"
            and code.co_filename.startswith(inside)
            and module != "stages"
            and is_function(code)
        ):
            ran[Ran(str(module), code.co_filename, code.co_firstlineno, importing(frame))] = None

    sys.setprofile(see)
    try:
        result = repr(function())
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    finally:
        sys.setprofile(None)
    return result, list(ran)


def is_function(code: CodeType) -> bool:
    """Whether code is a function's (or a comprehension's), not the body of a module or a class."""
    return bool(code.co_flags & 0x1)  # CO_OPTIMIZED: its locals are its own


def importing(frame: FrameType | None) -> bool:
    """Whether a frame runs because a module is being imported."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    main()
