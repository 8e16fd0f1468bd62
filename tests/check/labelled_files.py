"""Files of labelled text as people have them, and what a task says of each."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd

from tests.tiny import weather_rows

ROWS = weather_rows(120).drop_duplicates("text")
TEXTS = ROWS["text"].str.replace(" ,", "").tolist()
GOOD = ROWS["label"].tolist()
NAMES = ["good" if good else "bad" for good in GOOD]
NUMBERS = [f"{value:.2f}" for value in np.linspace(0, 5, len(TEXTS))]
CYRILLIC = [f"погода была {text.split()[-2]} номер {number}" for number, text in enumerate(TEXTS)]
TOPICS = [["rain|wind", "rain", "wind", "sun|rain", "sun"][number % 5] for number in range(len(TEXTS))]
FIVE = [str(number % 5 + 1) for number in range(len(TEXTS))]
RARE = ["yes" if number % 10 == 0 else "no" for number in range(len(TEXTS))]
COUNTED = list(range(len(TEXTS)))
LABELLED = list(zip(TEXTS, NAMES, strict=True))


def lines(*columns, header="", separator=",", end="\n"):
    rows = [separator.join(map(str, cells)) for cells in zip(*columns, strict=True)]
    return end.join([*filter(None, [header]), *rows, ""])


def quoted(texts):
    return [f'"{text}, they said ""twice"""' for text in texts]


WHOLE = {"type": "classification", "columns": None, "text": ["text"], "metric": "accuracy"}
CLASSES = WHOLE | {"label": {"column": "label"}}
MADE_UP = CLASSES | {"columns": ["column1", "column2"], "text": ["column1"], "label": {"column": "column2"}}
PAIR = CLASSES | {"text": ["sentence1", "sentence2"]}

FILES = {
    "plain": ("a.csv", lines(TEXTS, NAMES, header="text,label"), CLASSES),
    "quotes": ("a.csv", lines(quoted(TEXTS), NAMES, header="text,label"), CLASSES),
    "semicolons": ("a.csv", lines(TEXTS, NAMES, header="text;label", separator=";"), CLASSES | {"separator": ";"}),
    "Excel says": ("a.csv", "sep=;\n" + lines(TEXTS, NAMES, header="text;label", separator=";"), CLASSES),
    "bars": ("a.txt", lines(NAMES, TEXTS, header="label|text", separator="|"), CLASSES | {"separator": "|"}),
    "tabs": ("a.tsv", lines(NAMES, TEXTS, header="label\ttext", separator="\t"), CLASSES),
    "tabs in .csv": ("a.csv", lines(NAMES, TEXTS, header="label\ttext", separator="\t"), CLASSES | {"separator": "\t"}),
    "tabs and quotes": (
        "a.tsv",
        lines(quoted(TEXTS), NAMES, header="text\tlabel", separator="\t"),
        CLASSES | {"quotes": True},
    ),
    "quotes that are text": (
        "a.csv",
        lines([f'"{text}' for text in TEXTS], NAMES, header="text;label", separator=";"),
        CLASSES | {"separator": ";", "quotes": False},
    ),
    "no header": ("a.csv", lines(TEXTS, NAMES), MADE_UP),
    "no header, numbers": ("a.csv", lines(TEXTS, GOOD), MADE_UP),
    "header of numbers": ("a.csv", lines(TEXTS, GOOD, header="0,1"), WHOLE | {"text": ["0"], "label": {"column": "1"}}),
    "columns without names": (
        "a.csv",
        lines(NAMES, TEXTS, [""] * len(TEXTS), [""] * len(TEXTS), header="v1,v2,,"),
        WHOLE | {"text": ["v2"], "label": {"column": "v1"}},
    ),
    "numbers of labels": (
        "a.csv",
        lines(TEXTS, [["3", '"3,7"', "7"][number % 3] for number in COUNTED], header="text,labels"),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"column": "labels", "separator": ","}},
    ),
    "BOM, CRLF": ("a.csv", "\ufeff" + lines(TEXTS, NAMES, header="text,label", end="\r\n"), CLASSES),
    "gz": ("a.csv.gz", gzip.compress(lines(TEXTS, NAMES, header="text,label").encode()), CLASSES),
    "index": ("a.csv", lines(range(len(TEXTS)), TEXTS, NAMES, header=",text,label"), CLASSES),
    "columns of rows": (
        "a.csv",
        lines(range(len(TEXTS)), ["2024-01-05"] * len(TEXTS), TEXTS, GOOD, header="review_id,date,review,sentiment"),
        WHOLE | {"text": ["review"], "label": {"column": "sentiment"}},
    ),
    "pairs": ("a.csv", lines(TEXTS, TEXTS[::-1], NAMES, header="sentence1,sentence2,label"), PAIR),
    "pairs, MRPC's names": (
        "a.tsv",
        lines(GOOD, COUNTED, TEXTS, TEXTS[::-1], header="Quality\t#1 ID\t#1 String\t#2 String", separator="\t"),
        WHOLE | {"text": ["#1 String", "#2 String"], "label": {"column": "Quality"}},
    ),
    "CoLA": (
        "a.tsv",
        lines([f"gj0{each}" for each in FIVE], GOOD, ["*" * (each == "yes") for each in RARE], TEXTS, separator="\t"),
        MADE_UP | {"columns": [f"column{number}" for number in range(1, 5)], "text": ["column4"]},
    ),
    "several in a cell": (
        "a.csv",
        lines(TEXTS, TOPICS, header="text,topics"),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"column": "topics", "separator": "|"}},
    ),
    "a column each": (
        "a.csv",
        lines(TEXTS, GOOD, GOOD[::-1], [each % 2 for each in range(len(TEXTS))], header="text,wet,cold,windy"),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"columns": ["wet", "cold", "windy"]}},
    ),
    "stars": ("a.csv", lines(TEXTS, FIVE, header="text,stars"), WHOLE | {"label": {"column": "stars"}}),
    "numbers": (
        "a.csv",
        lines(TEXTS, NUMBERS, header="text,score"),
        WHOLE | {"type": "regression", "metric": "pearson", "label": {"column": "score"}},
    ),
    "rare": (
        "a.csv",
        lines(TEXTS, RARE, header="text,label"),
        CLASSES | {"metric": "f1", "label": {"column": "label", "names": ["no", "yes"]}},
    ),
    "rows without a label": (
        "a.csv",
        lines(TEXTS, ["", *NAMES[1:]], header="text,label"),
        CLASSES | {"label": {"column": "label", "drop": [""]}},
    ),
    "Cyrillic": (
        "отзывы.csv",
        lines(CYRILLIC, NAMES, header="текст,класс"),
        WHOLE | {"text": ["текст"], "label": {"column": "класс"}},
    ),
    "JSON lines": (
        "a.jsonl",
        "\n".join(json.dumps({"meta": {"a": 1}, "text": text, "label": name}) for text, name in LABELLED),
        CLASSES,
    ),
    "JSON lists": (
        "a.json",
        json.dumps([{"text": text, "tags": topics.split("|")} for text, topics in zip(TEXTS, TOPICS, strict=True)]),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"column": "tags"}},
    ),
    "Parquet": (
        "a.parquet",
        pd.DataFrame({"id": COUNTED, "vector": [[{"a": 1}]] * len(TEXTS), "text": TEXTS, "label": GOOD}),
        CLASSES,
    ),
    "broken lines": (
        "a.csv",
        lines(TEXTS * 2, NAMES * 2, header="text,label") + "one,two,three\n",
        CLASSES | {"broken": "skip"},
    ),
}
"""By what is to be seen: a file's name, its content, and what is to be said of it."""
