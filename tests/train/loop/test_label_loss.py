"""The loss on labels against numbers worked out by hand, and against what transformers' own heads compute."""

import math

import pandas as pd
import pytest
import torch

from tests.families import family_tokenizer
from tests.tiny import tiny_bert
from tinybert.models.loading import head_config, load_classifier
from tinybert.tokens.encoding import Padding, encode, model_inputs
from tinybert.train.loop.label_loss import LabelObjective, label_loss


@pytest.mark.parametrize(
    ("odds", "labels", "expected"),
    [
        ([[1.0, 3.0]], [1], math.log(4 / 3)),  # of probabilities 1/4 and 3/4
        ([[1.0, 3.0]], [[0.2, 0.8]], 0.2 * math.log(4) + 0.8 * math.log(4 / 3)),
        # 3:1 for what is true, and 1:1 where nothing is known; summed over labels, averaged over examples
        ([[3.0, 1.0, 1.0], [1.0, 1.0, 3.0]], [[1, 0, 0], [0, 0, 1]], math.log(4 / 3) + 2 * math.log(2)),
        ([[math.exp(1)], [math.exp(2)]], [3.0, 2.0], 2.0),
    ],
    ids=["classes", "uncertain classes", "several labels", "numbers"],
)
def test_labels_by_hand(odds, labels, expected):
    loss = label_loss(torch.tensor(odds).log(), torch.tensor(labels), torch.ones(2, 3))
    assert loss.item() == pytest.approx(expected)


def test_answers_by_hand():
    """The second window is one token shorter: its padding's odds, 9:1, are of no account."""
    logits = torch.tensor([[[3.0, 1.0, 1.0], [1.0, 1.0, 2.0]], [[1.0, 3.0, 9.0], [1.0, 1.0, 9.0]]]).log()
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    loss = label_loss(logits, torch.tensor([[0, 2], [1, 0]]), mask)
    assert loss.item() == pytest.approx((math.log(5 / 3) + math.log(4 / 2) + math.log(4 / 3) + math.log(2)) / 4)


@pytest.mark.parametrize(("names", "labels"), [(["bad", "good"], [0, 1]), (None, [0.5, -2.0])])
def test_it_is_the_loss_of_the_models_own_head(tmp_path, names, labels):
    torch.manual_seed(0)
    model = load_classifier(tiny_bert(tmp_path / "bert"), new_head=head_config(names)).eval()
    rows = pd.DataFrame({"text": ["a warm and sunny day", "rain"], "label": labels})
    batch = Padding(0)(list(encode(family_tokenizer("bert"), rows, max_length=16)))
    own = model(**model_inputs(batch), labels=batch["labels"]).loss
    torch.testing.assert_close(LabelObjective()(model, batch)["labels"], own)
