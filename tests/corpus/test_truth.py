"""The tables themselves, compared with plain Python."""


def test_the_tables_are_read(rows):
    assert len(rows) >= 150
    assert all(row.edits and row.before for row in rows)
    assert len({str(row) for row in rows}) == len(rows)


def test_plain_python_shows_the_difference_that_a_row_claims(row, truth_of):
    truth = truth_of(row)
    if row.must_rerun:
        assert truth.differs != bool(row.reason), "a row gives a reason exactly if no result shows the edit"
    else:
        assert not truth.differs, f"train({truth.argument}): {truth.before}, then {truth.after}"
