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

from tests.evaluate.made_up import SENTENCES, experiment, export, student
from tinybert.evaluate.schema import Result, read_checked
from tinybert.evaluate.student import evaluate_student

WORDS = sorted({word.strip(",") for sentence in SENTENCES for word in sentence.split()} | {","})
ROWS = 30


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
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)


@pytest.fixture
def evaluate(tmp_path, quick_measures):
    """Evaluate a tiny student beside its teacher; gives the result, the rows, and the folder of both models."""

    def evaluate(outputs=2, heads=2, lineage=None):
        save_model(tmp_path / "teacher", 3, 16, outputs, seed=1, heads=heads)
        save_model(tmp_path / "student", 2, 8, outputs, seed=2)
        if lineage:
            (tmp_path / "student/lineage.json").write_text(json.dumps(lineage))
        labels = np.linspace(0, 5, ROWS) if outputs == 1 else np.arange(ROWS) % outputs
        rows = pd.DataFrame({"text": (SENTENCES * ROWS)[:ROWS], "label": labels})
        for name in ("data", "details"):
            (tmp_path / name).mkdir(exist_ok=True)
        for split in ("train", "validation", "test"):
            rows.to_parquet(tmp_path / f"data/{split}.parquet", index=False)
        names = None if outputs == 1 else [f"class{index}" for index in range(outputs)]
        facts = {"names": names, "rows": {"train": 100, "validation": 10, "test": ROWS}}
        (tmp_path / "data/task.json").write_text(json.dumps(facts))
        made = experiment({"tiny": student()}, regression=outputs == 1)
        task = made.tasks["movies"].model_copy(update={"max_length": 24})
        models = tmp_path / "teacher", tmp_path / "student"
        evaluate_student(
            made.students["tiny"], task, *models, export(tmp_path / "data", task, *models), tmp_path / "data",
            seed=42, precision="fp32", metrics_file=tmp_path / "tiny.json", details=tmp_path / "details",
        )  # fmt: skip
        return read_checked(tmp_path / "tiny.json", Result, "evaluate"), rows, tmp_path

    return evaluate


def read_attention(folder):
    return json.loads((folder / "details/attention.json").read_text())


def plain_loop(folder, rows):
    """Logits as a user of the folder would compute them, one text at a time."""
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return np.concatenate([model(**tokenizer(text, return_tensors="pt")).logits.numpy() for text in rows["text"]])


def test_scores_are_those_of_a_plain_loop_and_the_rest_follows_from_them(evaluate):
    result, rows, folder = evaluate()
    teacher, pupil = (plain_loop(folder / who, rows).argmax(1) for who in ("teacher", "student"))
    assert result.student.score == pytest.approx((pupil == rows["label"]).mean(), abs=1e-6)
    assert result.teacher.score == pytest.approx((teacher == rows["label"]).mean(), abs=1e-6)
    assert result.agreement == pytest.approx((teacher == pupil).mean(), abs=1e-6)
    assert 0 < result.agreement < 1
    assert result.retention == pytest.approx(result.student.score / result.teacher.score, abs=1e-5)
    assert result.compression == pytest.approx(result.teacher.bytes / result.student.bytes, abs=1e-5)
    assert result.student.bytes == (folder / "student/model.safetensors").stat().st_size
    assert result.names == ["class0", "class1"]
    assert result.teacher.flops > result.student.flops > 0
    assert result.examples.model_dump() == {"train": 100, "augmented": 0, "validation": 10, "test": ROWS}
    table = pd.read_parquet(folder / "details/test.parquet")
    assert table["text"].tolist() == rows["text"].tolist()
    assert np.stack(table["student_probabilities"]).argmax(axis=1).tolist() == table["student"].tolist()
    deployed = pd.read_parquet(folder / "details/deployed.parquet")  # what is scored is what the report compares
    assert list(deployed) == ["teacher/onnx", "teacher/int8", "student/onnx", "student/int8"]
    for who in ("teacher", "student"):
        for form in ("onnx", "int8"):
            exported = getattr(getattr(result, who), form)
            assert exported.score == pytest.approx((deployed[f"{who}/{form}"] == rows["label"]).mean(), abs=1e-6)
            assert exported.ci95[0] <= exported.score <= exported.ci95[1]


def test_regression_agrees_by_correlation(evaluate):
    result, rows, folder = evaluate(outputs=1)
    teacher, pupil = (plain_loop(folder / who, rows)[:, 0] for who in ("teacher", "student"))
    assert result.agreement == pytest.approx(np.corrcoef(teacher, pupil)[0, 1], abs=1e-4)
    assert list(result.student.metrics) == ["pearson", "spearman"]
    assert result.names is None


def test_attention_is_of_the_mapped_layers_on_the_text_that_fits_best(evaluate):
    _, rows, folder = evaluate()
    attention = read_attention(folder)
    assert (attention["teacher_layer"], attention["student_layer"]) == (3, 2)
    tokenizer = BertTokenizerFast.from_pretrained(folder / "teacher")
    longest = max(rows["text"], key=lambda text: len(tokenizer(text)["input_ids"]))
    assert attention["tokens"] == tokenizer.convert_ids_to_tokens(tokenizer(longest)["input_ids"])
    for who, layer in (("teacher", 3), ("student", 2)):
        model = AutoModelForSequenceClassification.from_pretrained(folder / who, attn_implementation="eager").eval()
        with torch.no_grad():
            weights = model(**tokenizer(longest, return_tensors="pt"), output_attentions=True).attentions[layer - 1][0]
        shown = {each["name"]: each[who] for each in attention["maps"]}
        assert np.array(shown["mean of 2 heads"]) == pytest.approx(weights.mean(dim=0).numpy(), abs=1e-3)
        assert np.array(shown["head 2"]) == pytest.approx(weights[1].numpy(), abs=1e-3)


def test_heads_are_not_paired_where_their_numbers_differ(evaluate):
    assert len(read_attention(evaluate(heads=4)[2])["maps"]) == 1


def test_lineage_says_what_the_student_was_trained_on(evaluate):
    lineage = {"stage": "s", "facts": {"precision": "bf16", "examples": {"augmented": 77}}, "params": {}, "inputs": {}}
    result, _, folder = evaluate(lineage=lineage)
    assert (result.examples.augmented, result.precision) == (77, "bf16")
    assert json.loads((folder / "details/lineage.json").read_text()) == lineage
    exported = folder / "student-exported/export.json"
    assert (folder / "details/export.json").read_bytes() == exported.read_bytes()


def test_everything_is_the_same_twice(evaluate):
    def files():
        folder = evaluate()[2]
        return {file.name: file.read_bytes() for file in [folder / "tiny.json", *(folder / "details").iterdir()]}

    assert files() == files()
