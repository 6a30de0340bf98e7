"""Cells that take what other cells' stages return, and cells that run for each item of it."""

from pivot.project import Project

CITIES = "%%pivot_stage\n@pivot.stage\ndef cities() -> list:\n    return [{'n': n} for n in range(3)]\n"
FETCH = "%%pivot_stage --map cities\n@pivot.stage\ndef fetch(city):\n    return city['n'] * 2\n"
TOTAL = "%%pivot_stage --depends-on fetch\n@pivot.stage\ndef total(values):\n    return sum(values)\n"


def ran(told):
    return sorted(line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran"))


def test_values_pass_from_cell_to_cell_and_only_new_items_run(ready, shell):
    told = ready(CITIES, FETCH, TOTAL)
    assert "value of fetch → value of total" in told
    assert ran(ready("%pivot run")) == ["cities", "fetch", "total"]
    assert shell.run_cell("%pivot load fetch").result == [0, 2, 4]
    assert shell.run_cell("%pivot load total").result == 6
    assert "fetch: what it returned" in ready("doubled = %pivot load fetch")
    assert shell.user_ns["doubled"] == [0, 2, 4]
    told = ready(CITIES.replace("range(3)", "range(4)"), "%pivot run")
    assert "1 of 4 items ran" in told
    assert shell.run_cell("%pivot load total").result == 12


def test_the_exported_file_says_the_same_and_runs_nothing(ready, kernel_place):
    fetch = FETCH.replace("--map cities", "--map over=cities,on_error=drop,max_parallel=2")
    ready(CITIES, fetch, TOTAL, "%pivot run", "%pivot export")
    text = (kernel_place / "pivot.yaml").read_text()
    assert "on_error: drop" in text
    assert "depends_on:" in text
    assert "values" not in text
    with Project(str(kernel_place)) as project:
        assert project.repro().executed == ()


def test_the_only_function_of_a_cell_is_a_stage_if_it_needs_no_arguments(ready):
    assert "value of cities" in ready(CITIES.replace("@pivot.stage\n", ""))
    assert "no function here is a stage" in ready("%%pivot_stage\ndef needy(city):\n    return city\n")
    two = "%%pivot_stage\ndef one():\n    return 1\ndef two():\n    return 2\n"
    assert "no function here is a stage" in ready(two)
