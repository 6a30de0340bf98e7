"""Tasks and results between the paths of home and those of another machine."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pivot.executors.moved import Move, result_at_home, task_there
from pivot.model.observation import ABSENT, Seen
from pivot.model.task import Failure, Success

MOVE = Move("/home/me/project", "/scratch/1/project")
names = st.text(st.sampled_from("ab./ -"), max_size=12)


@given(names)
def test_a_path_of_the_project_comes_back_as_it_went(name):
    path = f"{MOVE.home}/{name}"
    assert MOVE.out(path) == MOVE.placed(path) == f"{MOVE.there}/{name}"
    assert MOVE.back(MOVE.out(path)) == path


@given(names)
def test_what_lies_beside_the_project_is_left_where_it_is_and_gets_a_place_of_its_own_if_it_must_come(name):
    for path in (f"{MOVE.home}2/{name}", f"/data/{name}"):
        assert MOVE.out(path) == path
        assert MOVE.placed(path).startswith(f"{MOVE.there}/.pivot/elsewhere/")
    assert MOVE.placed("/cache/files/ab/cd") != MOVE.placed("/cache/files/ef/cd")


def test_a_task_names_no_path_of_home_and_its_result_none_of_there(tasks):
    task = tasks.task(
        "def run(a): return a",
        deps=[tasks.dep("a", "a.json"), replace(tasks.dep("b", "b/"), items=("/o/1",))],
    )
    task = replace(task, root=str(tasks.folder), unobserved=(f"{tasks.folder}/a.json",), environment={})
    move = Move(str(tasks.folder), "/scratch/1/project")
    there = task_there(task, move, "/scratch/1/log", "/scratch/cache")
    assert move.home not in repr(there)
    seen = Seen(
        files={"/scratch/1/project/x": ABSENT},
        written=("/scratch/1/project/y",),
        code=(("/scratch/1/project/stages.py", 3),),
        import_code=(("/scratch/1/project/stages.py", 4),),
        imported={"stages": "/scratch/1/project/stages.py"},
    )
    failure = Failure("exception", "no /scratch/1/project/x", "File /scratch/1/project/stages.py", seen=seen)
    for result in (Success({}, 1.0, seen), failure):
        assert "/scratch" not in repr(result_at_home(result, move))
