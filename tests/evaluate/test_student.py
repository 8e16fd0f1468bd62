"""The object of metrics.json, measured on tiny models made on the spot."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
)

from tests.evaluate.made_up import SENTENCES, experiment, student
from tinybert.errors import UserError
from tinybert.evaluate.schema import Result, read_checked
from tinybert.evaluate.student import evaluate_student

WORDS = sorted({word.strip(",") for sentence in SENTENCES for word in sentence.split()} | {","})
ROWS = 30


def save_tokenizer(folder, words=WORDS):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)


def save_model(folder, layers, hidden, outputs, seed, heads=2):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=80,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=hidden,
        max_position_embeddings=32,
        num_labels=outputs,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    save_tokenizer(folder)


pytestmark = pytest.mark.usefixtures("quick_measures")


def evaluate(folder, outputs=2, **kwargs):
    regression = outputs == 1
    if not (folder / "teacher").exists():
        save_model(folder / "teacher", 3, 16, outputs, seed=1)
        save_model(folder / "student", 2, 8, outputs, seed=2)
    labels = np.linspace(0, 5, ROWS) if regression else np.arange(ROWS) % outputs
    rows = pd.DataFrame({"text": [SENTENCES[index % len(SENTENCES)] for index in range(ROWS)], "label": labels})
    (folder / "data").mkdir(exist_ok=True)
    rows.to_parquet(folder / "data/test.parquet", index=False)
    names = None if regression else [f"class{index}" for index in range(outputs)]
    counts = {"train": 100, "validation": 10, "test": ROWS}
    (folder / "data/task.json").write_text(json.dumps({"names": names, "rows": counts}))
    (folder / "details").mkdir(exist_ok=True)
    made = experiment({"tiny": student()}, regression=regression)
    task = made.tasks["movies"].model_copy(update={"max_length": 24})
    evaluate_student(
        made.students["tiny"],
        task,
        folder / "teacher",
        folder / "student",
        folder / "data",
        seed=42,
        precision="fp32",
        metrics_file=folder / "tiny.json",
        details=folder / "details",
        **kwargs,
    )
    return read_checked(folder / "tiny.json", Result, "evaluate"), rows


def plain_loop(folder, rows):
    """Logits as a user of the folder would compute them, one text at a time."""
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return np.concatenate([model(**tokenizer(text, return_tensors="pt")).logits.numpy() for text in rows["text"]])


def test_scores_are_those_of_a_plain_loop_and_the_rest_follows_from_them(tmp_path):
    result, rows = evaluate(tmp_path)
    teacher, pupil = (plain_loop(tmp_path / who, rows).argmax(1) for who in ("teacher", "student"))
    assert result.student.score == pytest.approx((pupil == rows["label"]).mean(), abs=1e-6)
    assert result.teacher.score == pytest.approx((teacher == rows["label"]).mean(), abs=1e-6)
    assert result.agreement == pytest.approx((teacher == pupil).mean(), abs=1e-6)
    assert 0 < result.agreement < 1
    assert result.retention == pytest.approx(result.student.score / result.teacher.score, abs=1e-5)
    assert result.compression == pytest.approx(result.teacher.bytes / result.student.bytes, abs=1e-5)
    assert result.student.bytes == (tmp_path / "student/model.safetensors").stat().st_size
    assert result.names == ["class0", "class1"]
    assert result.teacher.flops > result.student.flops > 0
    assert result.examples.model_dump() == {"train": 100, "augmented": 0, "validation": 10, "test": ROWS}


def test_regression_agrees_by_correlation(tmp_path):
    result, rows = evaluate(tmp_path, outputs=1)
    teacher, pupil = (plain_loop(tmp_path / who, rows)[:, 0] for who in ("teacher", "student"))
    assert result.agreement == pytest.approx(np.corrcoef(teacher, pupil)[0, 1], abs=1e-4)
    assert list(result.student.metrics) == ["pearson", "spearman"]
    assert result.names is None


def test_details_are_the_rows_with_both_answers_and_attention_that_sums_to_one(tmp_path):
    _, rows = evaluate(tmp_path)
    table = pd.read_parquet(tmp_path / "details/test.parquet")
    assert table["text"].tolist() == rows["text"].tolist()
    assert [max(range(2), key=each.__getitem__) for each in table["student_probabilities"]] == table["student"].tolist()
    attention = json.loads((tmp_path / "details/attention.json").read_text())
    assert (attention["teacher_layer"], attention["student_layer"]) == (3, 2)
    assert attention["tokens"][0] == "[CLS]"
    for each in attention["maps"]:
        for who in ("teacher", "student"):
            assert np.array(each[who]).sum(axis=1) == pytest.approx(np.ones(len(attention["tokens"])), abs=0.02)


def test_attention_is_of_the_mapped_layers_on_the_text_that_fits_best(tmp_path):
    _, rows = evaluate(tmp_path)
    attention = json.loads((tmp_path / "details/attention.json").read_text())
    tokenizer = BertTokenizerFast.from_pretrained(tmp_path / "teacher")
    longest = max(rows["text"], key=lambda text: len(tokenizer(text)["input_ids"]))
    assert attention["tokens"] == tokenizer.convert_ids_to_tokens(tokenizer(longest)["input_ids"])
    for who, layer in (("teacher", 3), ("student", 2)):
        model = AutoModelForSequenceClassification.from_pretrained(tmp_path / who, attn_implementation="eager").eval()
        with torch.no_grad():
            weights = model(**tokenizer(longest, return_tensors="pt"), output_attentions=True).attentions[layer - 1][0]
        assert np.array(attention["maps"][0][who]) == pytest.approx(weights.mean(dim=0).numpy(), abs=1e-3)


def test_heads_are_not_paired_where_their_numbers_differ(tmp_path):
    save_model(tmp_path / "teacher", 3, 16, 2, seed=1, heads=4)
    save_model(tmp_path / "student", 2, 8, 2, seed=2, heads=2)
    evaluate(tmp_path)
    assert len(json.loads((tmp_path / "details/attention.json").read_text())["maps"]) == 1


def test_lineage_says_what_the_student_was_trained_on(tmp_path):
    save_model(tmp_path / "teacher", 3, 16, 2, seed=1)
    save_model(tmp_path / "student", 2, 8, 2, seed=2)
    lineage = {"stage": "s", "facts": {"precision": "bf16", "examples": {"augmented": 77}}, "params": {}, "inputs": {}}
    (tmp_path / "student/lineage.json").write_text(json.dumps(lineage))
    result, _ = evaluate(tmp_path)
    assert (result.examples.augmented, result.precision) == (77, "bf16")
    assert json.loads((tmp_path / "details/lineage.json").read_text()) == lineage


def test_everything_is_the_same_twice(tmp_path):
    def files():
        evaluate(tmp_path)
        return {file.name: file.read_bytes() for file in [tmp_path / "tiny.json", *(tmp_path / "details").iterdir()]}

    assert files() == files()


def test_another_tokenizer_is_refused(tmp_path):
    save_model(tmp_path / "teacher", 3, 16, 2, seed=1)
    save_model(tmp_path / "student", 2, 8, 2, seed=2)
    save_tokenizer(tmp_path / "student", [*WORDS, "extra"])
    with pytest.raises(UserError, match="vocabular"):
        evaluate(tmp_path)
