"""Which stages two sides can say something about, and where a side finds its bytes."""

import pytest

from pivot.engine.side import Result, Side
from pivot.errors import UsageError
from pivot.model.stage import OutKind
from pivot.project import Project


def side(name: str, *stages: str, whole: bool = True, **values: bytes | None) -> Side:
    """A side with stages that have no params, and one metric each where there are bytes for it."""
    outs = {stage: {f"{stage}.json": OutKind.METRIC} if stage in values else {} for stage in stages}
    results = {stage: Result({}, outs[stage]) for stage in stages}
    return Side(name, name, whole, results, lambda stage, path: values[stage], lambda stage, other: None)


@pytest.mark.parametrize(
    ("old", "new", "stages", "left_out"),
    [
        (side("HEAD", "a", "gone"), side("workspace", "a", "fresh"), ("a", "fresh", "gone"), ()),
        (side("r1", "a", whole=False), side("workspace", "a", "b"), ("a",), ("b",)),
        (side("r1", "a", "b", whole=False), side("r2", "b", "c", whole=False), ("b",), ("c", "a")),
        (side("HEAD", "a", "sub:b"), side("workspace", "a"), ("a",), ()),
        (side("HEAD", "a", "sub:b"), side("workspace", "sub:c"), ("sub:c", "sub:b"), ()),
        (side("HEAD"), side("HEAD~1", "sub:b"), ("sub:b",), ()),
    ],
)
def test_a_run_says_nothing_of_other_stages_and_the_workspace_nothing_of_other_files(
    old, new, stages, left_out
):
    found = new.after(old)
    assert (found.stages, found.left_out) == (stages, left_out)
    assert bool(left_out) == any("left out" in text for text in found.notices)


@pytest.mark.parametrize(
    ("pattern", "stages"),
    [
        ("train", ("train@a", "train@b", "sub:train")),
        ("train@*", ("train@a", "train@b")),
        ("*@a", ("train@a",)),
        ("sub:*", ("sub:train",)),
        ("eval", ("eval",)),
    ],
)
def test_a_pattern_means_stages_their_variants_and_those_of_folders(pattern, stages):
    both = side("HEAD", "train@a", "train@b", "sub:train", "eval")
    assert both.chosen([pattern]) == stages
    assert side("workspace").after(both, [pattern]).left_out == ()


def test_a_pattern_that_fits_nothing_has_a_suggestion():
    with pytest.raises(UsageError, match="there is no stage 'trian'") as caught:
        side("HEAD").after(side("HEAD", "train"), ["trian"])
    assert caught.value.hint == "did you mean 'train'?"


def test_metrics_that_cannot_be_read_are_told_beside_the_others():
    found = side("HEAD", "a", "b", "c", a=b"1", b=b"{", c=None)
    values, problems = found.metrics(("a", "b", "c", "not there"))
    assert values == {"a.json": 1}
    assert problems[0].startswith("b.json cannot be read (HEAD): it is not valid JSON")
    assert problems[1:] == ["c.json is not there (HEAD)"]


def test_a_run_finds_the_bytes_of_its_outputs_in_the_cache_or_unchanged_in_the_workspace(folder):
    folder.stage("work")
    folder.outcomes()
    with Project(str(folder.path)) as project:
        last = project.side("last")
        assert last.read("work", "work.txt") == b"work"
        folder.write("work.txt", "edited")
        assert last.read("work", "work.txt") == b"work"
        for path in folder.objects():
            path.chmod(0o644)
            path.write_bytes(b"damaged")
        assert last.read("work", "work.txt") is None
        folder.write("work.txt", "work")
        assert last.read("work", "work.txt") == b"work"
        assert last.read("work", "other.txt") is None
