import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset

from tests.tiny import tiny_bert, tiny_job, tiny_tokenizer, weather_report
from tinybert.corpus.store import write_documents
from tinybert.errors import UserError
from tinybert.models.loading import load_masked_lm
from tinybert.models.signals import SignalModel
from tinybert.params.tasks import MaskedLanguageModel
from tinybert.running.lineage import read_lineage
from tinybert.tokens.masking import Masking
from tinybert.train.masked_lm import MaskedTokenObjective, adapt_masked_lm, guess_by_frequency


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    texts = [weather_report(random, bool(random.integers(2))) for _ in range(300)]
    pd.DataFrame({"text": texts, "label": 0}).to_parquet("train.parquet")
    (tmp_path / "corpus").mkdir()
    write_documents([("weather", " ".join(texts))], tmp_path / "corpus")
    return tmp_path


def adapt(world, source, steps, **changes):
    settings = MaskedLanguageModel.model_validate(
        {"from": "bert", "corpus": "corpus", "steps": steps, "batch_size": 16, "learning_rate": 1e-2} | changes
    )
    job = tiny_job(world / "mlm", world / "curves")
    adapt_masked_lm(settings, source, world / "corpus", world / "train.parquet", job)
    return read_lineage(job.folder)["facts"]


def test_head_and_trunk_are_trained_and_held_out_accuracy_is_reported(world):
    facts = adapt(world, tiny_bert(world / "bert"), steps=400)
    curve = pd.read_csv(world / "curves" / "validation.csv")
    assert list(curve["step"]) == [0, 400]
    assert curve["accuracy"][0] < 0.2
    assert curve["accuracy"][1] > 0.4  # half of the words follow from the sentence's shape
    assert facts["masked_accuracy"] == pytest.approx(curve["accuracy"][1], abs=1e-3)
    load_masked_lm(world / "mlm")  # has its head now


def test_a_checkpoint_with_its_head_passes_through(world):
    source = tiny_bert(world / "bert", head=True)
    adapt(world, source, steps=0)
    before, after = (load_masked_lm(folder).state_dict() for folder in (source, world / "mlm"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_without_its_head_and_no_steps(world):
    with pytest.raises(UserError, match=r"no masked-language head .* set the task's mlm.steps above 0"):
        adapt(world, tiny_bert(world / "bert"), steps=0)


def test_a_new_head_starts_from_how_frequent_tokens_are(tmp_path):
    model = load_masked_lm(tiny_bert(tmp_path / "bert"), new_head=True)
    guess_by_frequency(model, Dataset.from_dict({"input_ids": [[2, 5, 5, 3], [2, 5, 3]]}))
    guesses = model.get_output_embeddings()(torch.zeros(24)).log_softmax(-1)[[5, 2, 7]].detach()
    torch.testing.assert_close(guesses - guesses[0], torch.log(torch.tensor([4 / 4, 3 / 4, 1 / 4])))
    before = model.get_output_embeddings().bias.clone()
    guess_by_frequency(model, Dataset.from_dict({"input_ids": [[7, 7, 7]]}))
    assert torch.equal(model.get_output_embeddings().bias, before)  # a head that isn't new


def test_texts_in_which_nothing_can_be_masked_are_left_out_and_counted(world, capsys):
    """Signs that the vocabulary lacks are [UNK], and what can't be seen is no token at all."""
    unread = pd.DataFrame({"text": ["☔ ☔", "\u200b"] * 4, "label": 0})
    pd.concat([pd.read_parquet("train.parquet")[:20], unread]).to_parquet("train.parquet")
    facts = adapt(world, tiny_bert(world / "bert", head=True), steps=5, batch_size=1)
    assert "8 of 28 texts have no token that could be masked, and are left out" in capsys.readouterr().out
    assert facts["texts_without_words"] == 8


def test_a_batch_in_which_nothing_is_masked_counts_0(tmp_path):
    model = SignalModel(load_masked_lm(tiny_bert(tmp_path / "bert", head=True)), records_scores=False)
    batch = Masking(tiny_tokenizer(), 0, 100)([{"input_ids": [2, 1, 1, 3]}, {"input_ids": [2, 3]}])
    loss = MaskedTokenObjective()(model, batch)["mlm"]
    loss.backward()
    assert loss.item() == 0
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())
