import pytest

from tinybert.errors import UserError
from tinybert.models.shape import layer_pairs


def test_uniform_is_the_papers():
    assert layer_pairs("uniform", 4, 12) == {1: 3, 2: 6, 3: 9, 4: 12}
    assert layer_pairs("uniform", 6, 12) == {1: 2, 2: 4, 3: 6, 4: 8, 5: 10, 6: 12}


def test_uniform_where_the_layers_do_not_divide():
    assert layer_pairs("uniform", 4, 6) == {1: 2, 2: 3, 3: 5, 4: 6}


@pytest.mark.parametrize(
    ("layer_map", "expected"),
    [
        ("top", {1: 9, 2: 10, 3: 11, 4: 12}),
        ("bottom", {1: 1, 2: 2, 3: 3, 4: 4}),
        ("last", {4: 12}),
        ([2, 3, 7, 12], {1: 2, 2: 3, 3: 7, 4: 12}),
        ({1: 3, 2: 6, 3: 9}, {1: 3, 2: 6, 3: 9}),
    ],
)
def test_other_maps(layer_map, expected):
    assert layer_pairs(layer_map, 4, 12) == expected


@pytest.mark.parametrize(
    "layer_map", [[1, 2, 3], [1, 2, 3, 13], [0, 1, 2, 3], [1, 2, 2, 3], [4, 3, 2, 1], {1: 13}, {5: 1}]
)
def test_a_list_that_does_not_fit(layer_map):
    with pytest.raises(UserError, match="layer_map: expected"):
        layer_pairs(layer_map, 4, 12)


@pytest.mark.parametrize("layer_map", ["uniform", "top", "bottom"])
def test_a_teacher_with_too_few_layers(layer_map):
    with pytest.raises(UserError, match="at least the student's 4 layers, found 3"):
        layer_pairs(layer_map, 4, 3)
