"""``pivot diff``: which stages differ, and in what."""

import json

import pytest

pytestmark = pytest.mark.called


def test_what_differs_is_told_in_the_words_of_reasons(experiment):
    experiment.pivot("repro")
    experiment.commit()
    assert experiment.pivot("diff").out.startswith("no stage differs between HEAD (")
    text = (experiment.path / "stages.py").read_text()
    experiment.write("stages.py", text.replace("value * 2", "value * 3"))
    experiment.write("params.yaml", "train: {lr: 0.25}\n")
    experiment.write("data.txt", "hello!")
    lines = experiment.pivot("diff").out.splitlines()
    assert lines[0].endswith("→ the workspace")
    assert lines[1] == "changed  train"
    assert [line.split()[0] for line in lines[2:]] == ["func:scaled", "param:lr", "dep:data.txt"]
    assert lines[2].endswith("(stages.py:13)")
    assert lines[3].split()[1:] == ["0.5", "→", "0.25"]
    experiment.pivot("repro")
    data = json.loads(experiment.pivot("diff", "--json").out)
    found = {
        stage["name"]: [f"{r['kind']}:{r['name']}" for r in stage["reasons"]] for stage in data["stages"]
    }
    assert found == {
        "train": [
            "code:func:scaled",
            "param:lr",
            "dep:data.txt",
            "output altered:model.json",
            "output altered:curve.json",
        ],
        "evaluate": ["dep:model.json", "output altered:eval.json"],
    }
    between_runs = json.loads(experiment.pivot("diff", "-2", "-1", "--json").out)["stages"]
    assert {s["name"]: len(s["reasons"]) for s in between_runs} == {"train": 5, "evaluate": 2}
    backwards = experiment.pivot("diff", "workspace", "HEAD").out
    assert "0.25 → 0.5" in backwards
    assert "removed" not in backwards


def test_lost_and_edited_outputs_are_seen(experiment):
    experiment.pivot("repro")
    (experiment.path / "model.json").unlink()
    experiment.write("eval.json", "{}")
    lines = experiment.pivot("diff", "last").out.splitlines()
    assert sorted(line.strip().partition("  ")[0] for line in lines[1:] if line.startswith("    ")) == [
        "dep:model.json",
        "out:eval.json",
        "out:model.json",
    ]
    assert any(line.split() == ["out:model.json", "missing"] for line in lines)


def test_stages_that_came_and_went_are_told(experiment):
    experiment.pivot("repro")
    experiment.commit()
    yaml = (experiment.path / "pivot.yaml").read_text()
    experiment.write("pivot.yaml", yaml.replace("  evaluate:", "  judge:"))
    lines = experiment.pivot("diff").out.splitlines()
    assert sorted(lines[1:]) == ["added  judge", "removed  evaluate"]
    assert experiment.pivot("diff", "-s", "train").out.startswith("no stage differs")


def test_only_lines_that_moved_are_no_difference(experiment):
    experiment.pivot("repro")
    experiment.commit()
    text = (experiment.path / "stages.py").read_text()
    experiment.write("stages.py", "# a comment\n\n" + text)
    assert experiment.pivot("diff").out.startswith("no stage differs")
