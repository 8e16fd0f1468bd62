"""The examples run where this project isn't, and all say what the model says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from time import sleep

import numpy as np
import pandas as pd
import pytest
import torch

from tests.evaluate.made_up import experiment, write_evidence
from tests.evaluate.made_up import student as made_up
from tests.examples.browser import BROWSER, page
from tests.import_closure import ROOT
from tests.tiny import logits_of
from tinybert.report.cards import render_card
from tinybert.report.gather import gather

EXAMPLES = ROOT / "examples"
TEXTS = ["the weather was very sunny and mild in paris .", "we had stormy , wet weather", "very " * 30, "x"]
ALONE = "import runpy, sys; sys.modules |= dict.fromkeys({away}); sys.argv.pop(0); runpy.run_path(sys.argv[0])"
"""Imports of what is `away` fail."""


def expected(folder):
    logits = torch.tensor(logits_of(folder, pd.DataFrame({"text": TEXTS})))
    config = json.loads((folder / "config.json").read_text())
    return (logits / config["label_temperature"]).softmax(dim=-1).numpy()


def run(example, folder, tmp_path, *away):
    """Probabilities of the texts, (texts, classes), by a script that can't see this project."""
    command = [sys.executable, "-c", ALONE.format(away=[*away, "tinybert"]), EXAMPLES / example, folder, *TEXTS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["text"] for line in lines] == TEXTS
    assert all(line["label"] == max(line["probabilities"], key=line["probabilities"].get) for line in lines)
    assert {tuple(line["probabilities"]) for line in lines} == {("bad", "good")}
    return np.array([list(line["probabilities"].values()) for line in lines])


def test_transformers(exported, tmp_path):
    found = run("transformers_example.py", exported, tmp_path)
    np.testing.assert_allclose(found, expected(exported), atol=1e-6)


def test_onnxruntime_without_torch(exported, tmp_path):
    int8 = run("onnxruntime_example.py", exported, tmp_path, "torch", "transformers")
    np.testing.assert_allclose(int8, expected(exported), atol=0.02)
    copy = shutil.copytree(exported, tmp_path / "fp32")
    (copy / "onnx/model_quantized.onnx").unlink()
    fp32 = run("onnxruntime_example.py", copy, tmp_path, "torch", "transformers")
    np.testing.assert_allclose(fp32, expected(exported), atol=1e-6)
    assert not np.array_equal(int8, fp32)


def test_the_cards_code(exported, tmp_path, monkeypatch):
    """Both of its pieces run in the folder of the project, where the card says that the model is."""
    write_evidence(tmp_path, exported.name, names=["bad", "good"])
    (student,) = gather(experiment({exported.name: made_up()}), tmp_path / "evaluation/made-up")
    monkeypatch.chdir(exported.parents[3])
    found = {}
    for code in re.findall(r"```python\n(.*?)```", render_card(student), re.DOTALL):
        exec(code, found)
    np.testing.assert_allclose(found["outputs"][0], found["logits"].detach().numpy(), atol=0.05)


@pytest.fixture
def site(exported):
    """The address of the page, served beside the model."""
    command = ["node", "serve.mjs", str(exported), "0"]
    with subprocess.Popen(command, cwd=EXAMPLES / "browser", stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.mark.skipif(
    not (BROWSER and shutil.which("node") and (EXAMPLES / "browser/node_modules").exists()),
    reason="needs chromium, node and `npm ci --ignore-scripts` in examples/browser",
)
def test_browser(exported, site, tmp_path):
    with page(BROWSER, site, tmp_path / "profile", seconds=60) as evaluate:
        while not evaluate("typeof window.classify === 'function'"):
            sleep(0.1)

        def classify(dtype):
            return np.array([list(evaluate(f"classify({json.dumps(text)}, '{dtype}')").values()) for text in TEXTS])

        np.testing.assert_allclose(classify("fp32"), expected(exported), atol=1e-5)
        int8 = run("onnxruntime_example.py", exported, tmp_path)
        np.testing.assert_allclose(classify("q8"), int8, atol=1e-3)
        said = evaluate("document.getElementById('answer').value")
    assert said.split(",")[0] in ("bad", "good")
