import pytest

from tinybert.errors import UserError
from tinybert.models.shape import layer_pairs


@pytest.mark.parametrize(
    ("layer_map", "layers", "expected"),
    [
        ("uniform", (4, 12), {1: 3, 2: 6, 3: 9, 4: 12}),  # the paper's
        ("uniform", (6, 12), {1: 2, 2: 4, 3: 6, 4: 8, 5: 10, 6: 12}),
        ("uniform", (4, 6), {1: 2, 2: 3, 3: 5, 4: 6}),
        ("top", (4, 12), {1: 9, 2: 10, 3: 11, 4: 12}),
        ("bottom", (4, 12), {1: 1, 2: 2, 3: 3, 4: 4}),
        ("last", (4, 12), {4: 12}),
        ([2, 3, 7, 12], (4, 12), {1: 2, 2: 3, 3: 7, 4: 12}),
        ({1: 3, 2: 6, 3: 9}, (4, 12), {1: 3, 2: 6, 3: 9}),
    ],
)
def test_which_layers_are_learnt_from(layer_map, layers, expected):
    assert layer_pairs(layer_map, *layers) == expected


@pytest.mark.parametrize("layer_map", [[1, 2, 3], [1, 2, 3, 13], {1: 13}, {5: 1}])
def test_a_list_that_does_not_fit(layer_map):
    with pytest.raises(UserError, match="layer_map: expected"):
        layer_pairs(layer_map, 4, 12)


@pytest.mark.parametrize("layer_map", ["uniform", "top", "bottom"])
def test_a_teacher_with_too_few_layers(layer_map):
    with pytest.raises(UserError, match="at least the student's 4 layers, found 3"):
        layer_pairs(layer_map, 4, 3)
