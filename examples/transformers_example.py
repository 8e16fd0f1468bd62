"""Plain transformers: python transformers_example.py FOLDER TEXT…"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, *texts = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    logits = model(**inputs).logits
for text, row in zip(texts, (logits / model.config.label_temperature).softmax(dim=-1).tolist(), strict=True):
    probabilities = dict(zip(model.config.id2label.values(), row, strict=True))
    print(
        json.dumps({"text": text, "label": max(probabilities, key=probabilities.get), "probabilities": probabilities})
    )
