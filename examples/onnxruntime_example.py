"""onnxruntime and tokenizers alone, int8 where there is one: python onnxruntime_example.py FOLDER TEXT…"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder, texts = Path(sys.argv[1]), sys.argv[2:]
config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))  # cuts at the model's length, and pads nothing
int8 = folder / "onnx/model_quantized.onnx"
session = onnxruntime.InferenceSession(int8 if int8.exists() else folder / "onnx/model.onnx")
for text in texts:  # one at a time: int8 that is dynamic scales by all that it reads, other texts too
    encoding = tokenizer.encode(text)
    inputs = {
        "input_ids": encoding.ids,
        "attention_mask": encoding.attention_mask,
        "token_type_ids": encoding.type_ids,
    }
    read = {each.name: np.array([inputs[each.name]], dtype=np.int64) for each in session.get_inputs()}
    logits = session.run(["logits"], read)[0][0] / config["label_temperature"]
    powers = np.exp(logits - logits.max())
    probabilities = dict(zip(config["id2label"].values(), (powers / powers.sum()).tolist(), strict=True))
    print(
        json.dumps({"text": text, "label": max(probabilities, key=probabilities.get), "probabilities": probabilities})
    )
