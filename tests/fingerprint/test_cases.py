"""Every row of the tables under ``cases/`` by its fingerprint alone: with all code counted that may run."""

from pivot.errors import CodeError


def test_an_edit_changes_the_fingerprint_exactly_if_it_can_change_the_result(row, folder, second_folder):
    folder.write(row.before)
    second_folder.write(row.after())
    before = folder.fingerprint()
    try:
        after = second_folder.fingerprint()
    except CodeError:  # told before anything runs; tests/corpus sees whether plain Python fails, too
        assert row.must_rerun
        return
    assert (before.digest != after.digest) == row.must_rerun
    if row.must_rerun:  # and the reason can be told
        assert {(p.key, p.digest) for p in before.parts} != {(p.key, p.digest) for p in after.parts}
