"""A random model of any type of task, exported."""

import torch

from tests.tiny import tiny_bert
from tinybert.export.folder import export_model
from tinybert.models.heads import SpanHead
from tinybert.models.loading import head_config, load_classifier, load_span_model
from tinybert.params.export import Export

MAX_LENGTH = 12


def export_tiny(
    root, name, rows, head=None, metric="accuracy", max_length=MAX_LENGTH, max_loss=1.0, int8="auto", seed=1
):
    """Its folder below `root`; the model is in `root/model`, the rows in `root/data/weather`."""
    data, model_folder = root / "data/weather", tiny_bert(root / "model")
    data.mkdir(parents=True, exist_ok=True)
    for split in ("train", "validation"):
        rows.to_parquet(data / f"{split}.parquet")
    torch.manual_seed(seed)
    if isinstance(head, SpanHead):
        model = load_span_model(model_folder, new_head=True)
        model.config.update(head.config())
    else:
        model = load_classifier(model_folder, new_head=head or head_config(["bad", "good"]))
    model.save_pretrained(model_folder)
    folder = root / name
    folder.mkdir()
    settings = Export(int8=int8, max_loss=max_loss)
    export_model(model_folder, data, folder, folder, settings, metric, max_length, "export@weather")
    return folder
