"""A stage runs again when something changes that it asked of its run context, and only then."""

import json

import pytest

from pivot.model.decision import ChangeKind
from pivot.project import Project

CONFIG = {"data": {"n": 1, "unread": 1}, "names": ["a"], "other": {"k": 1}}

# title: (body, what changes, does the stage run)
ASKED = {
    "a nested key": ("return str(config.data.n)", {"data": {"n": 2}}, "config.data.n"),
    "another key of its table": ("return str(config.data.n)", {"data": {"n": 1, "unread": 2}}, None),
    "a key that is not there": ("return str('x' in config)", {"x": 1}, "config.x"),
    "a default": ("return str(config.get('y', 0))", {"y": 0}, "config.y"),
    "all of a table": ("return str(dict(config.other))", {"other": {"k": 1, "new": 1}}, "config.other"),
    "in a helper": ("return helper()", {"data": {"n": 2}}, "config.data.n"),
    "in a thread": ("return in_a_thread()", {"data": {"n": 2}}, "config.data.n"),
    "in a forked child": ("return in_a_child()", {"data": {"n": 2}}, "config.data.n"),
    "in a child that is started anew": ("return in_a_child('spawn')", {"data": {"n": 2}}, "config.data.n"),
    "in a child of a server": ("return in_a_child('forkserver')", {"data": {"n": 2}}, "config.data.n"),
    "in the child of a forked child": (
        "return in_a_child('fork', in_a_child, 'spawn')",
        {"data": {"n": 2}},
        "config.data.n",
    ),
    "of the params": ("return str(pivot.get_run_context().config.input['p'])", {}, "params.p"),
    "nothing": ("pivot.run_context()", {"data": {"n": 2}}, None),
}
HELPER = """

def helper():
    return str(pivot.run_context().config['data']['n'])


def in_a_thread():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        return pool.submit(helper).result()


def in_a_child(way="fork", function=helper, *given):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(way)) as pool:
        return pool.submit(function, *given).result()
"""


def merged(before, after):
    return {
        **before,
        **{k: {**before.get(k, {}), **v} if isinstance(v, dict) else v for k, v in after.items()},
    }


def why(folder) -> list[tuple[ChangeKind, str]]:
    with Project(str(folder.path)) as project:
        (decision,) = project.status()
    return [(change.kind, change.name) for change in decision.changes]


@pytest.fixture
def asking(folder):
    """A stage with this body, of a file with this config."""

    def write(body: str, config: object = CONFIG, p: int = 1) -> None:
        if "work" not in folder.functions:
            folder.functions += HELPER
            folder.stage("work", "config = pivot.run_context().config\n" + body)
            # whether the stage has a param of that name or not, it can be asked for
            folder.edit("def work(", "def work(p: int = 0")
        table = json.dumps(config)
        folder.write("pivot.yaml", f"{folder.yaml}config: {table}\nparams: {{p: {p}}}\n")

    return write


@pytest.mark.parametrize(("body", "change", "reason"), ASKED.values(), ids=ASKED)
def test_a_stage_depends_on_the_keys_that_it_reads(folder, asking, body, change, reason):
    asking(body)
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == {"work": "unchanged"}
    asking(body, merged(CONFIG, change), p=1 if change else 2)
    if reason == "params.p":  # its own param: compared anyway
        assert why(folder) == [(ChangeKind.PARAM, "p")]
    else:
        assert why(folder) == ([] if reason is None else [(ChangeKind.CONTEXT, reason)])
    asking(body)
    assert folder.outcomes() == {"work": "unchanged"}


def test_a_stage_that_reads_the_runs_id_runs_each_time(folder, asking):
    asking("return pivot.run_context().run_id")
    folder.outcomes()
    first = folder.read("work.txt")
    assert folder.outcomes() == {"work": "ran"}
    assert folder.read("work.txt") != first


def test_stage_executor_and_attempt_are_told_and_hold_while_they_are_the_same(folder, asking):
    asking("c = pivot.run_context()\nreturn f'{c.stage} {c.executor} {c.attempt}'")
    folder.outcomes()
    assert folder.read("work.txt") == "work local 1"
    assert folder.outcomes() == {"work": "unchanged"}


def test_an_earlier_config_has_its_result_in_the_cache(folder, asking):
    asking("return str(config.data.n)")
    folder.outcomes()
    asking("return str(config.data.n)", {"data": {"n": 2}})
    folder.outcomes()
    assert folder.read("work.txt") == "2"
    asking("return str(config.data.n)")
    assert folder.outcomes() == {"work": "restored"}
    assert folder.read("work.txt") == "1"


def test_values_for_one_command_are_no_answer_to_the_next(folder, asking):
    asking("return f'{p} {config.data.n}'")
    for values, text in (({}, "1 1"), ({"p": 2}, "2 1"), ({"config.data.n": 3}, "1 3"), ({}, "1 1")):
        with Project(str(folder.path), params=values) as project:
            project.repro()
        assert folder.read("work.txt") == text
    assert folder.outcomes() == {"work": "unchanged"}
    with Project(str(folder.path), params={"p": 2}) as project:
        assert [str(decision.verdict) for decision in project.status()] == ["restore"]


def test_what_an_imported_module_reads_of_the_context_counts_for_each_stage_that_imports_it(folder):
    folder.write("settled.py", "import pivot\nN = pivot.run_context().config.n\n")
    for name in ("one", "two"):
        folder.stage(name, "import settled\nreturn str(settled.N)")
    folder.write("pivot.yaml", f"{folder.yaml}config: {{n: 1}}\n")
    assert folder.outcomes(jobs=1) == {"one": "ran", "two": "ran"}
    folder.write("pivot.yaml", f"{folder.yaml}config: {{n: 2}}\n")
    assert folder.outcomes(jobs=1) == {"one": "ran", "two": "ran"}
    assert folder.read("two.txt") == "2"
