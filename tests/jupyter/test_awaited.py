"""A cell that takes what a later cell's stage returns: it waits until somebody defines that one."""

import pytest

from pivot.project import Project

A = "%%pivot_stage --depends-on b\ndef a(value):\n    pathlib.Path('a.txt').write_text(str(value))\n    return value\n"
B = "%%pivot_stage\ndef b():\n    return 2\n"
EACH = "%%pivot_stage --map b\ndef each(number):\n    return number\n"
AFTER = "%%pivot_stage --depends-on a\ndef after(value):\n    return value\n"
OTHER = "%%pivot_stage\ndef other():\n    return 3\n"


@pytest.mark.parametrize("cell", [A, EACH], ids=["depends_on", "map"])
def test_a_stage_waits_for_one_that_no_cell_defines_yet(ready, cell):
    assert "◔ waits for stage &#x27;b&#x27;, which no cell defines yet</td>" in ready(cell)
    assert "◐ will run (Never run)" in ready(OTHER)
    told = ready("%pivot status")
    assert "Waits for stage 'b', which no cell defines yet" in told
    assert "1 of 2 stages will run, 1 wait" in told
    assert "which no cell defines yet" in ready("%pivot dag")
    assert "which no cell defines yet" not in ready(B)
    assert "3 of 3 stages will run" in ready("%pivot status")


def test_what_rests_on_such_a_stage_waits_for_that(ready):
    ready(A)
    assert "value of a → value of after  ◔ waits for a'" in ready(AFTER)
    assert "Waits for stage 'b', which no cell defines yet" in ready("%pivot why a")
    told = ready(B, "%pivot run")
    assert sorted(line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")) == [
        "a",
        "after",
        "b",
    ]


def test_nothing_that_makes_something_of_such_a_stage_is_done(ready, kernel_place):
    ready(A, OTHER)
    unknown = "stage 'a' depends on 'b', which is no stage (Cell In[3], line 2)"
    for line in ("%pivot run", "%pivot run a", "%pivot run --bg"):
        assert unknown in ready(line), line
    for line in ("%pivot export", "%pivot export --check", "%pivot debug a"):
        assert "stage 'a' waits for stage 'b', which no cell defines yet" in ready(line), line
    assert not (kernel_place / "pivot.yaml").exists()
    assert not (kernel_place / "a.txt").exists()
    with Project(str(kernel_place)) as project:
        assert project.past_runs(5) == ()


def test_the_variants_of_a_stage_are_no_stage_of_its_name_and_are_told_at_once(ready):
    ready(
        "%%pivot_stage --matrix n=1,2\ndef b(n: int = 1) -> Annotated[dict, outputs.Out('${n}.json', loaders.JSON())]:\n    return {}\n"
    )
    assert "which is no stage (Cell In[4], line 2): name its variants: b@1, b@2" in ready(A)
