"""What the report needs of other stages lies beside a student's scores."""

import pytest

from tests.evaluate.made_up import phase, student
from tinybert.evaluate.gathered import gather_sources, sources
from tinybert.params.students import Student


@pytest.mark.parametrize("augmented", [True, False])
def test_augmentation_is_taken_by_students_that_learn_from_it(tmp_path, monkeypatch, augmented):
    monkeypatch.chdir(tmp_path)
    learnt = phase("augmented" if augmented else "original", logits=1.0)
    settings = student() | {"intermediate": phase("augmented", 0), "prediction": learnt}
    found = sources("tiny", Student.model_validate(settings))
    for source in found.values():
        file = source if source.suffix else source / "losses.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(file))
    (tmp_path / "own").mkdir()
    gather_sources(found, tmp_path / "own")
    curves = {file.parent.name for file in (tmp_path / "own/curves").glob("*/losses.csv")}
    assert curves == {"general", "intermediate", "prediction", "teacher"} | ({"mlm"} if augmented else set())
    assert (tmp_path / "own/task.json").read_text() == "data/original/movies/task.json"
    assert (tmp_path / "own/augmentation.json").exists() is augmented
