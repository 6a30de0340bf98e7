"""What a call executes, found by plain Python: run as a script in the folder of a release, prints JSON.

Each stage of `stages.py` is called in a forked process of its own, after all imports, under `sys.setprofile`. The code
of a definition is compared as the compiler sees it: without positions, docstrings, annotations, and names of locals.
"""

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from types import CodeType, FrameType

sys.dont_write_bytecode = True


def main() -> None:
    """Print, for each stage, its result and the definitions that ran."""
    root = os.getcwd()
    sys.path[0] = root
    import stages

    files: dict[str, list[tuple[str, ast.stmt]]] = {}
    found = {}
    for name, function in vars(stages).items():
        if name.startswith("stage_"):
            result, ran = in_fork(function, root)
            definitions = sorted({definition_of(f, line, files) for f, line in ran})
            found[name] = {"result": result, "executed": definitions}
    print(json.dumps(found))


def in_fork(function, root: str) -> tuple[str, list[tuple[str, int]]]:
    """The result of a call, as text, and (file, first line) of each code object that ran for it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = json.dumps(profiled(function, root))
        with open(writer, "w", encoding="utf-8") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        result, ran = json.load(pipe)
    os.waitpid(child, 0)
    return result, [(file, line) for file, line in ran]


def profiled(function, root: str) -> tuple[str, list[tuple[str, int]]]:
    """The same, in this process; importing what a body imports is no part of the call."""
    ran: dict[tuple[str, int], None] = {}
    inside = root + os.sep
    own = os.path.join(root, "stages.py")

    def see(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(inside) and code.co_filename != own:
            if code.co_name != "<module>" and not is_class_body(code) and not importing(frame):
                ran[code.co_filename, code.co_firstlineno] = None

    sys.setprofile(see)
    try:
        result = repr(function())
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    finally:
        sys.setprofile(None)
    return result, list(ran)


def is_class_body(code: CodeType) -> bool:
    """Whether code is the body of a class statement: it has no locals of its own."""
    return not code.co_flags & 0x1  # CO_OPTIMIZED


def importing(frame: FrameType | None) -> bool:
    """Whether a frame runs because a module is being imported."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            return True
        frame = frame.f_back
    return False


def definition_of(file: str, line: int, files: dict[str, list[tuple[str, ast.stmt]]]) -> tuple[str, str]:
    """The name and the digest of the function, or other statement, that holds a line."""
    if file not in files:
        with open(file, encoding="utf-8") as opened:
            files[file] = list(definitions(ast.parse(opened.read()).body, ""))
    for name, statement in files[file]:
        if first_line(statement) <= line <= (statement.end_lineno or 0):
            return name, digest_of(statement)
    return "generated", ""  # text that was compiled under the file's own name


def definitions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    """The functions, methods and other statements of a body; what is nested in a function belongs to it."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield from definitions(statement.body, f"{prefix}{statement.name}.")
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(statement, "handlers", [])]
            for block in blocks:
                yield from definitions(block, prefix)
        else:
            yield f"{prefix}statement", statement


def first_line(statement: ast.stmt) -> int:
    """The first line of a statement, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


class Bare(ast.NodeTransformer):
    """Takes away what the interpreter does not act upon: docstrings, and annotations of functions and locals."""

    def visit_FunctionDef(self, node):
        node.returns = None
        self.generic_visit(node)
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str:
            del node.body[0]
        if not node.body:
            node.body = [ast.Pass()]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_ClassDef(self, node):
        node.body = [s if isinstance(s, ast.AnnAssign) else self.visit(s) for s in node.body]
        return node

    def visit_AnnAssign(self, node):
        if node.value is not None:
            return ast.Assign([node.target], node.value)
        if isinstance(node.target, ast.Name):  # a bare one still makes its name a local
            return ast.If(ast.Constant(False), [ast.Assign([node.target], ast.Constant(None))], [])
        return ast.Pass()


def digest_of(statement: ast.stmt) -> str:
    """The digest of a statement's compiled code; equal code is equal on one version of Python."""
    module = ast.Module([Bare().visit(statement)], [])
    compiled = compile(ast.fix_missing_locations(module), "", "exec", dont_inherit=True)
    return hashlib.sha256(repr(content(compiled)).encode()).hexdigest()[:16]


def content(value: object) -> object:
    """A constant as plain data; code objects without positions and without names of locals."""
    if isinstance(value, CodeType):
        count = value.co_argcount + value.co_kwonlyargcount + bool(value.co_flags & 4) + bool(value.co_flags & 8)
        shape = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)
        constants = [content(constant) for constant in value.co_consts]
        name = value.co_name
        return ("code", name, *shape, value.co_varnames[:count], value.co_names, value.co_code, constants)
    if isinstance(value, tuple):
        return ("tuple", *(content(item) for item in value))
    if isinstance(value, frozenset):
        return ("frozenset", *sorted(repr(content(item)) for item in value))
    return (type(value).__name__, repr(value))


if __name__ == "__main__":
    main()
