"""A stage that runs for each item of a list, as a person sees it."""

LOAD = """%load_ext pivot_jupyter
import pathlib, time
import pivot
BROKEN = True
"""
NUMBERS = """%%pivot_stage
def numbers():
    return list(range(6))
"""
WORK = """%%pivot_stage --map numbers
def work(number: int):
    while number == 4 and not pathlib.Path("../work.go").exists():
        time.sleep(0.02)
    if number == 3 and BROKEN:
        raise ValueError("three is broken")
    return number * 2
"""
TOTAL = """%%pivot_stage --depends-on work
def total(values):
    return sum(values)
"""


def test_a_mapped_stage_is_one_box_that_counts_its_items_and_its_value_is_a_list(lab):
    lab.open("mapped", LOAD, NUMBERS, WORK, TOTAL, "%pivot run --jobs 2", "%pivot load work")
    lab.run_cells(0, 1, 2, 3)
    lab.begin_cell(4)
    lab.until("boxes", {"numbers": "ran", "work": "running", "total": "queued"})
    lab.page.wait_for_function("document.body.innerText.includes('5 of 6')")
    box = lab.page.locator(".pivot-panel [data-stage=work]")
    assert box.locator(".pivot-phrase").text_content().startswith("5 of 6, 1 failed · running")
    assert box.get_attribute("aria-label").endswith("items 5 of 6, 1 failed")
    assert lab.badges[2].endswith("items 5 of 6, 1 failed")
    lab.picture("mapped-running")
    (lab.root / "work.go").touch()
    lab.until("boxes", {"numbers": "cached", "work": "failed", "total": "run"})
    lab.page.click(".pivot-panel [data-stage=work]")
    lab.page.wait_for_function("document.querySelector('.pivot-panel').innerText.includes('three is broken')")
    lab.picture("mapped-failed")

    lab.write(0, "BROKEN = True", "BROKEN = False")
    lab.run_cells(0, 4, 5)
    lab.until("boxes", {"numbers": "cached", "work": "cached", "total": "cached"})
    assert "[0, 2, 4, 6, 8, 10]" in lab.outputs(5)
    lab.page.wait_for_function("document.querySelector('.pivot-panel').innerText.includes('6 items, ')")
    lab.picture("mapped-done")
