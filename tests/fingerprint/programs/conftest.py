"""Random programs and the truth about them: what plain Python returns, and what fingerprint they have."""

import importlib
import sys
from importlib.machinery import ModuleSpec
from random import Random

import pytest

from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import fingerprint_stage
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

MODULES = ("config", "helpers", "pkg", "pkg.deep", "pkg.flat", "stages")

Program = dict[str, list[str]]


class Author:
    """Writes a program whose names are always used as what they are: numbers, functions, classes, tables."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.program: Program = {name: [] for name in MODULES}
        self.own: dict[str, list[tuple[str, str]]] = {name: [] for name in MODULES}  # (kind, name)
        self.visible: dict[str, list[tuple[str, str]]] = {name: [] for name in MODULES}  # (kind, expression)
        self.before: dict[
            tuple[str, str], list[tuple[str, str]]
        ] = {}  # what was visible when a function was made
        self.count = 0

    def write(self) -> Program:
        for module in MODULES:
            self.module = module
            self.env = self.visible[module]
            self.imports()
            for _ in range(self.rng.randint(2, 7)):
                self.statement()
        results = ", ".join(self.number("x", 3) for _ in range(self.rng.randint(2, 5)))
        self.program["stages"].append(f"def train(x=3):\n    return ({results},)")
        return self.program

    # names

    def new(self, kind: str, stem: str) -> str:
        self.count += 1
        name = f"{stem}{self.count}"
        self.own[self.module].append((kind, name))
        self.before[self.module, name] = list(self.env)
        self.env.append((kind, name))
        return name

    def add(self, text: str) -> None:
        self.program[self.module].append(text)

    def some(self, kind: str) -> str | None:
        found = [name for each, name in self.env if each == kind]
        return self.rng.choice(found) if found else None

    def mine(self, kind: str) -> str | None:
        found = [name for each, name in self.own[self.module] if each == kind]
        return self.rng.choice(found) if found else None

    # imports

    def imports(self) -> None:
        for source in MODULES[: MODULES.index(self.module)]:
            inside = self.module.partition(".")[0] == source.partition(".")[0]
            if self.rng.randint(0, 3) == 0 or (source == "pkg" and self.module.startswith("pkg.")):
                continue
            names = self.own[source]
            form = self.rng.randint(0, 5)
            if form == 0 and not inside:
                self.add(f"import {source}")
                self.env += [(kind, f"{source}.{name}") for kind, name in names]
            elif form == 1 and not inside:
                self.count += 1
                alias = f"m{self.count}"
                self.add(f"import {source} as {alias}")
                self.env += [(kind, f"{alias}.{name}") for kind, name in names]
            elif form == 2:
                self.add(f"from {'.' + source.rpartition('.')[2] if inside else source} import *")
                self.env += names
            elif names:
                self.named(source, names, inside=inside)

    def named(self, source: str, names: list[tuple[str, str]], *, inside: bool) -> None:
        place = "." + source.rpartition(".")[2] if inside else source
        for kind, name in names:
            form = self.rng.randint(0, 3)
            if form == 0:
                alias = f"{name}_"
                self.add(f"from {place} import {name} as {alias}")
                self.env.append((kind, alias))
                self.own[self.module].append((kind, alias))
            elif form < 3:
                self.add(f"from {place} import {name}")
                self.env.append((kind, name))
                self.own[self.module].append((kind, name))

    # expressions

    def number(self, x: str | None, depth: int) -> str:
        """An expression whose value is a small integer."""
        if depth <= 0 or not self.env:
            return x if x and self.rng.randint(0, 1) else str(self.rng.randint(0, 9))
        makers = [
            self.leaf,
            self.leaf,
            self.sum,
            self.call,
            self.call,
            self.call,
            self.of_object,
            self.of_table,
        ]
        makers += [self.of_sequence, self.choice, self.lambda_, self.by_name]
        return self.rng.choice(makers)(x, depth - 1)

    def leaf(self, x: str | None, depth: int) -> str:
        return self.some("int") or self.number(x, 0)

    def sum(self, x: str | None, depth: int) -> str:
        op = self.rng.choice(["+", "-", "*"])
        return f"({self.number(x, depth)} {op} {self.number(x, depth)}) % 1009"

    def call(self, x: str | None, depth: int) -> str:
        function = self.some("func")
        return f"{function}({self.number(x, depth)})" if function else self.leaf(x, depth)

    def of_object(self, x: str | None, depth: int) -> str:
        maker, thing = self.some("class"), self.some("object")
        form = self.rng.randint(0, 4)
        if form == 0 and maker:
            return f"{maker}({self.number(x, depth)}).run({self.number(x, depth)})"
        if form == 1 and maker:
            return f"{maker}.k"
        if form == 2 and thing:
            return f"{thing}.n"
        if form == 3 and thing:
            return f"({thing} + {self.number(x, depth)})"
        return f"{thing}.run({self.number(x, depth)})" if thing else self.leaf(x, depth)

    def of_table(self, x: str | None, depth: int) -> str:
        table, registry = self.some("table"), self.some("registry")
        form = self.rng.randint(0, 3)
        key = self.rng.choice("abc")
        if form == 0 and table:
            return f"sum({table}.values())"
        if form == 1 and table:
            return f'{table}.get("{key}", 0)'
        if form == 2 and registry:
            return f"sum(f({self.number(x, depth)}) for f in {registry}.values())"
        return f'{registry}.get("{key}", abs)({self.number(x, depth)})' if registry else self.leaf(x, depth)

    def of_sequence(self, x: str | None, depth: int) -> str:
        sequence, function = self.some("list"), self.some("func")
        if sequence is None:
            return self.leaf(x, depth)
        forms = [
            f"sum({sequence})",
            f"len({sequence})",
            f"sum([i * {self.number(x, depth)} for i in {sequence}])",
        ]
        if function:
            forms += [f"sum(map({function}, {sequence}))", f"sum({function}(i) for i in {sequence} if i > 1)"]
        return self.rng.choice(forms)

    def choice(self, x: str | None, depth: int) -> str:
        return f"({self.number(x, depth)} if {self.number(x, depth)} > 4 else {self.number(x, depth)})"

    def lambda_(self, x: str | None, depth: int) -> str:
        return f"(lambda y, z={self.number(x, depth)}: y + z - {self.number('y', depth)})({self.number(x, depth)})"

    def by_name(self, x: str | None, depth: int) -> str:
        thing = self.some("object") or self.some("class")
        return f'getattr({thing}, "k")' if thing else self.leaf(x, depth)

    # statements

    def statement(self) -> None:
        makers = [self.constant, self.function, self.function, self.function, self.class_, self.class_]
        makers += [
            self.object_,
            self.table,
            self.registry,
            self.sequence,
            self.change,
            self.change,
            self.change,
        ]
        makers += [
            self.rebind,
            self.derived,
            self.derived,
            self.conditional,
            self.patch,
            self.memory,
            self.memory,
        ]
        self.rng.choice(makers)()

    def constant(self) -> None:
        value, other = self.number(None, self.rng.randint(0, 2)), self.number(None, 1)
        form = self.rng.randint(0, 5)
        if form == 0:
            name, second = self.new("int", "K"), self.new("int", "K")
            self.add(f"{name}, {second} = {value}, {other}")
        elif form == 1:
            name = self.new("int", "K")
            self.add(f"if (w{name} := {value}) > 3:\n    {name} = w{name}\nelse:\n    {name} = {other}")
        elif form == 2:
            name = self.new("int", "K")
            self.add(f"{name}: int = {value}")
        elif form == 3:
            name = self.new("int", "K")
            self.add(f"{name} = 0\nfor i in range(3):\n    {name} += i * {value}")
        else:
            name = self.new("int", "K")
            self.add(f"{name} = {value}")

    def body(self) -> str:
        form = self.rng.randint(0, 7)
        a, b = self.number("x", 2), self.number("t", 1)
        if form == 0:
            return f"    t = {a}\n    return t - {b}"
        if form == 1:
            return f"    def inner(t):\n        return t + {b} + x\n    return inner({a})"
        if form == 2:
            return f"    total = 0\n    for t in range(3):\n        total += {b}\n    return total + {a}"
        if form == 3:
            return f"    try:\n        return {a}\n    except ValueError:\n        return 0"
        if form == 4:
            return f"    match x:\n        case 0 | 1:\n            return {a}\n        case t:\n            return {b}"
        if form == 5:
            return f"    if x > 2:\n        return {a}\n    return {self.number('x', 1)}"
        return f"    return {a}"

    def function(self) -> None:
        body, default = self.body(), self.number(None, 1)
        form = self.rng.randint(0, 8)
        decorator = self.some("decorator")
        if form == 0:
            name = self.new("func", "f")
            self.add(f"def {name}(x, k={default}):\n    x = x + k\n{body}")
        elif form == 1 and decorator:
            name = self.new("func", "f")
            self.add(f"@{decorator}\ndef {name}(x):\n{body}")
        elif form == 2:
            name = self.new("func", "f")
            self.add(f"from functools import lru_cache\n@lru_cache\ndef {name}(x):\n{body}")
        elif form == 3:
            self.decorator()
        elif form == 4:
            self.lazy(body)
        else:
            name = self.new("func", "f")
            self.add(f"def {name}(x):\n{body}")

    def decorator(self) -> None:
        registry, table = self.some("registry"), self.some("table")
        value = self.number("x", 1)
        act = [f"f(x) + {value}", f"f({value})"]
        inner = f"    def inner(x):\n        return {self.rng.choice(act)}\n    return inner"
        form = self.rng.randint(0, 2)
        key = self.rng.choice("abc")
        if form == 0 and registry:
            inner = f'    {registry}["{key}"] = f\n    return f'
        elif form == 1 and table:
            inner = f'    {table}["{key}"] = f({self.number(None, 0)})\n    return f'
        self.add(f"def {self.new('decorator', 'deco')}(f):\n{inner}")

    def lazy(self, body: str) -> None:
        """A function that imports in its body."""
        sources = [m for m in MODULES[: MODULES.index(self.module)] if self.own[m]]
        if not sources:
            return
        source = self.rng.choice(sources)
        kind, other = self.rng.choice(self.own[source])
        use = {"int": other, "func": f"{other}(x)", "list": f"sum({other})", "class": f"{other}.k"}.get(
            kind, "0"
        )
        name = self.new("func", "f")
        self.add(f"def {name}(x):\n    from {source} import {other}\n    x = x + {use}\n{body}")

    def class_(self) -> None:
        base, k, default = self.some("class"), self.number(None, 1), self.number(None, 0)
        form = self.rng.randint(0, 6)
        body = self.number("x", 2)
        methods = (
            f"    def __init__(self, n={default}):\n        self.n = n\n"
            f"    def run(self, x):\n        return {body} + self.n + self.k\n"
            f"    def __add__(self, other):\n        return self.n + other\n"
            f"    def up(self, n):\n        self.n += n\n"
        )
        name = self.new("class", "C")
        if form == 0 and base:
            self.add(f"class {name}({base}):\n    k = {k}")
        elif form == 1 and base:
            self.add(f"class {name}({base}):\n    def run(self, x):\n        return super().run(x) + {body}")
        elif form == 2 and (known := self.some("list")):
            hook = f"    def __init_subclass__(cls):\n        {known}.append(cls.k)\n"
            self.add(f"class {name}:\n    k = {k}\n{methods}{hook}")
        elif form == 3:
            text = f"from dataclasses import dataclass\n@dataclass\nclass {name}:\n    n: int = {default}\n    k = {k}\n"
            self.add(
                text
                + methods.partition("\n    def run")[0].partition("    def __init__")[0]
                + "    def run"
                + methods.partition("    def run")[2]
            )
        else:
            self.add(f"class {name}:\n    k = {k}\n{methods}")

    def object_(self) -> None:
        if maker := self.some("class"):
            value = self.number(None, 1)
            self.add(f"{self.new('object', 'o')} = {maker}({value})")

    def table(self) -> None:
        value = self.number(None, 1)
        form = self.rng.choice(['{{"a": {0}}}', "dict(b={0})", "{{c: {0} for c in 'ab'}}", "{{}}"])
        self.add(f"{self.new('table', 'T')} = {form.format(value)}")

    def registry(self) -> None:
        function = self.some("func")
        self.add(f"{self.new('registry', 'R')} = " + (f'{{"a": {function}}}' if function else "{}"))

    def sequence(self) -> None:
        function, value = self.some("func"), self.number(None, 1)
        forms = [
            f"[{value}, 2]",
            f"[i + {value} for i in range(3)]",
            f"list(range({self.rng.randint(0, 4)}))",
        ]
        if function:
            forms.append(f"[{function}(i) for i in range(3)]")
        text = self.rng.choice(forms)
        self.add(f"{self.new('list', 'L')} = {text}")

    def change(self) -> None:
        """A statement that changes something in place."""
        value, function, key = self.number(None, 1), self.some("func"), self.rng.choice("abc")
        texts: list[str] = []
        if table := self.some("table"):
            texts += [
                f'{table}["{key}"] = {value}',
                f"{table}.update({key}={value})",
                f'{table}.pop("{key}", 0)',
            ]
            texts += [f"for c in 'ab':\n    {table}[c] = {value}", f'{table}.setdefault("{key}", {value})']
            texts += [f'with_{self.count} = {table}\nwith_{self.count}["{key}"] = {value}', f"{table} | {{}}"]
        if sequence := self.some("list"):
            texts += [
                f"{sequence}.append({value})",
                f"{sequence}.extend([{value}, 1])",
                f"{sequence}.insert(0, {value})",
            ]
            texts += [
                f"{sequence}[:1] = [{value}]",
                f"{sequence}.sort()",
                f"{sequence}.reverse()",
                f"{sequence}.clear()",
            ]
        if (registry := self.some("registry")) and function:
            texts += [
                f'{registry}["{key}"] = {function}',
                f'{registry}["{key}"] = lambda x: {self.number("x", 1)}',
            ]
            texts += [f"{registry}.update({key}={function})"]
        if thing := self.some("object"):
            texts += [f"{thing}.n = {value}", f"{thing}.up({value})", f'setattr({thing}, "n", {value})']
        if maker := self.some("class"):
            texts += [f"{maker}.k = {value}", f"{maker}.run = lambda self, x: {self.number('x', 1)}"]
        if function:
            texts += [f"{function}({value})"]
        if changer := self.some("changer"):
            texts += [f"{changer}({value})"] * 3
        if texts:
            self.add(self.rng.choice(texts))

    def rebind(self) -> None:
        if (name := self.mine("int")) and self.rng.randint(0, 1):
            value = self.number(None, 1)
            self.add(
                self.rng.choice([f"{name} = {value}", f"{name} += {value}", f"{name} = {name} - {value}"])
            )
        elif name := self.mine("func"):
            now, self.env = self.env, self.before.get((self.module, name), [])
            body, wrapped = self.body(), self.number("x", 1)
            self.env = now
            forms = [f"def {name}(x):\n{body}", f"{name} = lambda x: {wrapped}"]
            forms.append(f"{name} = (lambda f: lambda x: f(x) - {wrapped})({name})")
            self.add(self.rng.choice(forms))

    def derived(self) -> None:
        """A function made from others, or one that changes what is global."""
        function, value = self.some("func"), self.number(None, 1)
        form = self.rng.randint(0, 5)
        if form == 0 and function:
            self.add(f"{self.new('func', 'g')} = {function}")
        elif form == 1 and function:
            self.add(f"from functools import partial\n{self.new('func', 'g')} = partial({function})")
        elif form == 2:
            self.add(f"{self.new('func', 'g')} = lambda x, k={value}: {self.number('x', 1)} + k")
        elif form == 3 and (name := self.mine("int")):
            changer = self.new("changer", "set")
            self.add(f"def {changer}(v):\n    global {name}\n    {name} = v")
        elif form == 4 and (table := self.some("table")):
            self.add(f"def {self.new('changer', 'put')}(v):\n    {table}['{self.rng.choice('abc')}'] = v")
        elif form == 5 and (thing := self.some("object")):
            self.add(f"{self.new('func', 'g')} = {thing}.run")

    def conditional(self) -> None:
        test = self.number(None, 1)
        one, other = self.body(), self.body()
        name = self.new("func", "f")
        indent = "\n".join("    " + line for line in one.splitlines())
        second = "\n".join("    " + line for line in other.splitlines())
        form = self.rng.randint(0, 1)
        head, middle = ("try:\n    int", "except ValueError:") if form else (f"if {test} > 4:", "else:")
        if form:
            self.add(
                f"{head}('{self.rng.choice(['1', 'one'])}')\n    def {name}(x):\n{indent}\n{middle}\n    def {name}(x):\n{second}"
            )
        else:
            self.add(f"{head}\n    def {name}(x):\n{indent}\n{middle}\n    def {name}(x):\n{second}")

    def memory(self) -> None:
        """Something that remembers how it was used."""
        value, key = self.number(None, 1), self.rng.choice("abc")
        form = self.rng.randint(0, 7)
        if form == 0:
            maker, name = f"make{self.count}", self.new("func", "g")
            inner = (
                "    def inner(x):\n        nonlocal n\n        n += x\n        return n\n    return inner"
            )
            self.add(f"def {maker}():\n    n = {value}\n{inner}")
            self.add(f"{name} = {maker}()")
        elif form == 1:
            name = self.new("func", "f")
            self.add(f"def {name}(x, seen=[]):\n    seen.append(x)\n    return len(seen) + {value}")
        elif form == 2:
            name = self.new("class", "C")
            methods = "    def __init__(self, n=1):\n        self.n = n\n        self.seen.append(n)\n"
            run = "    def run(self, x):\n        return len(self.seen) + x\n"
            operator = "    def __add__(self, other):\n        self.n += 1\n        return self.n + other"
            self.add(f"class {name}:\n    k = {value}\n    seen = []\n{methods}{run}{operator}")
        elif form == 3:
            name = self.new("table", "T")
            self.add(f"from collections import defaultdict\n{name} = defaultdict(lambda: {value})")
            self.add(f'{self.new("int", "K")} = {name}["{key}"]')
        elif form == 4 and (table := self.some("table")):
            self.add(f"{self.new('table', 'T')} = {table}")
        elif form == 5 and (thing := self.some("object")):
            self.add(f"{self.new('object', 'o')} = {thing}")
        elif form == 6:
            maker = f"shared{self.count}"
            self.add(f"from functools import cache\n@cache\ndef {maker}():\n    return {{}}")
            self.add(f'{maker}()["{key}"] = {value}')
            name = self.new("func", "f")
            self.add(f"def {name}(x):\n    return {maker}().get('{key}', x)")
        elif form == 7 and (table := self.some("table")):
            self.add(f"{self.new('list', 'L')} = list({table}.values())")

    def patch(self) -> None:
        """A statement that sets a name of another module."""
        modules = {expression.rpartition(".")[0] for _, expression in self.env if "." in expression}
        if not modules:
            return
        module = self.rng.choice(sorted(modules))
        names = [(k, e) for k, e in self.env if e.rpartition(".")[0] == module]
        kind, name = self.rng.choice(names)
        if kind == "int":
            value = self.number(None, 1)
            short = name.rpartition(".")[2]
            self.add(
                self.rng.choice(
                    [f"{name} = {value}", f'setattr({module}, "{short}", {value})', f"{name} += 1"]
                )
            )


def texts(program: Program) -> dict[str, str]:
    return {name: "\n".join(chunks) + "\n" for name, chunks in program.items()}


class Finder:
    """Imports modules from texts."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self, is_package=name == "pkg") if name in self.files else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.files[module.__name__], module.__name__, "exec"), vars(module))


def depth() -> int:
    """How many frames the caller is deep."""
    frame, count = sys._getframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def result(files: dict[str, str]) -> str:
    """What the stage returns, or the error it ends with; an import that fails begins with ``import``."""
    finder = Finder(files)
    sys.meta_path.insert(0, finder)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + 250)  # a patched method may call itself for ever
    try:
        try:
            train = importlib.import_module("stages").train
        except Exception as error:
            return f"import {type(error).__name__}"
        try:
            return repr(train())
        except Exception as error:
            return f"raises {type(error).__name__}"
    finally:
        sys.setrecursionlimit(limit)
        sys.meta_path.remove(finder)
        for name in MODULES:
            sys.modules.pop(name, None)


def fingerprint(files: dict[str, str]) -> str:
    overlay = {
        name: ModuleText(name, f"<{name}>", name, text, digest_text(text), name == "pkg")
        for name, text in files.items()
    }
    sources = Sources("/nowhere", [ProjectPath(".")], overlay, search=[])
    return fingerprint_stage(ObjectRef("stages", "train"), sources).digest


class World:
    """Programs, each a few modules as lists of statements, and what they do."""

    modules = MODULES

    def program(self, rng: Random) -> tuple[Program, str]:
        """A program whose stage returns something, and what."""
        while True:
            program = Author(rng).write()
            if (returned := self.result(program)).startswith("("):
                return program, returned

    def result(self, program: Program) -> str:
        return result(texts(program))

    def fingerprint(self, program: Program) -> str:
        return fingerprint(texts(program))


@pytest.fixture(scope="session")
def world() -> World:
    return World()
