"""What is loaded is what the folder says, or nothing."""

import json
from functools import partial

import pytest

from tests.tiny import tiny_bert
from tinybert.errors import UserError
from tinybert.models.loading import head_config, load_classifier, load_encoder, load_masked_lm

LOADERS = {
    "encoder": load_encoder,
    "masked language model": partial(load_masked_lm, new_head=True),
    "classifier": partial(load_classifier, new_head=head_config(["bad", "good"])),
}


@pytest.fixture(params=LOADERS.values(), ids=LOADERS)
def load(request):
    return request.param


@pytest.mark.parametrize("change", [{"num_hidden_layers": 4}, {"hidden_size": 32}], ids=["missing", "other shape"])
def test_an_encoder_is_never_drawn_at_random(tmp_path, load, change):
    folder = tiny_bert(tmp_path / "bert")
    load(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=r"the weights lack .* take the config\.json and the weights of one model"):
        load(folder)


def test_a_head_that_is_not_to_be_new_has_to_fit(tmp_path):
    folder = tiny_bert(tmp_path / "bert")
    model = load_classifier(folder, new_head=head_config(["bad", "good"]))
    model.save_pretrained(folder)
    load_classifier(folder)
    config = json.loads((folder / "config.json").read_text())
    labels = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    (folder / "config.json").write_text(json.dumps(config | labels))
    with pytest.raises(UserError, match=r"first classifier\.(bias|weight)"):
        load_classifier(folder)
    assert load_classifier(folder, new_head=head_config(["a", "b", "c"])).config.num_labels == 3
