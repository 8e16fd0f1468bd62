from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny import tiny_bert
from tinybert.metrics import answers
from tinybert.models import heads
from tinybert.models.cached_logits import CODE, cached_answers, cached_logits
from tinybert.models.heads import SequenceHead, SpanHead
from tinybert.models.loading import head_config, load_classifier, load_span_model, load_tokenizer
from tinybert.running.digests import digest
from tinybert.tokens import encoding as tokens
from tinybert.tokens import windows as spans

ROWS = pd.DataFrame({"text": ["the weather was sunny .", "we had wet weather !", "london is mild"], "label": [1, 0, 1]})


@pytest.fixture
def classifier(tmp_path):
    model = load_classifier(tiny_bert(tmp_path / "bert"), new_head=head_config(["bad", "good"]))
    model.save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_logits_are_computed_once_and_are_the_models(classifier, cache):
    kept = partial(cached_logits, classifier, max_length=16, dtype=torch.float32, cache=cache)
    first = kept(ROWS)
    (file,) = cache.iterdir()
    before = file.stat().st_mtime_ns
    np.testing.assert_array_equal(kept(ROWS), first)
    assert file.stat().st_mtime_ns == before
    expected = SequenceHead().logits(load_classifier(classifier), load_tokenizer(classifier), ROWS, 16)
    np.testing.assert_array_equal(first, expected)


def test_another_model_or_row_or_precision_is_told_apart(classifier, cache):
    kept = partial(cached_answers, classifier, max_length=16, cache=cache)
    first = kept(ROWS, dtype=torch.float32)
    kept(ROWS.assign(label=0), dtype=torch.float32)
    assert len(list(cache.iterdir())) == 1  # labels aren't read
    kept(ROWS[::-1], dtype=torch.float32)
    kept(ROWS, dtype=torch.bfloat16)
    assert len(list(cache.iterdir())) == 3
    model = load_classifier(classifier)
    model.classifier.bias.data += 1
    model.save_pretrained(classifier)
    np.testing.assert_allclose(kept(ROWS, dtype=torch.float32), first + 1, rtol=1e-5)


@pytest.mark.parametrize("module", [heads, spans, answers, tokens])
def test_other_code_computes_anew(classifier, cache, monkeypatch, module):
    kept = partial(cached_logits, classifier, ROWS, 16, torch.float32, cache)
    kept()
    changed = Path(module.__file__)
    monkeypatch.setattr(
        "tinybert.models.cached_logits.digest",
        lambda path: "new" if path in (changed, changed.parent) and path in CODE else digest(path),
    )
    kept()
    assert len(list(cache.iterdir())) == 2


def test_answers_to_questions_are_texts(tmp_path, cache):
    head = SpanHead(stride=4, longest_answer=4, no_answer=False)
    model = load_span_model(tiny_bert(tmp_path / "bert"), new_head=True)
    model.config.update(head.config())
    model.save_pretrained(tmp_path / "bert")
    contexts = ["london is mild today", "the weather was very wet in paris"]
    rows = pd.DataFrame({"text": ["is london mild", "was the weather wet"], "text_pair": contexts})
    kept = partial(cached_answers, tmp_path / "bert", rows, 16, torch.float32, cache)
    expected = head.answers(model.eval(), load_tokenizer(tmp_path / "bert"), rows, 16)
    for _ in range(2):  # computed, and read
        assert kept().tolist() == expected.tolist()
