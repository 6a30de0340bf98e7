"""Random programs whose names are always used as what they are."""

import textwrap
from collections.abc import Callable
from random import Random

import pytest

MODULES = ("config", "helpers", "pkg", "pkg.deep", "pkg.flat", "stages")

Program = dict[str, list[str]]


CHANGES = {
    "table": """{0}["{key}"] = {value};{0}.update({key}={value});{0}.pop("{key}", 0);{0}.setdefault("{key}", {value});"""
    """for c in "ab": {0}[c] = {value};same = {0}\nsame["{key}"] = {value};with_key = {0} | {{}}""",
    "list": "{0}.append({value});{0}.extend([{value}, 1]);{0}.insert(0, {value});{0}[:1] = [{value}];{0}.sort();"
    "{0}.reverse();{0}.clear()",
    "registry": """{0}["{key}"] = {function};{0}["{key}"] = lambda x: {body};{0}.update({key}={function})""",
    "object": """{0}.n = {value};{0}.up({value});setattr({0}, "n", {value})""",
    "class": "{0}.k = {value};{0}.run = lambda self, x: {body}",
    "func": "{0}({value})",
    "changer": "{0}({value});{0}({value});{0}({value})",
}
"""Statements that change something in place, by the kind of what they change."""


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
            if form < 3:
                new = name if form else f"{name}_"
                self.add(f"from {place} import {name}" + ("" if form else f" as {new}"))
                self.env.append((kind, new))
                self.own[self.module].append((kind, new))

    # expressions

    def number(self, x: str | None, depth: int) -> str:
        """An expression whose value is a small integer."""
        if depth <= 0 or not self.env:
            return x if x and self.rng.randint(0, 1) else str(self.rng.randint(0, 9))
        makers = "leaf leaf sum call call call of_object of_table of_sequence choice lambda_"
        return getattr(self, self.rng.choice(makers.split()))(x, depth - 1)

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
        form, key = self.rng.randint(0, 3), self.rng.choice("abc")
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
        item = f"i * {self.number(x, depth)}"
        forms = [f"sum({sequence})", f"len({sequence})", f"sum([{item} for i in {sequence}])"]
        if function:
            forms += [f"sum(map({function}, {sequence}))", f"sum({function}(i) for i in {sequence} if i > 1)"]
        return self.rng.choice(forms)

    def choice(self, x: str | None, depth: int) -> str:
        return f"({self.number(x, depth)} if {self.number(x, depth)} > 4 else {self.number(x, depth)})"

    def lambda_(self, x: str | None, depth: int) -> str:
        return f"(lambda y, z={self.number(x, depth)}: y + z - {self.number('y', depth)})({self.number(x, depth)})"

    # statements

    def statement(self) -> None:
        makers = (
            "constant function function function class_ class_ object_ table registry sequence change change change "
            "rebind derived derived conditional patch memory memory"
        )
        getattr(self, self.rng.choice(makers.split()))()

    def constant(self) -> None:
        value, other = self.number(None, self.rng.randint(0, 2)), self.number(None, 1)
        name = self.new("int", "K")
        if self.rng.randint(0, 5) == 0:
            self.add(f"{name}, {self.new('int', 'K')} = {value}, {other}")
            return
        texts = [
            f"if (w{name} := {value}) > 3:\n    {name} = w{name}\nelse:\n    {name} = {other}",
            f"{name}: int = {value}",
            f"{name} = 0\nfor i in range(3):\n    {name} += i * {value}",
            f"{name} = {value}",
        ]
        self.add(self.rng.choice(texts))

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
        body, default, form = self.body(), self.number(None, 1), self.rng.randint(0, 8)
        if form == 0:
            self.decorator()
        elif form == 1:
            self.lazy(body)
        else:
            name = self.new("func", "f")
            heads = {2: f"def {name}(x, k={default}):\n    x = x + k", 3: f"@lru_cache\ndef {name}(x):"}
            if decorator := self.some("decorator"):
                heads[4] = f"@{decorator}\ndef {name}(x):"
            start = "from functools import lru_cache\n" if form == 3 else ""
            self.add(f"{start}{heads.get(form, f'def {name}(x):')}\n{body}")

    def decorator(self) -> None:
        registry, table = self.some("registry"), self.some("table")
        value = self.number("x", 1)
        act = [f"f(x) + {value}", f"f({value})"]
        inner = f"    def inner(x):\n        return {self.rng.choice(act)}\n    return inner"
        form, key = self.rng.randint(0, 2), self.rng.choice("abc")
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
        use = {"int": other, "func": f"{other}(x)", "class": f"{other}.k"}.get(kind, "0")
        name = self.new("func", "f")
        self.add(f"def {name}(x):\n    from {source} import {other}\n    x = x + {use}\n{body}")

    def class_(self) -> None:
        base, k, default = self.some("class"), self.number(None, 1), self.number(None, 0)
        form = self.rng.randint(0, 6)
        body = self.number("x", 2)
        rest = (
            f"    def run(self, x):\n        return {body} + self.n + self.k\n"
            f"    def __add__(self, other):\n        return self.n + other\n"
            f"    def up(self, n):\n        self.n += n\n"
        )
        methods = f"    def __init__(self, n={default}):\n        self.n = n\n{rest}"
        name = self.new("class", "C")
        if form == 0 and base:
            self.add(f"class {name}({base}):\n    k = {k}")
        elif form == 1 and base:
            self.add(f"class {name}({base}):\n    def run(self, x):\n        return super().run(x) + {body}")
        elif form == 2 and (known := self.some("list")):
            hook = f"    def __init_subclass__(cls):\n        {known}.append(cls.k)\n"
            self.add(f"class {name}:\n    k = {k}\n{methods}{hook}")
        elif form == 3:
            self.add(
                f"from dataclasses import dataclass\n@dataclass\nclass {name}:\n    n: int = {default}\n    k = {k}\n{rest}"
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
        count = self.rng.randint(0, 4)
        forms = [f"[{value}, 2]", f"[i + {value} for i in range(3)]", f"list(range({count}))"]
        if function:
            forms.append(f"[{function}(i) for i in range(3)]")
        text = self.rng.choice(forms)
        self.add(f"{self.new('list', 'L')} = {text}")

    def change(self) -> None:
        """A statement that changes something in place."""
        words = {"value": self.number(None, 1), "body": self.number("x", 1), "key": self.rng.choice("abc")}
        words["function"] = self.some("func") or "abs"
        name_of = {kind: self.some(kind) for kind in CHANGES}
        texts = [
            t.format(name, **words)
            for kind, name in name_of.items()
            if name
            for t in CHANGES[kind].split(";")
        ]
        if texts:
            self.add(self.rng.choice(texts))

    def rebind(self) -> None:
        if (name := self.mine("int")) and self.rng.randint(0, 1):
            value = self.number(None, 1)
            texts = [f"{name} = {value}", f"{name} += {value}", f"{name} = {name} - {value}"]
            self.add(self.rng.choice(texts))
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
            body = self.number("x", 1)  # before the name is there: it must not call itself for ever
            self.add(f"{self.new('func', 'g')} = lambda x, k={value}: {body} + k")
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
        head, middle = self.rng.choice(
            [("try:\n    int('one')", "except ValueError:"), ("try:\n    int('1')", "except ValueError:")]
            + [(f"if {test} > 4:", "else:")] * 2
        )
        one, other = (textwrap.indent(f"def {name}(x):\n{body}", "    ") for body in (one, other))
        self.add(f"{head}\n{one}\n{middle}\n{other}")

    def memory(self) -> None:
        """Something that remembers how it was used."""
        value, key = self.number(None, 1), self.rng.choice("abc")
        form = self.rng.randint(0, 7)
        if form == 0:
            maker, name = f"make{self.count}", self.new("func", "g")
            inner = "def inner(x):\n        nonlocal n\n        n += x\n        return n"
            self.add(f"def {maker}():\n    n = {value}\n    {inner}\n    return inner")
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
        kind, name = self.rng.choice([(k, e) for k, e in self.env if e.rpartition(".")[0] == module])
        if kind == "int":
            value, short = self.number(None, 1), name.rpartition(".")[2]
            texts = [f"{name} = {value}", f'setattr({module}, "{short}", {value})', f"{name} += 1"]
            self.add(self.rng.choice(texts))


@pytest.fixture(scope="session")
def write_program() -> Callable[[Random], Program]:
    """Writes a random program: modules by name, each a list of statements."""
    return lambda rng: Author(rng).write()
