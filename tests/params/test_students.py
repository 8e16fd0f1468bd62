"""General students and students: what of params.yaml no student can be made of."""

import pytest

MINI, SMALL = "general.tinybert4", "students.small"
ENTRY = {
    "corpus": "wikipedia",
    "teacher": "minilm",
    "start": "minilm",
    "architecture": "tinybert4",
    "initialise": "random",
    "losses": {"relations": 1.0},
    "train": {"epochs": 1, "learning_rate": 1e-4, "max_length": 64},
}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"relation_heads": 48}, "relation_heads: 48 relation heads do not divide a width of 312; take one of 8, 12,"),
        ({"initialise": "start", "start": "x"}, "start: there is no 'x' in downloads or files"),
        ({"initialise": "start", "start": "glove"}, "start: 'glove' is of kind vectors, expected one of kind model"),
        ({"teacher": "x", "start": "x"}, "teacher: there is no 'x' in downloads or files"),
    ],
)
def test_general_students_that_cannot_be(mistakes, changes, line):
    assert mistakes(MINI, ENTRY) == []
    (found,) = mistakes(MINI, ENTRY | changes)
    assert found.startswith(f"{MINI}.{line}")


def test_students_of_one_variant_differ_in_their_seeds(mistakes):
    """They are averaged; a seed that isn't given is the one at the top, 42."""
    training = {"data": "original", "epochs": 1, "learning_rate": 1e-4}
    layers, logits = training | {"losses": {"hidden": 1}}, training | {"losses": {"logits": 1}}
    first = {"task": "movies", "general": "tinybert4", "variant": "full", "intermediate": layers, "prediction": logits}
    first["export"] = {}

    def second(**changes):
        return mistakes("students", {"first": first, "second": first | changes})

    assert second(variant="other") == []
    assert second(prediction=logits | {"seed": 1}) == []
    assert mistakes("students", {key: first | {"variant": None} for key in ("first", "second")}) == []
    (line,) = second(general="tinybert4", intermediate=layers | {"seed": 42, "epochs": 2})
    assert line == (
        "students.second.variant: students.first is 'full' of 'movies' too, with the same seeds (42, 42), and the "
        "report averages over seeds; give one of them another variant, or other seeds in intermediate and prediction"
    )


def test_relation_heads_of_a_phase_divide_the_students_width(mistakes):
    phase = {"data": "augmented", "epochs": 1, "learning_rate": 1e-4, "losses": {"relations": 1.0}}
    assert mistakes(f"{SMALL}.intermediate", phase) == []
    (line,) = mistakes(f"{SMALL}.intermediate", phase | {"relation_heads": 16})
    assert line.startswith(f"{SMALL}.intermediate.relation_heads: 16 relation heads do not divide a width of 312")
