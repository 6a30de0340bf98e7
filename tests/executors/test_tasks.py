"""What a task does when all goes well: values in, values out, nothing left behind."""

import json
import os
import pickle
import random
import sys
from concurrent.futures import wait

import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.loaders import PathOnly, Pickle, Text
from pivot.model.digest import digest_bytes
from pivot.model.stage import ObjectRef, Returns, StageParameters
from pivot.model.task import Failure, Success


def saved(tasks, path="output.json"):
    return json.loads((tasks.folder / ".staging" / path).read_text())


def value_of(executor, tasks, text, **options):
    result = executor.submit(tasks.task(text, **options)).result(60)
    assert isinstance(result, Success), result
    return saved(tasks)


def test_deps_and_params_come_in_and_outputs_go_to_staging(executor, tasks):
    (tasks.folder / "in.json").write_text('{"n": 20}')
    text = """
        import pydantic
        class Params(pydantic.BaseModel):
            times: int
        def run(raw, params): return {"a": raw["n"] * params.times, "b": "text"}
    """
    task = tasks.task(
        text,
        deps=[tasks.dep("raw", "in.json")],
        params=StageParameters("params", ObjectRef("stages", "Params"), '{"times": 3}'),
        outs=[tasks.out("a", "out/a.json", inline=True), tasks.out("b", "out/b.txt", Text())],
        returns=Returns.MAPPING,
    )
    result = executor.submit(task).result(60)
    assert isinstance(result, Success), result
    a, b = result.outputs["out/a.json"], result.outputs["out/b.txt"]
    assert (a.content, a.size, a.digest) == (b"60\n", 3, digest_bytes(b"60\n"))
    assert (b.content, b.size, b.digest) == (None, 4, digest_bytes(b"text"))
    assert (tasks.folder / "out/.staging/b.txt").read_text() == "text"
    assert not (tasks.folder / "out/b.txt").exists()
    assert 0 < result.seconds < 60


def test_a_stage_that_writes_its_own_file_finds_the_folder_made(executor, tasks):
    text = """
        import os, pathlib
        def run():
            path = pathlib.Path("plots/roc.sh"); path.write_text("hi"); path.chmod(0o755); return path
    """
    result = executor.submit(tasks.task(text, outs=[tasks.out("plot", "plots/roc.sh", PathOnly())])).result(
        60
    )
    assert isinstance(result, Success), result
    state = result.outputs["plots/roc.sh"]
    assert (state.size, state.executable, state.digest) == (2, True, digest_bytes(b"hi"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 7", "returned an int instead of a dict with the keys 'a', 'b', 'own'"),
        ("return {'a': 1, 'own': 'own.txt'}", "did not return 'b' and did not write 'own.txt'"),
        (
            "return {'a': 1, 'c': 2, 'own': 'own.txt'}",
            "did not return 'b'; returned 'c', which no output declares; did not write 'own.txt'",
        ),
        ("return {'a': 1, 'b': 2, 'own': 'own.txt'}", "did not write 'own.txt'"),
        ("return {'a': 1, 'b': 2, 'own': None}", "returned None for 'own' instead of the path 'own.txt'"),
        (
            "return {'a': 1, 'b': 2, 'own': 'x/y.txt'}",
            "returned 'x/y.txt' for 'own', but 'own.txt' is declared",
        ),
    ],
)
def test_a_wrong_result_is_refused_before_anything_is_written(executor, tasks, body, message):
    outs = [tasks.out("a", "a.json"), tasks.out("b", "b.json"), tasks.out("own", "own.txt", PathOnly())]
    result = executor.submit(tasks.task(f"def run(): {body}", outs=outs, returns=Returns.MAPPING)).result(60)
    assert isinstance(result, Failure)
    assert result.kind == "result"
    assert result.message == f"stage 'stage' {message}"
    assert not (tasks.folder / ".staging").exists()


def test_a_loader_that_fails_on_the_third_of_five_leaves_nothing(executor, tasks):
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        (tasks.folder / f"{name}.pkl").write_text("old")
    text = """
        import threading
        def run(): return {"a": 1, "b": 2, "c": threading.Lock(), "d": 4, "e": 5}
    """
    outs = [tasks.out(name, f"{name}.pkl", Pickle()) for name in names]
    result = executor.submit(tasks.task(text, outs=outs, returns=Returns.MAPPING)).result(60)
    assert isinstance(result, Failure)
    assert result.kind == "result"
    assert "output 'c' (c.pkl): Pickle cannot save a lock: TypeError: cannot pickle" in result.message
    assert list((tasks.folder / ".staging").iterdir()) == []
    assert [(tasks.folder / f"{name}.pkl").read_text() for name in names] == ["old"] * 5


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "dep 'raw' (in/raw.json): FileNotFoundError"), ("{", "dep 'raw' (in/raw.json): JSONDecodeError")],
)
def test_a_dep_that_cannot_be_read_is_named_with_its_path(executor, tasks, content, message):
    if content is not None:
        (tasks.folder / "in").mkdir()
        (tasks.folder / "in/raw.json").write_text(content)
    result = executor.submit(tasks.task("def run(raw): 0", deps=[tasks.dep("raw", "in/raw.json")])).result(60)
    assert isinstance(result, Failure)
    assert result.kind == "load"
    assert message in result.message


def test_params_that_do_not_fit_are_named(executor, tasks):
    text = "import pydantic\nclass P(pydantic.BaseModel):\n    n: int\ndef run(p): return 1"
    params = StageParameters("p", ObjectRef("stages", "P"), '{"n": "x"}')
    result = executor.submit(tasks.task(text, params=params)).result(60)
    assert isinstance(result, Failure)
    assert result.kind == "load"
    assert result.message.startswith("params 'p' (stages.P): ValidationError")


def test_a_loader_of_the_project_is_found_in_the_texts(executor, tasks):
    text = """
        class Upper:
            def load(self, path):
                with open(path) as file: return file.read().upper()
        def run(raw): return raw
    """
    (tasks.folder / "in.txt").write_text("abc")
    dep = tasks.dep("raw", "in.txt")
    # the driver pickles a loader by the name of its class, as it stands in the module
    payload = b"cstages\nUpper\n)\x81."
    dep = type(dep)(dep.name, dep.path, type(dep.loader)("stages.Upper", "", 1, payload), dep.argument)
    assert value_of(executor, tasks, text, deps=[dep]) == "ABC"


def test_modules_import_each_other_from_their_texts(executor, tasks):
    helper = tasks.module("def twice(x): return 2 * x", "pkg.helper")
    package = tasks.module("", "pkg")
    package = type(package)(
        "pkg", str(tasks.folder / "pkg/__init__.py"), "pkg/__init__.py", "", package.digest, True
    )
    stages = tasks.module("from pkg.helper import twice\ndef run(): return twice(21)")
    assert value_of(executor, tasks, "", modules=[package, helper, stages]) == 42


def test_cwd_environment_and_arguments_are_the_tasks_and_do_not_leak(executor, tasks):
    change = """
        import os, sys
        def run():
            seen = [os.getcwd(), os.environ.get("ONLY"), sys.argv[:], "/leaked" in sys.path]
            os.chdir("/"); os.environ["ONLY"] = "leak"; os.environ["MORE"] = "leak"
            sys.argv.append("leak"); sys.path.append("/leaked")
            return seen + [os.environ.get("MORE_BEFORE")]
    """
    (tasks.folder / "sub").mkdir()
    before = (os.getcwd(), dict(os.environ), sys.argv[:], sys.path[:])
    environment = {"PATH": os.environ["PATH"], "ONLY": "this"}
    first = value_of(executor, tasks, change, environment=environment, cwd=tasks.folder / "sub")
    second = value_of(executor, tasks, change, environment=environment, cwd=tasks.folder / "sub")
    assert first == second
    assert first[:2] == [str(tasks.folder / "sub"), "this"]
    assert first[3] is False
    assert (os.getcwd(), dict(os.environ), sys.argv[:], sys.path[:]) == before


@pytest.mark.parametrize(
    "text",
    [
        "import random\ndef run(): return [random.random() for _ in range(3)]",
        "import numpy\ndef run(): return numpy.random.rand(3).tolist()",
        "def run():\n    import numpy.random\n    return numpy.random.rand(3).tolist()",
        "import random\nNOISE = random.random()\ndef run(): return NOISE",
    ],
    ids=["random", "numpy", "numpy imported late", "at import"],
)
def test_a_seed_makes_randomness_repeat_and_no_seed_does_not(pool, tasks, text):
    draws = [value_of(pool, tasks, text, seed=seed) for seed in (0, 0, 1, 1)]
    assert draws[0] == draws[1]
    assert draws[2] == draws[3]
    assert draws[0] != draws[2]
    for _ in range(2):  # no text twice, so that no module is kept
        text += "\n"
        draws.append(value_of(pool, tasks, text, seed=None))
    assert draws[4] != draws[5]


def test_hashes_of_texts_are_the_same_in_every_worker(pool, tasks):
    text = "import os\ndef run(): return [hash('text'), os.environ.get('PYTHONHASHSEED')]"
    first = value_of(pool, tasks, text, environment={})
    for _ in range(3):
        pool.submit(tasks.task("import os\ndef run(): os._exit(1)")).result(60)
    assert value_of(pool, tasks, text, environment={}) == first
    assert first[1] is None


def test_an_edited_module_runs_its_new_text_on_a_warm_worker(executor, tasks):
    for number in range(5):
        helper = tasks.module(f"def value(): return {number}", "helper")
        stages = tasks.module("from helper import value\ndef run(): return value()")
        assert value_of(executor, tasks, "", modules=[helper, stages]) == number


def test_1000_random_redefinitions_on_warm_workers_never_run_old_code(pool, tasks):
    random.seed(7)
    futures = {}
    for number in range(1000):
        name, value = random.choice(["one", "two", "three"]), random.randrange(3)
        out = tasks.out("output", f"{number}.json")
        helper = tasks.module(f"def value(): return {value}", "helper")
        stages = tasks.module(f"from helper import value\ndef run(): return [{name!r}, value()]", name)
        futures[pool.submit(tasks.task(modules=[helper, stages], outs=[out], stage=str(number)))] = [
            name,
            value,
        ]
    wait(futures, 150)
    for future, expected in futures.items():
        result = future.result(0)
        assert isinstance(result, Success), result
        assert saved(tasks, next(iter(result.outputs))) == expected


def test_what_a_stage_changes_in_a_library_never_reaches_another_stage(tasks):
    setting = "import decimal\ndef run(): decimal.DefaultContext.prec = 5"
    asking = "import decimal\ndef run(): return decimal.DefaultContext.prec"
    with ForkserverExecutor(1) as executor:
        before = value_of(executor, tasks, asking, libraries=["decimal"])
        value_of(executor, tasks, setting, libraries=["decimal"])
        assert value_of(executor, tasks, asking, libraries=["decimal"]) == before


def test_tasks_of_the_same_text_that_follow_each_other_have_one_warm_worker(pool, tasks):
    text = "import os\ndef run(): return os.getpid()"
    assert len({value_of(pool, tasks, text) for _ in range(10)}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "SEEN = []\ndef run():\n    SEEN.append(1)\n    return len(SEEN)",
        "N = 0\ndef run():\n    global N\n    N += 1\n    return N",
        "def run(seen=[]):\n    seen.append(1)\n    return len(seen)",
        "import functools, itertools\n@functools.cache\ndef f(): return next(C)\nC = itertools.count(1)\ndef run(): return f()",
        "class A:\n    n = [0]\ndef run():\n    A.n[0] += 1\n    return A.n[0]",
    ],
    ids=["list", "global", "default", "counter", "class"],
)
def test_what_a_module_remembers_is_not_seen_by_the_next_run(executor, tasks, text):
    assert [value_of(executor, tasks, text) for _ in range(4)] == [1, 1, 1, 1]


def test_what_a_module_took_from_the_environment_is_not_kept(pool, tasks):
    text = "import os\nMODE = os.environ['MODE']\ndef run(): return MODE"
    modes = ["a", "b", "a", "b"]
    assert [value_of(pool, tasks, text, environment={"MODE": mode}) for mode in modes] == modes


def test_other_import_roots_get_another_worker(pool, tasks):
    for name in ("a", "b"):
        (tasks.folder / name).mkdir()
        (tasks.folder / name / "extra.py").write_text(f"NAME = {name!r}\n")
    module = tasks.module("def run():\n    import extra\n    return extra.NAME")
    for name in ("a", "b", "a"):
        task = tasks.task(modules=[module])
        changed = {field: getattr(task, field) for field in task.__slots__}
        changed["roots"] = (str(tasks.folder / name),)
        assert isinstance(pool.submit(type(task)(**changed)).result(60), Success)
        assert saved(tasks) == name


def test_large_results_stay_in_files(pool, tasks):
    result = pool.submit(
        tasks.task(
            "def run(): return b'x' * 50_000_000", outs=[tasks.out("output", "big.pkl", Pickle(), True)]
        )
    ).result(60)
    assert isinstance(result, Success)
    assert len(pickle.dumps(result)) < 10_000
    assert result.outputs["big.pkl"].content is None
    assert result.outputs["big.pkl"].size > 50_000_000
